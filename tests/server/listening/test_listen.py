"""Listening: TCP addresses, unix sockets and their permissions, and sockets that were passed to the process."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.listening.listen import listen, try_bind, url_of
from fanlight.settings.addresses import check_address, inherited


def test_an_address_is_listened_on() -> None:
    """host:port with port 0 gives a listening socket on a port of the system's choice."""
    (sock,) = listen("127.0.0.1:0")
    with sock, socket.create_connection(sock.getsockname()[:2], PATIENCE):
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_an_ipv6_address_is_written_in_brackets() -> None:
    """[::1]:port listens on IPv6, and its URL has the brackets too."""
    (sock,) = listen("[::1]:0")
    with sock:
        assert url_of(sock) == f"http://[::1]:{sock.getsockname()[1]}"


def test_localhost_is_every_loopback_on_one_port() -> None:
    """`localhost` is listened on over IPv4 and IPv6, with the same port, whichever a browser tries."""
    socks = listen("localhost:0")
    assert len({sock.getsockname()[1] for sock in socks}) == 1
    for sock in socks:
        with sock, socket.create_connection(sock.getsockname()[:2], PATIENCE):
            pass


def test_a_taken_port_names_its_owner() -> None:
    """The error for a taken port names the process that has it, and a free port to use."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnavailable) as caught:
            listen(f"127.0.0.1:{port}")
    message = str(caught.value)
    assert f"127.0.0.1:{port} is in use" in message
    assert f"--port {port + 1}" in message
    if sys.platform.startswith("linux"):
        assert f"(process {os.getpid()})" in message


@pytest.mark.parametrize(
    "bind", ["", "8000", "localhost", "localhost:", "localhost:x", "a:99999", "a:-1", "::1:80", "unix:"]
)
def test_a_malformed_address_is_refused(bind: str) -> None:
    """A malformed address is refused."""
    with pytest.raises(InvalidSetting):
        listen(bind)


def test_an_unknown_host_is_named() -> None:
    """The error for a host that can't be resolved contains its name."""
    with pytest.raises(AddressUnavailable, match="no-such-host"):
        listen("no-such-host.invalid:80")


def test_a_unix_socket_replaces_a_stale_one(tmp_path: Path) -> None:
    """The file that a killed server left behind is replaced."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (sock,) = listen(f"unix:{path}")
    with sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_unix_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    """A socket on which another server listens stays."""
    path = tmp_path / "s"
    (sock,) = listen(f"unix:{path}")
    with sock, pytest.raises(AddressUnavailable, match="in use by a running"):
        listen(f"unix:{path}")


def test_another_file_is_not_replaced_by_a_socket(tmp_path: Path) -> None:
    """A path that is some other file is refused, and the file stays."""
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(AddressUnavailable, match="not a socket"):
        listen(f"unix:{path}")
    assert path.read_text() == "precious"


def test_a_unix_socket_has_the_configured_permissions(tmp_path: Path) -> None:
    """Whatever the umask, the file's permissions are those of socket_mode; the umask is restored."""
    before = os.umask(0o077)
    try:
        (sock,) = listen(f"unix:{tmp_path}/s", mode=0o666)
        with sock:
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o666
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)


def test_no_client_connects_before_the_permissions_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file appears only its owner may use it; it is opened to others afterwards."""
    seen: list[int] = []
    real = Path.chmod

    def chmod(path: Path, mode: int) -> None:
        seen.append(stat.S_IMODE(path.stat().st_mode))
        real(path, mode)

    monkeypatch.setattr(Path, "chmod", chmod)
    before = os.umask(0)
    try:
        listen(f"unix:{tmp_path}/s", mode=0o660)[0].close()
    finally:
        os.umask(before)
    assert seen == [0o600]


def test_a_unix_socket_can_have_another_owner(tmp_path: Path) -> None:
    """The owner of the file is the configured one; one that we may not set is reported."""
    (sock,) = listen(f"unix:{tmp_path}/s", owner=(os.getuid(), os.getgid()))
    sock.close()
    assert (tmp_path / "s").stat().st_uid == os.getuid()
    if os.geteuid() == 0:
        (sock,) = listen(f"unix:{tmp_path}/t", mode=0o660, owner=(12345, 54321))
        sock.close()
        found = (tmp_path / "t").stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 54321, 0o660)
    else:
        with pytest.raises(AddressUnavailable, match="not permitted"):
            listen(f"unix:{tmp_path}/t", owner=(12345, 54321))


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """The system's reason is passed on even if it has no number."""
    with pytest.raises(AddressUnavailable, match="too long"):
        listen(f"unix:{tmp_path}/{'x' * 200}")


def test_a_socket_that_was_handed_over_is_served_on() -> None:
    """fd:N takes a listening socket as it is: non-blocking, and no longer for our children."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        os.set_inheritable(opened.fileno(), True)
        (sock,) = listen(f"fd:{opened.fileno()}")
        assert sock.getsockname() == opened.getsockname()
        assert (sock.getblocking(), sock.get_inheritable()) == (False, False)
        assert url_of(sock) == f"http://127.0.0.1:{opened.getsockname()[1]}"
        assert url_of(sock, "https").startswith("https://")
        sock.detach()


def test_an_abstract_unix_socket_can_be_handed_over() -> None:
    """Its address can be printed, too."""
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"\0fanlight-{os.getpid()}")
        opened.listen()
        (sock,) = listen(f"fd:{opened.fileno()}")
        assert "fanlight-" in url_of(sock)
        sock.detach()


@pytest.mark.parametrize(
    ("family", "kind", "says"),
    [
        (socket.AF_INET, socket.SOCK_DGRAM, "not a stream socket"),
        (socket.AF_UNIX, socket.SOCK_DGRAM, "not a stream socket"),
        (socket.AF_INET, socket.SOCK_STREAM, "does not listen"),
    ],
)
def test_another_kind_of_socket_is_refused(family: int, kind: int, says: str) -> None:
    """A datagram socket, or one that does not listen, is refused with what would do, and left open."""
    with socket.socket(family, kind) as opened:
        with pytest.raises(AddressUnavailable, match=says):
            listen(f"fd:{opened.fileno()}")
        assert os.fstat(opened.fileno())


def test_what_is_no_socket_is_refused(tmp_path: Path) -> None:
    """A file, and a number that stands for nothing, are refused; the file stays open."""
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(AddressUnavailable, match="is not a socket"):
            listen(f"fd:{file.fileno()}")
        file.write("still open")
    with pytest.raises(AddressUnavailable, match="is not a socket"):
        listen("fd:1000")


@pytest.mark.parametrize(
    "bind", ["fd:2", "fd:", "fd:-3", "fd:x", "unix:", "host", "host:port", "::1:80", "a:65536", ""]
)
def test_what_is_no_address_is_refused(bind: str) -> None:
    """Every form that can't be an address is refused before anything is opened."""
    with pytest.raises(InvalidSetting):
        check_address(bind)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ((), ())),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "7"}, (("fd:3", "fd:4"), ())),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "8"}, ((), ())),
        ({"LISTEN_FDS": "2"}, ((), ())),
        ({"LISTEN_FDS": "x", "LISTEN_PID": "7"}, ((), ())),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "7", "LISTEN_FDNAMES": "https:redirect"}, (("fd:3",), ("fd:4",))),
        ({"LISTEN_FDS": "3", "LISTEN_PID": "7", "LISTEN_FDNAMES": "redirect"}, (("fd:4", "fd:5"), ("fd:3",))),
    ],
)
def test_sockets_from_systemd_are_those_of_its_variables(
    environ: dict[str, str], expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    """LISTEN_FDS counts sockets from 3 on, for the process of LISTEN_PID; one named `redirect` only redirects."""
    assert inherited(environ, [7]) == expected


def test_an_address_can_be_tried(tmp_path: Path) -> None:
    """A free one is not refused, nothing stays open, and no client could connect."""
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        bind = f"127.0.0.1:{first.getsockname()[1]}"
    try_bind(bind)
    try_bind(f"unix:{tmp_path}/s")
    try_bind("fd:3")
    listen(bind)[0].close()
    assert list(tmp_path.iterdir()) == []


def test_an_address_in_use_is_refused_when_it_is_tried(tmp_path: Path) -> None:
    """It is refused with the same message as by `listen`, and a stale socket stays where it is."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket(socket.AF_UNIX) as living:
        with pytest.raises(AddressUnavailable, match="is in use"):
            try_bind(f"127.0.0.1:{taken.getsockname()[1]}")
        living.bind(f"{tmp_path}/s")
        living.listen()
        with pytest.raises(AddressUnavailable, match="in use by a running"):
            try_bind(f"unix:{tmp_path}/s")
    try_bind(f"unix:{tmp_path}/s")
    assert (tmp_path / "s").exists()
    with pytest.raises(AddressUnavailable, match="its folder does not exist"):
        try_bind(f"unix:{tmp_path}/nowhere/s")


@pytest.mark.parametrize("host", ["x" * 300, "a\0b", "no.such.host.invalid", "192.0.2.1"])
def test_a_host_of_another_machine_is_refused(host: str) -> None:
    """An unknown name, an invalid one and another machine's address are refused alike."""
    with pytest.raises(AddressUnavailable):
        listen(f"{host}:0")
