"""`Options`: how a server runs, where it listens, as how many processes, and how it is reached and monitored.

In: values. Out: one frozen object, validated once. Refuses, as InvalidSetting, a value that does not fit its setting,
and values that contradict each other, and names what would fit. Opens nothing and reads no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fanlight.errors import InvalidSetting
from fanlight.settings.addresses import FD_PREFIX, UNIX_PREFIX, check_address
from fanlight.settings.field import declare, validate
from fanlight.settings.host_names import HostNames
from fanlight.settings.limits import Limits
from fanlight.settings.store_url import read_bus_url, read_store_url

# Paths of the standard streams: one may be a socket or another user's pipe, which can't be opened by its path.
STREAMS = {"-": 0, "/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/1": 1, "/dev/fd/2": 2}  # 0: the log's default stream
STREAMS |= {f"/proc/self/fd/{number}": number for number in (1, 2)}
LOG_FORMATS = ("text", "combined", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a server, with its `Limits`."""

    bind: tuple[str, ...] = declare(
        ("localhost:8000",),
        "address",
        "address to listen on: host:port, [ipv6]:port, :port (all interfaces), unix:/path or fd:3 (already open)",
        group="Addresses",
    )
    socket_mode: int | None = declare(
        None, "mode", "permissions of unix sockets, like 660 (default: from the umask)", group="Addresses"
    )
    workers: int = declare(
        0,
        "count",
        "worker processes under a supervisor; 0 serves in one process, auto starts one per CPU",
        group="Processes",
        has_auto=True,
    )
    user: str = declare(
        "", "name", "user (and group, as user:group) to run workers as; requires root", group="Processes"
    )
    pid_file: str = declare("", "file", "file for the process id, removed at exit", group="Processes")
    env_file: str = declare(
        "",
        "file",
        "file of KEY=value lines, added to the environment, which takes precedence",
        group="Processes",
    )
    uvloop: bool = declare(
        False, "switch", "run async views on uvloop (pip install 'fanlight[uvloop]')", group="Processes"
    )
    store: str = declare(
        "",
        "store",
        "where sessions, counts and sign-outs are kept: sqlite:PATH, redis://HOST:PORT/0, rediss://..., unix:PATH or"
        " memory: (default: sessions in signed cookies, the rest in the state folder)",
        group="Site",
    )
    bus: str = declare(
        "",
        "store",
        "what carries the messages of topics to other machines: redis://HOST:PORT/0, rediss://... or unix:PATH"
        " (default: the workers of this machine)",
        group="Site",
    )
    hosts: tuple[str, ...] = declare(
        (),
        "name",
        "host names that the site is served for, like guestbook.example or *.guestbook.example; others get 421"
        " (default: any)",
        group="Site",
    )
    state_folder: str = declare(
        "",
        "folder",
        "folder for the site's secret and its store (default: one of the site's own below ~/.local/state, or that of"
        " systemd)",
        group="Site",
    )
    cert: tuple[str, ...] = declare(
        (), "file", "certificate chain (PEM); repeat for several, selected by SNI", group="TLS"
    )
    key: tuple[str, ...] = declare(
        (), "file", "private key of each certificate, in the same order; not needed if --cert contains it", group="TLS"
    )
    tls: str = declare(
        "", "name", "for development: dev creates a certificate for this machine", group="TLS", choices=("", "dev")
    )
    client_ca: str = declare("", "file", "CA certificates for verifying client certificates (PEM)", group="TLS")
    client_cert: str = declare(
        "off",
        "name",
        "whether clients must present a certificate",
        group="TLS",
        choices=("off", "optional", "required"),
    )
    redirect_from: tuple[str, ...] = declare(
        (), "address", "address to listen on for http and redirect to https", group="TLS"
    )
    hsts_seconds: int = declare(
        0, "seconds", "max-age of the Strict-Transport-Security header; 0 sends none", group="TLS"
    )
    trusted_proxies: tuple[str, ...] = declare(
        (), "network", "IP address or network of proxies whose forwarding headers are trusted", group="Behind a proxy"
    )
    proxy_fields: str = declare(
        "x-forwarded",
        "name",
        "forwarding headers to read: X-Forwarded-* or Forwarded",
        group="Behind a proxy",
        choices=("x-forwarded", "x-forwarded-with-port", "forwarded"),
    )
    proxy_early_hints: bool = declare(
        False, "switch", "send early hints (103) to trusted proxies and over unix sockets", group="Behind a proxy"
    )
    proxy_protocol: bool = declare(
        False,
        "switch",
        "expect a PROXY header (version 1 or 2) on connections from trusted proxies",
        group="Behind a proxy",
    )
    access_log: bool = declare(True, "switch", "log one line per request", group="Monitoring")
    access_format: str = declare("text", "name", "format of the access log", group="Monitoring", choices=LOG_FORMATS)
    access_file: str = declare("", "file", "file for the access log (default, or -: stdout)", group="Monitoring")
    log_file: str = declare(
        "", "file", "file for error and server messages (default, or -: stderr)", group="Monitoring"
    )
    traceback: str = declare(
        "site",
        "name",
        "how exceptions are logged: the frames of the site, with others folded to one line, or in full",
        group="Monitoring",
        choices=("site", "full"),
    )
    admin: str = declare(
        "", "address", "address for /metrics, /healthz and /readyz; do not expose it publicly", group="Monitoring"
    )
    admin_hosts: tuple[str, ...] = declare(
        (), "name", "Host names the admin address accepts, besides IP addresses and private names", group="Monitoring"
    )
    control: str = declare(
        "", "file", "unix socket used by `fanlight status`: auto, none or a path", group="Monitoring", has_none=True
    )
    limits: Limits = field(default_factory=Limits)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that clients of the site connect to."""
        return (*self.bind, *self.redirect_from)

    @property
    def addresses_with_admin(self) -> tuple[str, ...]:
        """Every address that the server listens on."""
        return (*self.addresses, self.admin) if self.admin else self.addresses

    def __post_init__(self) -> None:
        validate(self)
        if not isinstance(self.limits, Limits):
            raise InvalidSetting(f"Options.limits is {self.limits!r}; it takes a Limits(...)")
        self._check_addresses()
        self._check_tls()
        self._check_proxies()
        HostNames(self.hosts)
        self._check_store()
        if self.user and not self.workers:
            raise InvalidSetting(f"user is {self.user!r}, but only workers can change their user; add --workers 1")

    @property
    def has_tls(self) -> bool:
        """Whether the server speaks TLS."""
        return bool(self.cert or self.tls)

    def _check_addresses(self) -> None:
        every = self.addresses_with_admin
        for bind in every:
            check_address(bind)
            if every.count(bind) > 1 and not bind.endswith(":0"):
                raise InvalidSetting(
                    f"{bind} is given more than once; bind, redirect_from and admin each need an address of their own"
                )

    def _check_tls(self) -> None:
        if self.tls and self.cert:
            raise InvalidSetting("tls is 'dev', but a certificate is given too; leave out --tls or --cert")
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
                f"client_cert is {self.client_cert!r}, but there is no CA to verify it with; add --client-ca FILE"
            )
        if self.client_ca and self.client_cert == "off":
            raise InvalidSetting("client_ca is given, but client_cert is off; add --client-cert required, or optional")

    def _check_store(self) -> None:
        if self.bus:
            read_bus_url(self.bus)
        if self.store and read_store_url(self.store).kind == "memory" and self.workers > 1:
            raise InvalidSetting(
                f"store is memory:, which {self.workers} workers can't share; write sqlite:PATH, or leave it out"
            )

    def _check_proxies(self) -> None:
        is_local = all(bind.startswith((UNIX_PREFIX, FD_PREFIX)) for bind in self.bind)
        if self.proxy_protocol and not self.trusted_proxies and not is_local:
            raise InvalidSetting("proxy_protocol is on, but no proxy is trusted; add --trusted-proxies ADDRESS")
