"""A bus over TLS, with users and passwords: what is refused, when, and that no password is shown."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.conftest import Certificates
from tests.journeys.conftest import Site
from tests.redis_server import RedisServer
from tests.speed import PATIENCE
from tests.topics.crowd import SocketListener, post
from tests.topics.site_of_topics import site

from fanlight.errors import BusUnavailable, InvalidSetting
from fanlight.topics.bus import Bus
from fanlight.topics.history import NO_ID
from fanlight.topics.mailbox import Mailbox
from fanlight.topics.open_bus import open_bus, prepare

USER, PASSWORD = "worker", "hunter2:@/?#%é"
# What docs/reference/topics.md says that a user needs.
RULES = (
    "~fanlight-topic:* &fanlight-topic:* +ping +select +subscribe +unsubscribe +publish +evalsha +eval"
    " +xadd +expire +xrange +xrevrange"
)


@pytest.fixture
def server(tmp_path: Path, certificates: Certificates) -> Iterator[RedisServer]:
    """Run a Redis with a port for TLS alone, and a user; its other port is for the tests themselves."""
    pair = certificates.make("localhost", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    words = ["--tls-port", str(port), "--tls-cert-file", pair.cert, "--tls-key-file", pair.key, "--tls-ca-cert-file",
             certificates.ca, "--tls-auth-clients", "no"]  # fmt: skip
    running = RedisServer(tmp_path / "redis", words=words)
    running.tls_port = port
    try:
        permit(running, RULES)
        yield running
    finally:
        running.stop()


def permit(server: RedisServer, rules: str) -> None:
    """Have the user of these tests be permitted this, and nothing else."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", *rules.split())


def url_of(server: RedisServer, ca: str = "", *, password: str = PASSWORD, user: str = USER, more: str = "") -> str:
    """Return the URL of its port for TLS."""
    option = f"?ssl_ca_certs={ca}" if ca else ""
    return f"rediss://{user}:{quote(password, safe='')}@localhost:{server.tls_port}/0{option}{more}"


def use(url: str, act: Callable[[Bus], Any]) -> None:
    """Run something with the bus of a URL."""

    async def run() -> None:
        bus = open_bus(asyncio.get_running_loop(), url, None)
        try:
            await act(bus)
        finally:
            await bus.close()

    asyncio.run(run())


def test_a_user_over_tls_publishes_and_listens(server: RedisServer, certificates: Certificates) -> None:
    """With a password of any characters, and no more rights than the reference says."""

    async def act(bus: Bus) -> None:
        kept, plain = (
            Mailbox(name, bus.loop, has_history=name == "kept", after=None, latest=1) for name in ("kept", "plain")
        )
        for each in (kept, plain):
            bus.listen(each)
            await bus.listening(each)
        assert await bus.publish("plain", 0, b"1") == NO_ID
        first = await bus.publish("kept", 10, b"2")
        async with asyncio.timeout(PATIENCE):
            messages = [await each.next(bus.fetch) for each in (kept, plain)]
        assert [each and each.data for each in messages] == [b"2", b"1"]
        assert [each.id for each in (await bus.fetch("kept", (0, 0), 0)).messages] == [first]

    prepare(url_of(server, certificates.ca))
    use(url_of(server, certificates.ca), act)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"password": "hunter2-wrong"}, "it refuses this user or password"),
        ({"user": "stranger"}, "it refuses this user or password"),
        ({"ca": ""}, "certificate verify failed"),
    ],
    ids=["password", "user", "authority"],
)
def test_what_the_server_or_its_certificate_refuses(
    server: RedisServer,
    certificates: Certificates,
    change: dict[str, str],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says why, once; publishing is an error in time, and neither has a password."""
    caplog.set_level(logging.DEBUG, logger="fanlight")
    shown: list[str] = []

    async def act(bus: Bus) -> None:
        for _ in range(2):
            with pytest.raises(BusUnavailable) as caught:
                await bus.publish("a", 0, b"x")
            shown.extend([repr(caught.value), *traceback.format_exception(caught.value)])
        shown.append(repr(bus))

    use(url_of(server, **{"ca": certificates.ca, **change}), act)
    assert caplog.text.count("can't be reached") == 1
    assert reason in caplog.text
    assert "hunter2" not in "".join([caplog.text, *shown])


def test_a_user_that_lacks_a_right_is_told_so_and_the_server_is_not_asked_all_the_time(
    server: RedisServer, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    """Publishing is an error; a subscription is tried again, more and more slowly, and works when it is permitted."""
    permit(server, "~* +@all -publish -eval -evalsha")
    with server.client() as client:
        before = client.info("stats")["total_connections_received"]

        async def act(bus: Bus) -> None:
            box = Mailbox("a", bus.loop, has_history=False, after=None, latest=0)
            bus.listen(box)
            await bus.listening(box)
            for keep in (0, 10):
                with pytest.raises(BusUnavailable, match="does not permit this user"):
                    await bus.publish("a", keep, b"x")
            assert client.info("stats")["total_connections_received"] - before < 20
            await asyncio.to_thread(permit, server, RULES)
            async with asyncio.timeout(PATIENCE):
                await bus._link.subscribed("a")
            await bus.publish("a", 0, b"x")
            assert await box.next(bus.fetch) is not None

        use(url_of(server, certificates.ca), act)
    assert caplog.text.count("does not permit this user") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more": "&ssl_version=3"}, "an option that is not supported"),
        ({"more": "&socket_timeout=3"}, "an option that is not supported"),
        ({"more": "&ssl_cert_reqs=hunter2"}, "none or optional or required"),
        ({"more": "&ssl_ca_certs=/other.pem"}, "is repeated"),
        ({"ca": "/missing/ca.pem"}, "can't be connected to: [Errno 2] No such file or directory"),
        ({"more": "&ssl_ciphers=hunter2"}, "can't be connected to: "),
    ],
    ids=["unknown", "ours", "value", "repeated", "missing file", "ciphers"],
)
def test_what_can_not_work_is_refused_before_the_port_opens(
    tmp_path: Path, certificates: Certificates, change: dict[str, str], message: str
) -> None:
    """By the command, with a message that has neither the URL nor its password."""
    server = RedisServer.__new__(RedisServer)  # an address alone: nothing is connected to
    server.tls_port = 1
    url = url_of(server, **{"ca": certificates.ca, **change})
    with pytest.raises(InvalidSetting):
        prepare(url)
    (tmp_path / "main.py").write_text(site())
    done = subprocess.run(
        [sys.executable, "-m", "fanlight", "run", "--port", "0", "--bus", url],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode not in {0, -9}
    assert message in done.stderr + done.stdout
    assert "http://" not in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", [["run", "--workers", "2"], ["dev"]], ids=["run", "dev"])
def test_no_password_is_shown_by_a_site_whose_bus_refuses_it(
    tmp_path: Path, server: RedisServer, certificates: Certificates, command: list[str]
) -> None:
    """Not in its log, its status, nor on the page of the error, which in development has the traceback."""
    (tmp_path / "main.py").write_text(site())
    url = url_of(server, certificates.ca, password="hunter2-wrong")
    words = [sys.executable, "-m", "fanlight", command[0], "--port", "0", "--bus", url, *command[1:]]
    running = Site(words, tmp_path)
    shown = [running.banner]
    try:
        port = int(running.port)

        async def act() -> None:
            listener = SocketListener(port, "/plain")
            await listener.ready.wait()
            for name in ("plain", "kept"):
                response = await post(port, f"/publish/{name}/0/1")
                assert b" 503 " in response
                shown.append(response.decode())
            await listener.close()

        asyncio.run(act())
        status = subprocess.run(
            [sys.executable, "-m", "fanlight", "status"], cwd=tmp_path, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        shown += [status.stdout, status.stderr]
    finally:
        running.process.terminate()
        shown.append(running.rest())
        running.wait_for_exit()
    assert "it refuses this user or password" in "".join(shown)
    assert "hunter2" not in "".join(shown)
