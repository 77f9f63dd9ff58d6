"""The policy of a listener: the TLS and PROXY handshakes, then the true client, scheme and host of each request.

In: a new connection. Out: one that is ready for its first request. Then, for each request: client, scheme and host as
trusted proxies report them, and HSTS. Only trusted proxies are believed; a warning is logged once when another client
sends their header fields. Knows nothing of routes and views.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from msgspec import Struct

from fanlight.errors import BadMessage, InvalidResponse
from fanlight.message.handler import Call
from fanlight.message.http_date import write_date
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.server.connection.connection import Connection
from fanlight.server.io.poller import READ, WRITE
from fanlight.server.listening.forwarded import TrustedProxies, read_forwarded, read_x_forwarded
from fanlight.server.tls.handshake_outcome import DONE, WANTS_READ, TlsError
from fanlight.wire.proxy.proxy_header import MAX_BYTES, read_proxy_header

if TYPE_CHECKING:
    from fanlight.server.tls.tls import TlsConfig

HTTPS_PORT = 443
REFRESH_SECONDS = 5.0  # between two checks whether certificate files have changed
_FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")
_USE_HTTPS_TEXT = b"this port uses HTTPS: use an https:// URL\n"
_USE_HTTPS = (
    b"HTTP/1.1 400 Bad Request\r\ndate: %b\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b"
)

log = logging.getLogger("fanlight.server")

ProxyFields = Literal["x-forwarded", "x-forwarded-with-port", "forwarded"]


class ProxySettings(Struct, frozen=True, kw_only=True):
    """Which proxies are trusted, and which of their header fields are read."""

    trust: TrustedProxies
    fields: ProxyFields = "x-forwarded"
    has_proxy_header: bool = False  # connections begin with a header of the PROXY protocol
    passes_hints: bool = False  # the proxies pass interim responses on


class ListenerPolicy:
    """What applies to the connections of one listener: TLS, the PROXY protocol, trusted proxies, redirects to https."""

    def __init__(
        self,
        proxies: ProxySettings,
        *,
        tls: TlsConfig | None = None,
        hsts_seconds: int = 0,
        https_port: int | None = None,
    ) -> None:
        """Prepare; without `tls` connections are plain, and with `https_port` every request is redirected there."""
        self._proxies, self._tls = proxies, tls
        self.passes_hints = proxies.passes_hints
        self._hsts = b"strict-transport-security: max-age=%d\r\n" % hsts_seconds if hsts_seconds else b""
        self._to_https = None if https_port is None else redirect_to_https(https_port)
        self._has_warned_of_fields = self._has_warned_of_handshake = False
        self._next_refresh = 0.0
        self._direct_tls = DirectTlsPolicy(passes_hints=proxies.passes_hints, hsts=self._hsts)

    def trusts(self, client: str | None) -> bool:
        """Return whether a peer is a trusted proxy; None is a peer behind a unix socket."""
        return self._proxies.trust.trusts(client)

    # --- before the first request ---------------------------------------------------------------

    def wrap(self, connection: Connection) -> bool:
        """Prepare a new connection, for TLS if that is used; return whether a handshake comes first."""
        tls, has_proxy_header, is_trusted = self._tls, self._proxies.has_proxy_header, self.trusts(connection.client)
        if tls is not None and time.monotonic() >= self._next_refresh:
            self._next_refresh = time.monotonic() + REFRESH_SECONDS
            tls.refresh()
        if tls is not None and not has_proxy_header and isinstance(connection.sock, socket.socket):
            connection.secure(tls.wrap(connection.sock))
        has_handshake = tls is not None or has_proxy_header
        # Otherwise there is nothing to do for its requests: none of its fields apply, and the warning has been logged.
        if has_handshake or self._to_https is not None or is_trusted or not self._has_warned_of_fields:
            connection.set_policy(self)
        if tls is not None or (is_trusted and not has_proxy_header):
            connection.wire.accept_https_targets()
        return has_handshake

    def handshake(self, connection: Connection) -> int:
        """Continue the PROXY and TLS handshake; return the events to wait for, 0 when it is complete.

        Raises OSError or BadMessage if it fails; the reason is logged here.
        """
        stream = connection.sock
        try:
            if isinstance(stream, socket.socket):
                if not self._read_proxy_header(connection, stream):
                    return READ
                if self._tls is None:
                    return 0
                stream = self._tls.wrap(stream)
                connection.secure(stream)
            outcome = stream.handshake()
        except (TlsError, BadMessage) as error:
            if isinstance(error, TlsError) and error.is_plain_http and not isinstance(stream, socket.socket):
                date = write_date(int(time.time())).encode()
                stream.send_plain(_USE_HTTPS % (date, len(_USE_HTTPS_TEXT), _USE_HTTPS_TEXT))
            # A warning only once, as scanners would fill the log.
            level = logging.DEBUG if self._has_warned_of_handshake else logging.WARNING
            self._has_warned_of_handshake = True
            log.log(level, "connection from %s refused: %s (logged once)", connection.client or "a client", error)
            raise
        if outcome is DONE:
            return 0
        return READ if outcome is WANTS_READ else WRITE

    def _read_proxy_header(self, connection: Connection, sock: socket.socket) -> bool:
        """Read the PROXY header, and not a byte more; True when it is complete."""
        data = sock.recv(MAX_BYTES, socket.MSG_PEEK)
        if not data:
            raise ConnectionResetError("disconnected before the PROXY header")
        if not self.trusts(connection.client):
            raise BadMessage(
                "not a trusted proxy: only --trusted-proxies may connect to a listener with --proxy-protocol"
            )
        proxy_header = read_proxy_header(data)
        if proxy_header is None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(data) + 1)  # poll again when there is more
            return False
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        sock.recv(proxy_header.length)
        if not proxy_header.is_local:
            connection.set_client(proxy_header.client or "unix")  # of the proxy's own unix socket
        if proxy_header.is_tls:
            connection.mark_tls()
            connection.set_policy(self)
        if proxy_header.is_tls or self.trusts(connection.client):
            connection.wire.accept_https_targets()
        return True

    # --- at each request --------------------------------------------------------------------------

    def apply_to_request(self, connection: Connection) -> None:
        """Set client, scheme and host on the request from the transport and trusted proxy headers."""
        request = connection.request
        if connection.is_tls:
            _apply_tls(connection)
        # SECURITY: tests/server/listening/test_listener_policy.py: behind a PROXY header the client itself writes the
        # fields, so the client must be trusted, not the proxy that passes bytes on.
        if self.trusts(connection.client):
            self._apply_forwarded(request, connection.client)
        else:
            self._warn_if_untrusted(connection, request)
        if self._to_https is not None and request.scheme == "http":
            connection.call = self._to_https
        if request.scheme == "https":
            connection.extra_headers += self._hsts

    def _apply_forwarded(self, request: Request, peer: str | None) -> None:
        values, proxies = request.head.values, self._proxies
        if proxies.fields == "forwarded":
            origin = read_forwarded(values.get("forwarded", ""), peer, proxies.trust)
        else:
            origin = read_x_forwarded(values, peer, proxies.trust, has_port=proxies.fields == "x-forwarded-with-port")
        request.set_origin(client=origin.client, scheme=origin.scheme, host=origin.host)
        if not self._has_warned_of_fields:
            other = "x-forwarded-for" if proxies.fields == "forwarded" else "forwarded"
            if other in values and origin.client is None:
                self._warn_once(
                    "a trusted proxy sends %s, which is ignored: to read it, use --proxy-fields %s",
                    other,
                    "forwarded" if other == "forwarded" else "x-forwarded",
                )

    def _warn_if_untrusted(self, connection: Connection, request: Request) -> None:
        """Warn once if an untrusted client sends the header fields of a proxy."""
        if not self._has_warned_of_fields:
            name = next((each for each in _FORWARDED if each in request.head.values), None)
            if name is not None:
                self._warn_once(
                    "%s from %s was ignored because that address is not trusted; if it is your proxy,"
                    " use --trusted-proxies %s",
                    name,
                    connection.client,
                    connection.client,
                )
        # For its further requests there is less to do, or nothing.
        if connection.is_tls:
            connection.set_policy(self._direct_tls)
        elif self._to_https is None and not self._proxies.has_proxy_header:
            connection.set_policy(None)

    def _warn_once(self, message: str, *args: object) -> None:
        self._has_warned_of_fields = True
        log.warning("%s (logged once)", message % args)


def _apply_tls(connection: Connection) -> None:
    """Set the scheme on the request, and the certificate of a client that has sent one."""
    request = connection.request
    request.set_origin(scheme="https")
    if (certificate := getattr(connection.sock, "client_cert", None)) is not None:  # a proxy's TLS has none
        request.cache_value("client_cert", certificate)


class DirectTlsPolicy:
    """The policy of a TLS connection whose client is no trusted proxy, when its first request has been looked at."""

    def __init__(self, *, passes_hints: bool, hsts: bytes) -> None:
        self.passes_hints, self._hsts = passes_hints, hsts

    def trusts(self, _client: str | None) -> bool:
        """Return False: the client is no proxy that is trusted."""
        return False

    def handshake(self, _connection: Connection) -> int:
        """Return 0: the handshake is complete."""
        return 0

    def apply_to_request(self, connection: Connection) -> None:
        """Set the scheme and the client's certificate on the request, and HSTS on its response."""
        _apply_tls(connection)
        connection.extra_headers += self._hsts


class TerminatedTlsPolicy(ListenerPolicy):
    """The policy of connections whose TLS was terminated before they come here: those of a test."""

    def __init__(self) -> None:
        super().__init__(ProxySettings(trust=TrustedProxies(()), passes_hints=True))

    def wrap(self, connection: Connection) -> bool:
        """Prepare a new connection; there is no handshake."""
        connection.mark_tls()
        connection.set_policy(self)
        connection.wire.accept_https_targets()
        return False


def redirect_to_https(port: int) -> Call:
    """Return the call of a plain port that redirects every request to https (RFC 9110 section 15.4.9).

    The host is the one the client asked for; a request without a host gets 400.
    """
    https_port = "" if port == HTTPS_PORT else f":{port}"

    def run(request: Request) -> Response:
        has_port = ":" in request.host.rpartition("]")[2]
        host = request.host.rpartition(":")[0] if has_port else request.host
        if not host:
            return Response("Host is missing\n", 400, media_type="text/plain")
        path = request.raw_path.replace("\\", "%5C") if request.raw_path.startswith("/") else "/"
        query = f"?{request.raw_query}" if request.raw_query else ""
        try:
            return redirect(f"https://{quote(host, safe='[]:.-_~')}{https_port}{path}{query}", 308)
        except InvalidResponse:
            return Response("Host is not a host's name\n", 400, media_type="text/plain")

    return Call(run, "redirect to https", is_pinned=True)
