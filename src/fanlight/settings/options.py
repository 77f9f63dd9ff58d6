"""How a server runs: where it listens, as how many processes, how it is reached and watched.

In: values from a person. Out: one frozen object, checked once. Refuses what makes no sense, alone or
together, and says what would. Opens nothing, reads no file, and knows nothing of flags.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from fanlight.errors import InvalidSetting
from fanlight.settings.addresses import FD_PREFIX, UNIX_PREFIX, check_address
from fanlight.settings.field import Group, Unit, declare, validate
from fanlight.settings.limits import Limits

# The names of standard streams. What they are may be a socket, or another user's pipe, which no path can open again.
STREAMS = {"-": 0, "/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/1": 1, "/dev/fd/2": 2}  # 0: where the log goes anyway
STREAMS |= {f"/proc/self/fd/{number}": number for number in (1, 2)}
LOG_FORMATS = ("text", "combined", "json")


def _text(unit: Unit, help_text: str, *, group: Group, default: str = "", choices: tuple[str, ...] = ()) -> str:
    return cast("str", declare(default, unit, help_text, group=group, choices=choices))


def _texts(unit: Unit, help_text: str, *, group: Group, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    return cast("tuple[str, ...]", declare(default, unit, help_text, group=group))


def _switch(*, default: bool, help_text: str, group: Group) -> bool:
    return cast("bool", declare(default, "switch", help_text, group=group))


def _other(default: Any, unit: Unit, help_text: str, *, group: Group, **more: Any) -> Any:
    return declare(default, unit, help_text, group=group, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a server runs."""

    bind: tuple[str, ...] = _texts(
        "address",
        "where to listen: host:port, [ipv6]:port, :port (everywhere), unix:/path, or fd:3 (open already)",
        group="Addresses",
        default=("localhost:8000",),
    )
    socket_mode: int | None = _other(
        None, "mode", "the permissions of unix sockets, like 660; by default as the umask has it", group="Addresses"
    )
    workers: int = _other(
        0,
        "count",
        "processes that serve, under one that watches them; 0 serves in this one, auto takes as many as there are CPUs",
        group="Processes",
        has_auto=True,
    )
    user: str = _text(
        "name", "who the workers are, as name or name:group; only root can choose another", group="Processes"
    )
    pid_file: str = _text("file", "where the process id is written while we run", group="Processes")
    uvloop: bool = _switch(
        default=False, help_text="run async views on uvloop; pip install 'fanlight[uvloop]'", group="Processes"
    )
    cert: tuple[str, ...] = _texts(
        "file", "a certificate with its chain (PEM); several are chosen from by the name asked for", group="TLS"
    )
    key: tuple[str, ...] = _texts(
        "file",
        "the private key of each certificate, in the same order; none if the certificates hold them",
        group="TLS",
    )
    tls: str = _text(
        "name",
        "for development: dev makes a certificate for this machine on the spot",
        group="TLS",
        choices=("", "dev"),
    )
    client_ca: str = _text("file", "who may have signed clients' certificates (PEM)", group="TLS")
    client_cert: str = _text(
        "name",
        "whether clients show a certificate",
        group="TLS",
        default="off",
        choices=("off", "optional", "required"),
    )
    redirect_from: tuple[str, ...] = _texts(
        "address", "where plain http is listened for, to be sent to https", group="TLS"
    )
    hsts_seconds: int = _other(
        0,
        "seconds",
        "how long browsers shall insist on https (Strict-Transport-Security); 0 says nothing",
        group="TLS",
    )
    trusted_proxies: tuple[str, ...] = _texts(
        "network", "addresses and networks whose word on the client, the scheme and the host is taken",
        group="Behind a proxy",
    )  # fmt: skip
    proxy_fields: str = _text(
        "name",
        "by which fields they say it",
        group="Behind a proxy",
        default="x-forwarded",
        choices=("x-forwarded", "x-forwarded-with-port", "forwarded"),
    )
    proxy_early_hints: bool = _switch(
        default=False,
        help_text="trusted proxies, and those behind unix sockets, pass early hints (103) on to their clients",
        group="Behind a proxy",
    )
    proxy_protocol: bool = _switch(
        default=False,
        help_text="each connection from a trusted proxy begins with a PROXY header (version 1 or 2)",
        group="Behind a proxy",
    )
    access_log: bool = _switch(default=True, help_text="a line for every request", group="Watching")
    access_format: str = _text("name", "its form", group="Watching", default="text", choices=LOG_FORMATS)
    access_file: str = _text("file", "where it is written; by default, or by -, to stdout", group="Watching")
    log_file: str = _text("file", "where everything else is told; by default, or by -, on stderr", group="Watching")
    admin: str = _text(
        "address", "where /metrics, /healthz and /readyz are; never where the public can come", group="Watching"
    )
    admin_hosts: tuple[str, ...] = _texts(
        "name",
        "names by which that address may be asked, besides IP addresses, localhost and names that no public DNS has",
        group="Watching",
    )
    control: str = _other(
        "",
        "file",
        "the socket that `fanlight status` asks; auto is one in the runtime folder, none is none",
        group="Watching",
        has_none=True,
    )
    limits: Limits = field(default_factory=Limits)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that clients of the site connect to."""
        return (*self.bind, *self.redirect_from)

    def __post_init__(self) -> None:
        """Refuse a value that can't be, and values that can't be together."""
        validate(self)
        if not isinstance(self.limits, Limits):
            raise InvalidSetting(f"Options.limits is {self.limits!r}; it takes a Limits(...)")
        for bind in (*self.bind, *self.redirect_from, *((self.admin,) if self.admin else ())):
            check_address(bind)
        self._check_addresses()
        self._check_tls()
        self._check_proxies()
        if self.user and not self.workers:
            raise InvalidSetting(f"user is {self.user!r}, and it is the workers who change to it; add --workers 1")

    @property
    def has_tls(self) -> bool:
        """Say whether clients come in by TLS."""
        return bool(self.cert or self.tls)

    def _check_addresses(self) -> None:
        every = [*self.bind, *self.redirect_from, self.admin]
        for bind in every:
            if every.count(bind) > 1 and not bind.endswith(":0"):
                raise InvalidSetting(
                    f"{bind} is given more than once; bind, redirect_from and admin each need their own"
                )

    def _check_tls(self) -> None:
        if self.tls and self.cert:
            raise InvalidSetting("tls is 'dev' and there is a certificate too; leave out one of --tls and --cert")
        if self.key and len(self.key) != len(self.cert):
            raise InvalidSetting(
                f"there are {len(self.cert)} certificates and {len(self.key)} keys; give one --key for each --cert,"
                " in the same order, or none if the certificate files hold their keys"
            )
        if not self.has_tls:
            for name in ("client_ca", "redirect_from", "hsts_seconds"):
                if getattr(self, name):
                    raise InvalidSetting(f"{name} is given, but there is no TLS; add --cert and --key, or --tls dev")
        if self.client_cert != "off" and not self.client_ca:
            raise InvalidSetting(
                f"client_cert is {self.client_cert!r}, but nobody is named who may have signed; add --client-ca FILE"
            )
        if self.client_ca and self.client_cert == "off":
            raise InvalidSetting("client_ca is given, but no client is asked; add --client-cert required, or optional")

    def _check_proxies(self) -> None:
        is_local = all(bind.startswith((UNIX_PREFIX, FD_PREFIX)) for bind in self.bind)
        if self.proxy_protocol and not self.trusted_proxies and not is_local:
            raise InvalidSetting(
                "proxy_protocol is on, but nobody is named who may say it; add --trusted-proxies ADDRESS"
            )


def is_stream(path: str) -> bool:
    """Say whether a path means standard output or standard error."""
    return path in STREAMS
