"""The comparison of proxies with Fanlight finds every disagreement, and nothing else."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.soak.differential import Mirror, Outcome, Seen, compare, compare_outcomes, messages, try_message
from tests.soak.proxies import PROXIES
from tests.sockets import received_next
from tests.speed import PATIENCE

from fanlight.testing import LiveServer

SENT = Seen(0, "POST", "/", b"hello")
NEXT = Seen(1, "GET", "/next-x", b"")
PROBE = Seen(7, "GET", "/probe-x", b"")


def outcome(*seen: Seen, completed: list[int] | None = None, probe_response: int | None = 7) -> Outcome:
    numbers = [each.number for each in seen] if completed is None else completed
    return Outcome(list(seen), numbers, [PROBE], probe_response)


DIRECT = outcome(SENT, NEXT)
REFUSED = outcome()
VERDICTS = {
    "as it is": (DIRECT, outcome(SENT, NEXT), "same"),
    "refused by both": (REFUSED, outcome(), "same"),
    "refused by the proxy": (DIRECT, outcome(NEXT), "refused"),
    "corrected": (REFUSED, outcome(SENT, NEXT), "repaired"),
    "given up": (REFUSED, outcome(SENT, completed=[]), "repaired"),
    "another case": (DIRECT, outcome(SENT._replace(method="post"), NEXT), "rewritten"),
    "content left out": (DIRECT, outcome(SENT._replace(content=b""), NEXT), "rewritten"),
    "another target": (DIRECT, outcome(SENT._replace(target="/other"), NEXT), "rewritten"),
    "the host left out": (outcome(SENT._replace(target="http://a/"), NEXT), outcome(SENT, NEXT), "same"),
    "another method": (DIRECT, outcome(SENT._replace(method="GET"), NEXT), "differs"),
    "other content": (DIRECT, outcome(SENT._replace(content=b"hel"), NEXT), "differs"),
    "more content": (DIRECT, outcome(SENT._replace(content=b"hello, and GET /next-x"), completed=[0]), "differs"),
    "one more": (DIRECT, outcome(SENT, Seen(1, "GET", "/evil", b""), Seen(2, "GET", "/next-x", b"")), "differs"),
    "one that the proxy does not know": (
        REFUSED,
        outcome(SENT, Seen(1, "GET", "/evil", b""), Seen(2, "GET", "/next-x", b""), completed=[0, 1]),
        "differs",
    ),
    "one less": (DIRECT, outcome(SENT, completed=[0, 0]), "differs"),
    "the next one twice": (DIRECT, outcome(SENT, NEXT, NEXT._replace(number=2)), "differs"),
    "the next client gets another response": (DIRECT, outcome(SENT, NEXT, probe_response=1), "differs"),
    "the next client gets none": (DIRECT, outcome(SENT, NEXT, probe_response=None), "differs"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_disagreements_are_distinguished_from_rewriting(case: str) -> None:
    """Other requests or other responses are a disagreement; what a proxy refuses, corrects or rewrites is none."""
    direct, through, kind = VERDICTS[case]
    assert compare_outcomes("x", direct, through).kind == kind


@contextlib.contextmanager
def naive_proxy(site: int) -> Iterator[int]:
    """Run a proxy that takes all that a client sends for one request, over one connection to the site."""
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = socket.create_connection(("127.0.0.1", site), PATIENCE)
    buffered = b""

    def one_response() -> bytes:
        nonlocal buffered
        while (end := buffered.find(b"\r\n\r\n")) < 0:
            buffered += received_next(upstream)
        found = re.search(rb"content-length: (\d+)", buffered[:end])
        assert found is not None
        size = end + 4 + int(found[1])
        while len(buffered) < size:
            buffered += received_next(upstream)
        response, buffered = buffered[:size], buffered[size:]
        return response

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                with listener.accept()[0] as client:
                    upstream.sendall(client.recv(65536).replace(b"Connection: close\r\n", b""))
                    client.sendall(one_response())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)
        upstream.close()


def test_a_proxy_that_sees_fewer_requests_than_the_site_is_found() -> None:
    """Where a proxy and the site disagree, another client gets a response to a request not its own; it is found."""
    data = messages()["plain-get"]
    direct_site, site = Mirror(), Mirror()
    with LiveServer(direct_site) as direct, LiveServer(site) as server, naive_proxy(server.port) as port:
        ours = try_message(direct_site, direct.port, "plain-get", data)
        theirs = try_message(site, port, "plain-get", data)
    assert compare_outcomes("plain-get", ours, ours).kind == "same"
    assert compare_outcomes("plain-get", ours, theirs).kind == "differs"


def test_nginx_and_haproxy_see_the_same_requests(tmp_path: Path) -> None:
    """The messages about lengths are the same requests through nginx and HAProxy, which every test machine has."""
    kinds = ("content-length", "te-", "both-lengths", "chunked", "get-with")
    vectors = {name: data for name, data in messages().items() if name.startswith(kinds)}
    tmp_path.chmod(0o755)
    chosen = [proxy for proxy in PROXIES if proxy.name in ("nginx, unbuffered", "HAProxy")]
    compared = compare(chosen, vectors, tmp_path)
    assert compared.found == []
    assert len(compared.rows) == len(chosen)
    assert not any("did not start" in row for row in compared.rows)
