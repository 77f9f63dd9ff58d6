"""What the machine says of itself, as far as serving a site depends on it.

In: options, and the system. Out: one frozen object with what was read. Opens nothing for longer than
a look. Judges nothing: what is good and what is not, the doctor says.
"""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fanlight.errors import FanlightError, InvalidSetting
from fanlight.server.listening.forwarded import TrustedProxies
from fanlight.server.listening.listen import BACKLOG, is_ipv6_only, try_bind
from fanlight.server.tls.certificates import Certificate, expiry, load_client_ca
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.options import Options, is_stream

_DEBUG_VARIABLES = ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "PYTHONINSPECT", "PYTHONTRACEMALLOC")
_MANY = 1 << 20  # more files than anybody opens


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """A certificate and its key, as they stand on the disk."""

    path: str
    key: str
    trouble: str = ""  # why it can't be used
    days_left: float | None = None  # None: not known
    key_mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder or a file that must be written."""

    path: str
    about: str  # the setting it is for
    is_writable: bool = True
    is_open_to_others: bool = False  # anybody can put his own file in its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was read of it. The defaults are a machine on which all is well."""

    cpus: int = 1
    descriptors: int = _MANY  # how many files this process may have open
    most_descriptors: int = _MANY  # to which it may raise that
    queue: int = 4096  # connections that the system lets wait
    wanted_queue: int = BACKLOG  # as many as we ask it to
    user_id: int = 1000
    umask: int = 0o022
    environ: Mapping[str, str] = field(default_factory=dict)
    debug: tuple[str, ...] = ()  # what is switched on that is for development
    temp_folder: str = "/tmp"  # noqa: S108 - a machine for tests
    temp_free: int | None = 1 << 40  # bytes; None: it can't be written
    unavailable: Mapping[str, str] = field(default_factory=dict)  # addresses that can't be had, and why
    certificates: tuple[TlsFiles, ...] = ()
    places: tuple[Place, ...] = ()
    missing: tuple[str, ...] = ()  # libraries that were asked for
    refused: tuple[str, ...] = ()  # why a server would not start, beside the above

    @classmethod
    def read(cls, options: Options, environ: Mapping[str, str]) -> Machine:
        """Ask the system."""
        descriptors, most_descriptors = _descriptors()
        temp_folder = _temp_folder()
        certificates = tuple(
            _tls_files(cert, key, options.user)
            for cert, key in zip(options.cert, options.key or options.cert, strict=True)
        )
        return cls(
            cpus=usable_cpus(),
            descriptors=descriptors,
            most_descriptors=most_descriptors,
            queue=_queue(),
            user_id=os.geteuid() if hasattr(os, "geteuid") else 1000,
            umask=_umask(),
            environ=dict(environ),
            debug=tuple(_debug(environ)),
            temp_folder=temp_folder,
            temp_free=_free(temp_folder) if temp_folder else None,
            unavailable=_unavailable((*options.addresses, *((options.admin,) if options.admin else ()))),
            certificates=certificates,
            places=tuple(_places(options)),
            missing=() if not options.uvloop or _has_uvloop() else ("uvloop",),
            refused=tuple(_refused(options)),
        )


def _descriptors() -> tuple[int, int]:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return _MANY, _MANY
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (_MANY if soft == resource.RLIM_INFINITY else soft), (_MANY if hard == resource.RLIM_INFINITY else hard)


def _queue() -> int:
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):
        return 4096


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _debug(environ: Mapping[str, str]) -> Iterable[str]:
    yield from (name for name in _DEBUG_VARIABLES if environ.get(name))
    if sys.flags.dev_mode and not environ.get("PYTHONDEVMODE"):
        yield "python -X dev"


def _temp_folder() -> str:
    """Return where temporary files are made, "" where nothing can be written."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return ""


def _free(folder: str) -> int | None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return shutil.disk_usage(folder).free
    except OSError:
        return None


def _unavailable(binds: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for bind in binds:
        try:
            try_bind(bind, is_ipv6_only=is_ipv6_only(bind, binds))
        except FanlightError as error:
            found[bind] = str(error)
    return found


def _tls_files(path: str, key: str, user: str) -> TlsFiles:
    try:
        key_mode = stat.S_IMODE(Path(key).stat().st_mode)
    except OSError:
        key_mode = None
    trouble, days_left, now = "", None, datetime.now(UTC)
    certificate = Certificate(path, key)
    try:
        certificate.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        ends = expiry(path)
        days_left = None if ends is None else (ends - now) / timedelta(days=1)
        trouble = certificate.validity_warning(now) if days_left is None or days_left > 0 else ""
    except InvalidSetting as error:
        trouble = str(error)
    for each in (path, key):
        if user and not trouble and not _may(Path(each), 0o4, _identity_of(user)):
            trouble = f"{each} can't be read by {user}, who the workers are"
    return TlsFiles(path=path, key=key, trouble=trouble, days_left=days_left, key_mode=key_mode)


def _refused(options: Options) -> Iterable[str]:
    """Yield what would be refused before a port opens: a user, proxies, who signs clients' certificates."""

    def user() -> None:
        if options.user and os.name == "posix":
            from fanlight.server.workers.worker_process import identity_of  # noqa: PLC0415 - not on Windows

            identity_of(options.user)

    def client_ca() -> None:
        if options.client_ca:
            load_client_ca(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), options.client_ca)

    for try_it in (user, client_ca, lambda: TrustedProxies(options.trusted_proxies)):
        try:
            try_it()
        except FanlightError as error:
            yield str(error)


def _places(options: Options) -> Iterable[Place]:
    """Yield what will be written: log files by whoever serves, the pid file and the control socket by who starts."""
    who = _identity_of(options.user) if options.user else _ourselves()
    for about in ("access_file", "log_file"):
        if (path := getattr(options, about)) and not is_stream(path):
            yield Place(path=path, about=about, is_writable=_may_write(Path(path), who))
    if options.pid_file:
        yield _folder_of(options.pid_file, "pid_file")
    if options.control not in ("", "auto"):
        yield _folder_of(options.control, "control")


def _folder_of(path: str, about: str) -> Place:
    folder = Path(path).parent
    try:
        mode = folder.stat().st_mode
    except OSError:
        return Place(path=str(folder), about=about, is_writable=False)
    is_open = bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
    return Place(path=str(folder), about=about, is_writable=_may(folder, 0o3, _ourselves()), is_open_to_others=is_open)


Identity = tuple[int, frozenset[int]]  # user and groups


def _ourselves() -> Identity:
    if not hasattr(os, "geteuid"):
        return 1000, frozenset()
    return os.geteuid(), frozenset((os.getegid(), *os.getgroups()))


def _identity_of(user: str) -> Identity:
    """Return whom a name stands for; ourselves for one that is not known: that is told elsewhere."""
    try:
        import pwd  # noqa: PLC0415 - not on Windows

        entry = pwd.getpwnam(user.partition(":")[0])
    except (ImportError, KeyError):
        return _ourselves()
    return entry.pw_uid, frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _may_write(path: Path, who: Identity) -> bool:
    """Say whether somebody may write a file, or make it."""
    if path.exists():
        return not path.is_dir() and _may(path, 0o2, who)
    return path.parent.is_dir() and _may(path.parent, 0o3, who)


def _may(path: Path, wanted: int, who: Identity) -> bool:
    """Say whether the permissions of a file, and of the folders on the way, give somebody `wanted` (of 0o7)."""
    if who[0] == 0:
        return os.access(path, os.W_OK if wanted & 0o2 else os.F_OK)  # but for a file system that can't be written
    return _has_bits(path, wanted, who) and all(_has_bits(each, 0o1, who) for each in path.resolve().parents)


def _has_bits(path: Path, wanted: int, who: Identity) -> bool:
    user, groups = who
    try:
        found = path.stat()
    except OSError:
        return False
    shift = 6 if found.st_uid == user else 3 if found.st_gid in groups else 0
    return (found.st_mode >> shift) & wanted == wanted


def _has_uvloop() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - rarely asked

    return find_spec("uvloop") is not None
