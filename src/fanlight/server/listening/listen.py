"""Open the listening sockets of an address.

In: "localhost:8000", "[::1]:8000", ":8000", "unix:/run/site.sock", "fd:3". Out: bound, listening, non-blocking sockets.
Refuses an invalid address, and one that is in use; the message names the program that has it. Knows nothing of
connections.

The file of a unix socket is removed by the process that created it, and only while it is still the same: it is
identified by its device and inode, which stay its own while a socket is bound to it. So it must be removed before the
last listener is closed. A forked child removes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.settings.addresses import FD_PREFIX, UNIX_PREFIX, descriptor_of, host_and_port, kind_of, path_of

BACKLOG = 4096  # the kernel may allow less (net.core.somaxconn)
_PRIVATE_UMASK = 0o177
EVERY_IPV4, EVERY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - for an operator to choose

_our_files: dict[str, tuple[int, int, int]] = {}  # the device, the inode, and the process that is to remove it


def listen(
    bind: str, *, mode: int | None = None, owner: tuple[int, int] | None = None, is_ipv6_only: bool = False
) -> list[socket.socket]:
    """Return the sockets of one address: two for `localhost` and [::], for IPv4 and IPv6, unless `is_ipv6_only`.

    The file of a unix socket gets the permissions `mode` and the owner `owner` (user and group id); by default those of
    any new file. Raises AddressUnavailable or InvalidSetting.
    """
    if bind.startswith(UNIX_PREFIX):
        return [_listen_unix(path_of(bind), mode, owner)]
    if bind.startswith(FD_PREFIX):
        return [_inherited_socket(descriptor_of(bind))]
    opened = _open_tcp(bind, is_ipv6_only=is_ipv6_only)
    try:
        for sock in opened:
            try:
                sock.listen(BACKLOG)
            except OSError as error:  # another process has bound the port too, and listened first
                raise AddressUnavailable(_bind_error(sock.getsockname(), error)) from None
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return opened


def try_bind(bind: str, *, is_ipv6_only: bool = False) -> None:
    """Raise what `listen` would raise; no client can connect meanwhile, and nothing stays open."""
    if bind.startswith(FD_PREFIX):
        return  # it is opened later
    if not bind.startswith(UNIX_PREFIX):
        for sock in _open_tcp(bind, is_ipv6_only=is_ipv6_only):
            sock.close()
        return
    path = Path(path_of(bind))
    _is_stale(_unix_family(str(path)), str(path))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise AddressUnavailable(f"can't listen on {path}: its folder does not exist, or is not writable")


def url_of(sock: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a listening socket."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return f"{UNIX_PREFIX}{os.fsdecode(sock.getsockname())}"
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_ipv6_only(bind: str, others: Collection[str]) -> bool:
    """Return whether [::]:8000 is for IPv6 alone, because 0.0.0.0:8000 is among the other addresses."""
    host, port = host_and_port(bind) if kind_of(bind) == "tcp" else ("", 0)
    return host == EVERY_IPV6 and f"{EVERY_IPV4}:{port}" in others


def registered_files() -> Mapping[str, Sequence[int]]:
    """Return all registered files, for the program that replaces this one in its process."""
    return _our_files


def restore_files(files: Mapping[str, Sequence[int]]) -> None:
    """Register the files of the program that this one has replaced in its process."""
    _our_files.update({path: (device, inode, process) for path, (device, inode, process) in files.items()})


def remove_file(path: str) -> None:
    """Remove the file of a socket if it is still ours; a second time does nothing."""
    device, inode, process = _our_files.get(path, (0, 0, 0))
    if process != os.getpid():
        return
    del _our_files[path]
    with contextlib.suppress(OSError):
        found = Path(path).stat()
        if (found.st_dev, found.st_ino) == (device, inode):
            Path(path).unlink()


def _open_tcp(bind: str, *, is_ipv6_only: bool = False) -> list[socket.socket]:
    """Return the sockets of one address, bound; no client can connect yet."""
    host, port = host_and_port(bind)
    if host == EVERY_IPV6 and not is_ipv6_only:
        host = ""  # every address, with a socket for each family, so that IPv4 clients have IPv4 addresses
    # As bytes a plain name is not encoded again, which would load the tables of IDNA.
    name = host.encode() if host.isascii() else host
    try:
        found = socket.getaddrinfo(name or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, ValueError) as error:  # ValueError: it can't be encoded as a host name
        reason = error.strerror if isinstance(error, socket.gaierror) else error
        raise AddressUnavailable(f"{host!r} is not an address of this machine: {reason}") from None
    opened: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            # With port 0 the kernel chooses a port for the first address; the others use the same.
            wanted = address if port or not opened else (address[0], opened[0].getsockname()[1], *address[2:])
            sock = _bound(family, wanted, is_only=len(found) == 1 or not _is_missing_family(family))
            if sock is not None:
                opened.append(sock)
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    if not opened:
        raise AddressUnavailable(f"can't listen on {bind}: this machine has none of its addresses")
    return opened


def _is_missing_family(family: int) -> bool:
    """Return whether the system resolves names to this address family but can't bind it."""
    if family != socket.AF_INET6:
        return False
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return True
    return False


def _bound(family: int, address: tuple[object, ...], *, is_only: bool) -> socket.socket | None:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        if is_only:
            raise
        return None
    try:
        if os.name == "posix":  # on Windows the same option would let two programs share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if not is_only and error.errno == errno.EADDRNOTAVAIL:
            return None
        raise AddressUnavailable(_bind_error(address, error)) from None
    return sock


def _bind_error(address: tuple[object, ...], error: OSError) -> str:
    host, port = address[0], address[1]
    shown = f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        owner = _owner_of_port(int(str(port)))
        by = f" by {owner}" if owner else ""
        return f"{shown} is in use{by}; stop that program, or choose another port: --port {int(str(port)) + 1}"
    if error.errno == errno.EACCES:
        return f"no permission to listen on {shown}; ports below 1024 need it. Choose another port: --port 8000"
    return f"can't listen on {shown}: {error.strerror}"


def _owner_of_port(port: int) -> str:
    """Return the program that listens on a port as "name (process 123)", "" if the system does not reveal it."""
    if not sys.platform.startswith("linux"):
        return ""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{columns[9]}]")
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for fd in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(fd.readlink()) in inodes:
                        return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _listen_unix(path: str, mode: int | None, owner: tuple[int, int] | None) -> socket.socket:
    family = _unix_family(path)
    if _is_stale(family, path):
        Path(path).unlink()
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # SECURITY: tests/server/listening/test_listen.py: no client connects before the permissions are set.
        umask = os.umask(_PRIVATE_UMASK) if mode is not None else None
        try:
            sock.bind(path)
        finally:
            if umask is not None:
                os.umask(umask)
        found = Path(path).stat()
        _our_files[path] = found.st_dev, found.st_ino, os.getpid()
        if owner is not None:
            os.chown(path, *owner)
        if mode is not None:
            Path(path).chmod(mode)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise AddressUnavailable(f"can't listen on {path}: {error.strerror or error}") from None
    return sock


def _inherited_socket(descriptor: int) -> socket.socket:
    """Return a listening socket that was passed to this process, as systemd does."""
    name = f"{FD_PREFIX}{descriptor}"
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise AddressUnavailable(
            f"{name} is not a socket: {error.strerror}; a service manager passes sockets (a .socket unit of systemd)"
        ) from None
    is_stream = sock.type == socket.SOCK_STREAM
    if not is_stream or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()  # it is not ours to close
        raise AddressUnavailable(
            f"{name} is {'a socket that does not listen' if is_stream else 'not a stream socket'};"
            " in a .socket unit of systemd, use ListenStream= and Accept=no"
        )
    sock.setblocking(False)
    sock.set_inheritable(False)
    return sock


def _unix_family(path: str) -> int:
    family: int | None = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise InvalidSetting(f"this system does not support unix sockets; use host:port instead of {UNIX_PREFIX}{path}")
    return family


def _is_stale(family: int, path: str) -> bool:
    """Return whether a socket file is left from a server that has exited; refuse any other file."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    if not stat.S_ISSOCK(mode):
        raise AddressUnavailable(f"{path} exists and is not a socket; choose another path")
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    raise AddressUnavailable(f"{path} is in use by a running server; stop it, or choose another path")
