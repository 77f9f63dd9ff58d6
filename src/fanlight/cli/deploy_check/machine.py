"""`Machine`: the state of the system, as far as serving a site depends on it.

In: options, and the system. Out: one frozen object. Whatever is opened is closed at once. The checks themselves are in
`checks.py`.
"""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from fanlight.cli.deploy_check.accounts import account_of, current_account, may, may_write
from fanlight.errors import FanlightError, InvalidSetting
from fanlight.server.listening.forwarded import TrustedProxies
from fanlight.server.listening.listen import BACKLOG, is_ipv6_only, try_bind
from fanlight.server.tls.certificates import Certificate, expiry, load_client_ca
from fanlight.settings.cpus import usable_cpus
from fanlight.settings.options import STREAMS, Options

_DEBUG_VARIABLES = ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "PYTHONINSPECT", "PYTHONTRACEMALLOC")
_UNLIMITED = 1 << 20  # open files


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The files of a certificate and its key."""

    path: str
    key: str
    error: str = ""  # why they can't be used
    days_left: float | None = None  # None: unknown
    key_mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file or folder that the server writes to."""

    path: str
    setting: str
    is_writable: bool = True
    is_world_writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was read of the system. The defaults pass every check."""

    cpus: int = 1
    descriptors: int = _UNLIMITED  # limit of open files
    max_descriptors: int = _UNLIMITED  # the hard limit
    backlog: int = 4096  # the system's limit of the accept queue
    wanted_backlog: int = BACKLOG
    user_id: int = 1000
    umask: int = 0o022
    in_kubernetes: bool = False
    debug: tuple[str, ...] = ()  # development switches that are on
    temp_folder: str = "/tmp"  # noqa: S108 - a machine for tests
    temp_free: int | None = 1 << 40  # bytes; None: not writable
    unavailable: Mapping[str, str] = field(default_factory=dict)  # address -> reason
    certificates: tuple[TlsFiles, ...] = ()
    places: tuple[Place, ...] = ()
    has_uvloop: bool = True
    refused: tuple[str, ...] = ()  # other errors that would stop a start

    @classmethod
    def read(cls, options: Options, environ: Mapping[str, str] = os.environ) -> Machine:
        """Read the system's state for these options."""
        descriptors, max_descriptors = _descriptors()
        temp_folder, temp_free = _temporary_files()
        certificates = tuple(
            _tls_files(cert, key, options.user)
            for cert, key in zip(options.cert, options.key or options.cert, strict=True)
        )
        return cls(
            cpus=usable_cpus(),
            descriptors=descriptors,
            max_descriptors=max_descriptors,
            backlog=_backlog(),
            user_id=os.geteuid() if hasattr(os, "geteuid") else 1000,
            umask=_umask(),
            in_kubernetes="KUBERNETES_SERVICE_HOST" in environ,
            debug=tuple(_debug(environ)),
            temp_folder=temp_folder,
            temp_free=temp_free,
            unavailable=_unavailable(options.addresses_with_admin),
            certificates=certificates,
            places=tuple(_places(options)),
            has_uvloop=find_spec("uvloop") is not None,
            refused=tuple(_refused(options)),
        )


def _descriptors() -> tuple[int, int]:
    try:
        import resource  # not on Windows
    except ImportError:
        return _UNLIMITED, _UNLIMITED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (_UNLIMITED if soft == resource.RLIM_INFINITY else soft), (
        _UNLIMITED if hard == resource.RLIM_INFINITY else hard
    )


def _backlog() -> int:
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


def _temporary_files() -> tuple[str, int | None]:
    """Return the folder for temporary files, and its free bytes, None if it is not writable; "" without any folder."""
    folder = ""
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder):
            return folder, shutil.disk_usage(folder).free
    except OSError:
        return folder, None


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
    error, days_left, now = "", None, datetime.now(UTC)
    certificate = Certificate(path, key)
    try:
        certificate.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        ends = expiry(path)
        days_left = None if ends is None else (ends - now) / timedelta(days=1)
        error = certificate.validity_warning(now) if days_left is None or days_left > 0 else ""
    except InvalidSetting as invalid:
        error = str(invalid)
    for each in (path, key):
        if user and not error and not may(Path(each), 0o4, account_of(user)):
            error = f"{each} can't be read by {user}, the user of the workers"
    return TlsFiles(path=path, key=key, error=error, days_left=days_left, key_mode=key_mode)


def _refused(options: Options) -> Iterable[str]:
    """Yield what would be refused before a port opens: an unknown user, a bad CA file, bad proxies."""
    uses: list[Callable[[], object]] = [lambda: TrustedProxies(options.trusted_proxies)]
    if options.user and os.name == "posix":
        from fanlight.server.workers.worker_process import identity_of  # not on Windows

        uses.append(lambda: identity_of(options.user))
    if options.client_ca:
        uses.append(lambda: load_client_ca(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), options.client_ca))
    for use in uses:
        try:
            use()
        except FanlightError as error:
            yield str(error)


def _places(options: Options) -> Iterable[Place]:
    """Yield what is written: log files by the workers' user, the pid file and control socket by the current user."""
    account = account_of(options.user) if options.user else current_account()
    for setting in ("access_file", "log_file"):
        if (path := getattr(options, setting)) and path not in STREAMS:
            yield Place(path=path, setting=setting, is_writable=may_write(Path(path), account))
    if options.pid_file:
        yield _folder_of(options.pid_file, "pid_file")
    if options.control not in ("", "auto"):
        yield _folder_of(options.control, "control")


def _folder_of(path: str, setting: str) -> Place:
    folder = Path(path).parent
    try:
        mode = folder.stat().st_mode
    except OSError:
        return Place(path=str(folder), setting=setting, is_writable=False)
    is_open = bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
    return Place(
        path=str(folder), setting=setting, is_writable=may(folder, 0o3, current_account()), is_world_writable=is_open
    )
