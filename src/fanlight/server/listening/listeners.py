"""All the ways into one server: its listening sockets, each with its entrance.

In: options, and perhaps sockets that are open already (a parent's, or systemd's). Out: listeners for
the hub. Refuses, before anything is open, what can't be: a certificate that is unreadable, an
address that is taken. Knows nothing of connections.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from fanlight.server.io.forks import run_in_child
from fanlight.server.listening.forwarded import TrustedProxies
from fanlight.server.listening.listen import is_ipv6_only, listen, try_bind, url_of
from fanlight.server.listening.listener_policy import ListenerPolicy, ProxyFields, ProxySettings
from fanlight.server.listening.socket_files import remove_file
from fanlight.server.tls.tls import ClientCertMode, Tls
from fanlight.settings.addresses import UNIX_PREFIX, path_of
from fanlight.settings.options import Options


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket, the address it was asked for with, and whether it only sends clients to https."""

    sock: socket.socket
    bind: str
    is_redirect: bool = False


class ListenerSet:
    """The listeners of one server, and their entrances."""

    def __init__(self, options: Options, *, owner: tuple[int, int] | None = None) -> None:
        """Read certificates and trust; unix sockets will belong to `owner` (user and group, as numbers).

        Raises InvalidSetting. Nothing is open yet.
        """
        self._options, self._owner = options, owner
        self.listeners: list[Listener] = []
        self._proxies = ProxySettings(
            trust=TrustedProxies(options.trusted_proxies),
            fields=cast("ProxyFields", options.proxy_fields),
            has_preface=options.proxy_protocol,
            passes_hints=options.proxy_early_hints,
        )
        self.tls = _tls_of(options)
        run_in_child(self, ListenerSet.close)

    @property
    def is_secure(self) -> bool:
        """Say whether clients come in by TLS."""
        return self.tls is not None

    def open(self) -> None:
        """Open every address of the options. Raises AddressUnavailable or InvalidSetting; none is open then."""
        try:
            for is_redirect, binds in ((False, self._options.bind), (True, self._options.redirect_from)):
                for bind in binds:
                    self.listeners += [Listener(sock, bind, is_redirect) for sock in self.opened(bind)]
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        """Refuse an address that can't be had, as `open` would, without opening the port."""
        binds = self._options.addresses
        for bind in binds:
            try_bind(bind, is_ipv6_only=is_ipv6_only(bind, binds))

    def opened(self, bind: str) -> list[socket.socket]:
        """Open one address."""
        only = is_ipv6_only(bind, self._options.addresses)
        return listen(bind, mode=self._options.socket_mode, owner=self._owner, is_ipv6_only=only)

    def take(self, listeners: Sequence[Listener]) -> None:
        """Use sockets that are open already."""
        self.listeners = list(listeners)

    def with_policies(self) -> list[tuple[socket.socket, ListenerPolicy]]:
        """Return each listener's socket with the entrance that its clients come through."""
        straight = ListenerPolicy(self._proxies, tls=self.tls, hsts_seconds=self._options.hsts_seconds)
        middleware = ListenerPolicy(self._proxies, https_port=self._https_port())
        return [(each.sock, middleware if each.is_redirect else straight) for each in self.listeners]

    def urls(self) -> list[str]:
        """Return the addresses as a person would type them, without those that only redirect."""
        scheme = "https" if self.is_secure else "http"
        return [url_of(each.sock, scheme) for each in self.listeners if not each.is_redirect]

    def close(self) -> None:
        """Close the sockets, of this process; the file of a unix socket stays until `remove_files`."""
        for each in self.listeners:
            with contextlib.suppress(OSError):
                each.sock.close()

    def remove_files(self) -> None:
        """Remove the files of unix sockets, if they are ours; to be called before `close`."""
        for each in self.listeners:
            if each.bind.startswith(UNIX_PREFIX):
                remove_file(path_of(each.bind))

    def _https_port(self) -> int:
        for each in self.listeners:
            if not each.is_redirect and each.sock.family in (socket.AF_INET, socket.AF_INET6):
                port: int = each.sock.getsockname()[1]
                return port
        return 443


def _tls_of(options: Options) -> Tls | None:
    if not options.cert and not options.tls:
        return None
    keys = options.key or options.cert
    return Tls(
        certificates=tuple(zip(options.cert, keys, strict=True)),
        is_dev=options.tls == "dev",
        client_ca=options.client_ca,
        client_cert=cast("ClientCertMode", options.client_cert),
        hosts=options.bind,
    )
