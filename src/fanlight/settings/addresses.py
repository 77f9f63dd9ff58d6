"""Parse the address of a socket.

In: "localhost:8000", "[::1]:8000", ":8000", "unix:/run/site.sock", "fd:3". Out: its parts. Refuses anything else, as
InvalidSetting. Opens nothing and resolves no names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Literal

from fanlight.errors import InvalidSetting
from fanlight.lazy_pattern import lazy_pattern

UNIX_PREFIX = "unix:"
FD_PREFIX = "fd:"
FIRST_FD = 3  # 0, 1 and 2 are the standard streams; systemd passes sockets from 3 on
REDIRECT_NAME = "redirect"  # FileDescriptorName= of a socket whose clients are redirected to https
MAX_UNIX_PATH_BYTES = 103  # the smallest limit of all systems; a relative path may be short enough
MAX_PORT = 65535
PORT = lazy_pattern(r"[0-9]{1,5}")
_DESCRIPTOR = lazy_pattern(r"[0-9]{1,9}")
_COUNT = lazy_pattern(r"[0-9]{1,4}")  # of sockets
_MAPPED = "::ffff:"
_FORMS = "write host:port, [ipv6]:port, :port, unix:/path or fd:3"


def check_address(bind: str) -> None:
    """Refuse, as InvalidSetting, text that is not an address."""
    if bind.startswith(UNIX_PREFIX):
        path_of(bind)
    elif bind.startswith(FD_PREFIX):
        descriptor_of(bind)
    else:
        host_and_port(bind)


def kind_of(bind: str) -> Literal["unix", "fd", "tcp"]:
    """Return the kind of an address."""
    return "unix" if bind.startswith(UNIX_PREFIX) else "fd" if bind.startswith(FD_PREFIX) else "tcp"


def is_local(bind: str) -> bool:
    """Return whether an address is reachable from this machine only; a passed socket is assumed to be."""
    if kind_of(bind) != "tcp":
        return True
    host, _ = host_and_port(bind)
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def path_of(bind: str) -> str:
    """Return the path of a unix socket."""
    path = bind.removeprefix(UNIX_PREFIX)
    if not path:
        raise InvalidSetting("a unix socket needs a path: unix:/path/to/site.sock")
    return path


def descriptor_of(bind: str) -> int:
    """Return the descriptor number of a socket that was opened by another process."""
    number = bind.removeprefix(FD_PREFIX)
    if not _DESCRIPTOR.fullmatch(number) or int(number) < FIRST_FD:
        raise InvalidSetting(f"{bind!r} is not a passed socket; write fd:{FIRST_FD}, or a higher number")
    return int(number)


def host_and_port(bind: str) -> tuple[str, int]:
    """Return the host, "" for all interfaces, and the port."""
    host, colon, port = bind.rpartition(":")
    if not colon or not PORT.fullmatch(port) or int(port) > MAX_PORT:
        raise InvalidSetting(f"{bind!r} is not an address; {_FORMS}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise InvalidSetting(f"{bind!r} is ambiguous; write an IPv6 address in brackets: [{host}]:{port}")
    return host, int(port)


def inherited(environ: Mapping[str, str], process_ids: Collection[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses of the sockets that systemd passes to a process: to serve on, and to redirect from.

    `process_ids` are the accepted values of LISTEN_PID: our own, and in a worker that of its supervisor.
    See sd_listen_fds(3).
    """
    count, process_id = environ.get("LISTEN_FDS", ""), environ.get("LISTEN_PID", "")
    if not _COUNT.fullmatch(count) or process_id not in {str(each) for each in process_ids}:
        return (), ()
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    binds: dict[bool, list[str]] = {False: [], True: []}
    for index in range(int(count)):
        is_redirect = index < len(names) and names[index] == REDIRECT_NAME
        binds[is_redirect].append(f"{FD_PREFIX}{FIRST_FD + index}")
    return tuple(binds[False]), tuple(binds[True])


def unmapped(client: str) -> str:
    """Return an IPv4-mapped address (::ffff:192.0.2.1, seen on dual-stack sockets) as the IPv4 address."""
    return client[len(_MAPPED) :] if client.startswith(_MAPPED) and "." in client else client
