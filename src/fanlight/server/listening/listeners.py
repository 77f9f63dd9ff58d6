"""The listening sockets of one server, each with the policy for its connections.

In: options, or sockets that are open already (the supervisor's). Out: listeners for the hub. Refuses, before anything
is open, a certificate that can't be read and an address that is not available. Knows nothing of connections.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from fanlight.server.io.forks import run_in_child
from fanlight.server.listening.forwarded import TrustedProxies
from fanlight.server.listening.listen import is_ipv6_only, listen, remove_file, try_bind, url_of
from fanlight.server.listening.listener_policy import HTTPS_PORT, ListenerPolicy, ProxyFields, ProxySettings
from fanlight.server.listening.worker_loads import AcceptShare
from fanlight.settings.addresses import UNIX_PREFIX, path_of
from fanlight.settings.options import Options

if TYPE_CHECKING:
    from fanlight.server.tls.tls import ClientCertMode, TlsConfig


class Listener(Struct, frozen=True):
    """A listening socket, the address it was configured with, and whether it only redirects clients to https."""

    sock: socket.socket
    bind: str
    is_redirect: bool = False


class ListenerSet:
    """The listeners of one server."""

    def __init__(self, options: Options, *, owner: tuple[int, int] | None = None) -> None:
        """Load certificates and trusted proxies; unix sockets will belong to `owner` (user and group id).

        Raises InvalidSetting. Nothing is open yet.
        """
        self._options, self._owner = options, owner
        self.listeners: list[Listener] = []
        self.share: AcceptShare | None = None  # of what is accepted from them, where other workers accept too
        self._proxies = ProxySettings(
            trust=TrustedProxies(options.trusted_proxies),
            fields=cast("ProxyFields", options.proxy_fields),
            has_proxy_header=options.proxy_protocol,
            passes_hints=options.proxy_early_hints,
        )
        self._tls = _load_tls(options)
        run_in_child(self, ListenerSet.close)

    @property
    def is_open(self) -> bool:
        """Whether there are listeners."""
        return bool(self.listeners)

    def open(self) -> None:
        """Open every address of the options. Raises AddressUnavailable or InvalidSetting; then none is open."""
        binds = self._options.addresses
        try:
            for is_redirect, group in ((False, self._options.bind), (True, self._options.redirect_from)):
                for bind in group:
                    only = is_ipv6_only(bind, binds)
                    opened = listen(bind, mode=self._options.socket_mode, owner=self._owner, is_ipv6_only=only)
                    self.listeners += [Listener(sock, bind, is_redirect) for sock in opened]
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        """Raise what `open` would raise, without opening the port."""
        binds = self._options.addresses
        for bind in binds:
            try_bind(bind, is_ipv6_only=is_ipv6_only(bind, binds))

    def adopt(self, listeners: Sequence[Listener]) -> None:
        """Use sockets that are open already."""
        self.listeners = list(listeners)

    def with_policies(self) -> list[tuple[socket.socket, ListenerPolicy]]:
        """Return each listener's socket with the policy for its connections."""
        normal = ListenerPolicy(self._proxies, tls=self._tls, hsts_seconds=self._options.hsts_seconds)
        redirecting = ListenerPolicy(self._proxies, https_port=self._https_port())
        return [(each.sock, redirecting if each.is_redirect else normal) for each in self.listeners]

    def urls(self) -> list[str]:
        """Return the URLs of the listeners, without those that only redirect."""
        scheme = "https" if self._tls is not None else "http"
        return [url_of(each.sock, scheme) for each in self.listeners if not each.is_redirect]

    def close(self) -> None:
        """Close the sockets of this process; the file of a unix socket remains until `remove_files`."""
        for each in self.listeners:
            with contextlib.suppress(OSError):
                each.sock.close()
        self.listeners = []

    def remove_files(self) -> None:
        """Remove the files of unix sockets if they are ours; to be called before `close`."""
        for each in self.listeners:
            if each.bind.startswith(UNIX_PREFIX):
                remove_file(path_of(each.bind))

    def _https_port(self) -> int:
        for each in self.listeners:
            if not each.is_redirect and each.sock.family in (socket.AF_INET, socket.AF_INET6):
                port: int = each.sock.getsockname()[1]
                return port
        return HTTPS_PORT


def _load_tls(options: Options) -> TlsConfig | None:
    if not options.cert and not options.tls:
        return None
    from fanlight.server.tls.tls import TlsConfig  # noqa: PLC0415 - for a server with TLS, before it opens a port

    keys = options.key or options.cert
    return TlsConfig(
        certificates=tuple(zip(options.cert, keys, strict=True)),
        is_dev=options.tls == "dev",
        client_ca=options.client_ca,
        client_cert=cast("ClientCertMode", options.client_cert),
        hosts=options.bind,
    )
