"""The development certificate of `--tls dev`, created for this machine.

In: the addresses of the listeners. Out: a file with a certificate and its key, issued by a certificate authority (CA)
in the user's data folder. Both are created when first needed; the certificate is renewed before it expires, the CA
hardly ever, so that a browser has to be configured once. Refuses, as InvalidSetting, to work without the package
`cryptography`, and names that belong neither to this machine nor to a private network: the CA is constrained to those
(RFC 5280 section 4.2.1.10), so that a stolen CA key can't be used to impersonate other sites.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.errors import InvalidSetting
from fanlight.settings.addresses import host_and_port, kind_of

if TYPE_CHECKING:
    from fanlight.server.tls.dev_ca import Authority, Name

DAYS = 90
RENEWED_BEFORE = timedelta(days=30)
AUTHORITY = "fanlight-ca.pem"  # for browsers to import; not secret
AUTHORITY_KEY = "fanlight-ca-key.pem"  # the same with its key

_LOCAL_NAMES = ("localhost", "local", "test", "internal", "home.arpa", "lan")
_LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(each)
    for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                 "::1/128", "fc00::/7", "fe80::/10")
)  # fmt: skip
_OF_EVERY_MACHINE: tuple[Name, ...] = (
    "localhost", "*.localhost", ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")
)  # fmt: skip

log = logging.getLogger("fanlight.server")


def dev_certificate(binds: Sequence[str], folder: Path | None = None) -> tuple[str, str]:
    """Return the paths of the certificate and the key for this machine and the hosts of these addresses.

    Both are in one file. Raises InvalidSetting.
    """
    now = datetime.now(UTC)
    if folder is None:
        folder = data_folder(os.environ, sys.platform)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(folder, now)
        names = _names(binds, authority)
        path = folder / f"dev-{hashlib.sha256(repr(names).encode()).hexdigest()[:12]}.pem"
        if not (path.exists() and authority.is_good(path.read_bytes(), names, now + RENEWED_BEFORE)):
            _write(path, authority.issue(names, now, DAYS))
    except OSError as error:
        raise InvalidSetting(
            f"the development certificate can't be stored in {folder}: {error.strerror or error};"
            " set XDG_DATA_HOME to another folder"
        ) from None
    return str(path), str(path)


def data_folder(environ: Mapping[str, str], platform: str) -> Path:
    """Return the folder for Fanlight's data of this user."""
    if environ.get("XDG_DATA_HOME"):
        return Path(environ["XDG_DATA_HOME"]) / "fanlight"
    try:
        home = Path.home()
    except RuntimeError:
        raise InvalidSetting("the user has no home folder; set XDG_DATA_HOME") from None
    if platform == "darwin":
        return home / "Library" / "Application Support" / "fanlight"
    if platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "fanlight"
    return home / ".local" / "share" / "fanlight"


def how_to_trust(path: Path, platform: str) -> str:
    """Return how to make the browsers of this machine trust the CA."""
    if platform == "darwin":
        return f"security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db '{path}'"
    if platform == "win32":
        return f'certutil -user -addstore Root "{path}"'
    return (
        f"in the browser, import {path} as an authority for websites; for other programs,"
        f" sudo cp {path} /usr/local/share/ca-certificates/fanlight-ca.crt && sudo update-ca-certificates"
    )


def _authority(folder: Path, now: datetime) -> Authority:
    """Return the CA of a folder; create it if it is missing, or would expire before a new certificate."""
    try:
        from fanlight.server.tls.dev_ca import Authority  # noqa: PLC0415 - only `--tls dev` needs the package
    except ImportError:
        raise InvalidSetting("tls 'dev' needs another package: pip install 'fanlight[tls]'") from None
    path, public = folder / AUTHORITY_KEY, folder / AUTHORITY
    with contextlib.suppress(FileNotFoundError):
        authority = _read(Authority, path)
        if authority.certificate.not_valid_after_utc > now + timedelta(days=DAYS):
            if not public.exists():
                _write(public, authority.public_pem(), mode=0o644)
            return authority
        path.unlink()
    host = socket.gethostname()
    names = dict.fromkeys((*_LOCAL_NAMES, *([host.lower()] if _is_name(host) else ())))
    made = Authority.make(f"Fanlight development authority on {host}"[:64], tuple(names), _LOCAL_NETWORKS, now)
    _write(path, made.secret_pem(), is_first_kept=True)
    kept = _read(Authority, path)  # another process's, if that was faster
    _write(public, kept.public_pem(), mode=0o644)
    log.warning("created a certificate authority for this machine; to trust it: %s", how_to_trust(public, sys.platform))
    return kept


def _read(kind: type[Authority], path: Path) -> Authority:
    data = path.read_bytes()
    try:
        return kind.read(data)
    except ValueError as error:
        raise InvalidSetting(f"{path} is not a CA of Fanlight's ({error}); delete it to create a new one") from None


def _names(binds: Sequence[str], authority: Authority) -> tuple[Name, ...]:
    """Return the names for the certificate: localhost, the name of this machine, and the hosts of the addresses."""
    names = dict.fromkeys(_OF_EVERY_MACHINE)
    own = socket.gethostname().lower()
    for bind in binds:
        host = host_and_port(bind)[0].partition("%")[0].lower() if kind_of(bind) == "tcp" else ""
        try:
            name: Name = ipaddress.ip_address(host)
        except ValueError:
            name = host
        is_everywhere = not name or (not isinstance(name, str) and name.is_unspecified)
        if is_everywhere:
            names.update(dict.fromkeys(each for each in (own, *_own_addresses()) if authority.permits(each)))
        elif authority.permits(name):
            names[name] = None
        else:
            raise InvalidSetting(
                f"tls 'dev' is for this machine and private networks, not for {host};"
                " for a public host use --cert and --key"
            )
    return tuple(names)


def _own_addresses() -> list[Name]:
    """Return the addresses of this machine that others would see; nothing is sent to find out."""
    found: list[Name] = []
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((elsewhere, 9))
            found.append(ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]))
    return found


def _is_name(host: str) -> bool:
    return host.isascii() and host.replace("-", "").replace(".", "").isalnum()


def _write(path: Path, data: bytes, *, mode: int = 0o600, is_first_kept: bool = False) -> None:
    """Write a file atomically; an existing one is replaced, or with `is_first_kept` kept."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(mode)
        if is_first_kept:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
        else:
            Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
