"""The comparison of what proxies and we see finds what it is made for, and nothing where there is nothing."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.soak.differential import Mirror, Outcome, Seen, compare, judge, messages, try_message
from tests.soak.proxies import PROXIES
from tests.speed import PATIENCE

from fanlight.testing import LiveServer

ASKED = Seen(0, "POST", "/", b"hello")
NEXT = Seen(1, "GET", "/next-x", b"")
PROBE = Seen(7, "GET", "/probe-x", b"")


def outcome(*seen: Seen, answered: list[int] | None = None, probe_answer: int | None = 7) -> Outcome:
    numbers = [each.number for each in seen] if answered is None else answered
    return Outcome(list(seen), numbers, [PROBE], probe_answer)


STRAIGHT = outcome(ASKED, NEXT)
REFUSED = outcome()
VERDICTS = {
    "as it is": (STRAIGHT, outcome(ASKED, NEXT), "same"),
    "refused by both": (REFUSED, outcome(), "same"),
    "refused by the proxy": (STRAIGHT, outcome(NEXT), "refused"),
    "made good": (REFUSED, outcome(ASKED, NEXT), "repaired"),
    "given up": (REFUSED, outcome(ASKED, answered=[]), "repaired"),
    "another case": (STRAIGHT, outcome(ASKED._replace(method="post"), NEXT), "rewritten"),
    "content left out": (STRAIGHT, outcome(ASKED._replace(content=b""), NEXT), "rewritten"),
    "another target": (STRAIGHT, outcome(ASKED._replace(target="/other"), NEXT), "rewritten"),
    "the host left out": (outcome(ASKED._replace(target="http://a/"), NEXT), outcome(ASKED, NEXT), "same"),
    "another method": (STRAIGHT, outcome(ASKED._replace(method="GET"), NEXT), "differs"),
    "other content": (STRAIGHT, outcome(ASKED._replace(content=b"hel"), NEXT), "differs"),
    "more content": (STRAIGHT, outcome(ASKED._replace(content=b"hello, and GET /next-x"), answered=[0]), "differs"),
    "one more": (STRAIGHT, outcome(ASKED, Seen(1, "GET", "/evil", b""), Seen(2, "GET", "/next-x", b"")), "differs"),
    "one that the proxy does not know": (
        REFUSED,
        outcome(ASKED, Seen(1, "GET", "/evil", b""), Seen(2, "GET", "/next-x", b""), answered=[0, 1]),
        "differs",
    ),
    "one less": (STRAIGHT, outcome(ASKED, answered=[0, 0]), "differs"),
    "the next one twice": (STRAIGHT, outcome(ASKED, NEXT, NEXT._replace(number=2)), "differs"),
    "somebody else gets another response": (STRAIGHT, outcome(ASKED, NEXT, probe_answer=1), "differs"),
    "somebody else gets none": (STRAIGHT, outcome(ASKED, NEXT, probe_answer=None), "differs"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_what_two_ways_come_to(case: str) -> None:
    """Each way to see another request, or another response, is a disagreement; what a proxy rewrites is none."""
    straight, through, kind = VERDICTS[case]
    assert judge("x", straight, through).kind == kind


@contextlib.contextmanager
def naive_proxy(site: int) -> Iterator[int]:
    """Run a proxy that takes all that a client sends for one request, over one connection to the site."""
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = socket.create_connection(("127.0.0.1", site), PATIENCE)
    buffered = b""

    def one_response() -> bytes:
        nonlocal buffered
        while (end := buffered.find(b"\r\n\r\n")) < 0:
            buffered += upstream.recv(65536)
        found = re.search(rb"content-length: (\d+)", buffered[:end])
        assert found is not None
        size = end + 4 + int(found[1])
        while len(buffered) < size:
            buffered += upstream.recv(65536)
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
    """Where a proxy and the site disagree, somebody else gets a response that is not theirs, and it is seen."""
    data = messages()["plain-get"]
    straight_site, site = Mirror(), Mirror()
    with LiveServer(straight_site) as straight, LiveServer(site) as server, naive_proxy(server.port) as port:
        ours = try_message(straight_site, straight.port, "plain-get", data)
        theirs = try_message(site, port, "plain-get", data)
    assert judge("plain-get", ours, ours).kind == "same"
    assert judge("plain-get", ours, theirs).kind == "differs"


def test_nginx_and_haproxy_see_the_same_requests(tmp_path: Path) -> None:
    """Through the proxies that every machine with the tests has, the messages about lengths come to the same."""
    kinds = ("content-length", "te-", "both-lengths", "chunked", "get-with")
    vectors = {name: data for name, data in messages().items() if name.startswith(kinds)}
    tmp_path.chmod(0o755)
    chosen = [proxy for proxy in PROXIES if proxy.name in ("nginx, unbuffered", "HAProxy")]
    compared = compare(chosen, vectors, tmp_path)
    assert compared.found == []
    assert len(compared.rows) == len(chosen)
    assert not any("did not start" in row for row in compared.rows)
