"""Each request as a span of OpenTelemetry, where the process is set up for that; otherwise nothing at all.

In: a handler. Out: the same one, or, if OpenTelemetry's API is installed and a tracer provider is set
(by the app, at the latest in its lifespan), a handler whose calls each run in a span of their own. The
span's parent is what the client's `traceparent` says; what the view does is the span's child, in every
lane. Names and attributes are those of OpenTelemetry's conventions for HTTP servers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from fanlight.message.handler import Call, Encoding, Handler, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.recording.counts import METHODS, route_of
from fanlight.server.recording.redact import redact

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

MOST_CALLS = 10_000  # that are remembered; a handler has one for each route, unless it makes them up
MOST_PORT_DIGITS = 5


def traced(handler: Handler) -> Handler:
    """Return a handler that does the same, in spans, if there is anybody to tell of them."""
    try:
        from opentelemetry import trace  # noqa: PLC0415 - the app's choice, and no need of ours
    except ImportError:
        return handler
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return handler
    return TracedHandler(handler, provider.get_tracer("fanlight"))


class TracedHandler:
    """A handler whose calls run in spans."""

    def __init__(self, handler: Handler, tracer: Tracer) -> None:
        """Find what `handler` finds."""
        self._handler, self._tracer = handler, tracer
        self._calls: dict[Call, TracedCall] = {}

    @property
    def request_class(self) -> type[Request]:
        """The handler's own, if it has one."""
        return getattr(self._handler, "request_class", Request)

    @property
    def encoding(self) -> Encoding | None:
        """The handler's own, if it has one."""
        return getattr(self._handler, "encoding", None)

    def find(self, request: Request, /) -> TracedCall:
        """Return the call for a request."""
        call = self._handler.find(request)
        known = self._calls.get(call)
        if known is None:
            if len(self._calls) >= MOST_CALLS:
                self._calls.clear()
            known = self._calls[call] = TracedCall(call, self._tracer)
        return known

    async def start(self) -> None:
        """Start the handler."""
        await self._handler.start()

    async def stop(self) -> None:
        """Stop the handler."""
        await self._handler.stop()


class TracedCall(Call):
    """A call in a span; it has a lane of its own, which the server may change."""

    __slots__ = ("_route", "_tracer")

    def __init__(self, call: Call, tracer: Tracer) -> None:
        """Run `call`."""
        super().__init__(
            self._waiting(call) if call.lane is Lane.TASK else self._at_once(call),
            call.name,
            lane=call.lane,
            is_pinned=call.is_pinned,
            reads_content=call.reads_content,
            body_policy=call.body_policy,
        )
        self._tracer = tracer
        route = route_of(call.name)
        self._route = route if route.startswith("/") else ""

    def _at_once(self, call: Call) -> Callable[[Request], Response]:
        def run(request: Request) -> Response:
            with self._span(request) as span:
                response = cast("Response", call.run(request))
                _tell_of_answer(span, response)
                return response

        return run

    def _waiting(self, call: Call) -> Callable[[Request], Awaitable[Response]]:
        async def run(request: Request) -> Response:
            with self._span(request) as span:
                response = await cast("Awaitable[Response]", call.run(request))
                _tell_of_answer(span, response)
                return response

        return run

    @contextmanager
    def _span(self, request: Request) -> Iterator[Span]:
        from opentelemetry import context, propagate  # noqa: PLC0415 - only here where it is installed
        from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context  # noqa: PLC0415 - as above

        parent = propagate.extract(request.head.values)
        method = request.method if request.method in METHODS else "HTTP"
        name = f"{method} {self._route}" if self._route else method
        span = self._tracer.start_span(name, parent, SpanKind.SERVER, _attributes(request, self._route))
        token = context.attach(set_span_in_context(span, parent))
        try:
            yield span
        except BaseException as error:
            span.record_exception(error)
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            context.detach(token)
            span.end()


def _attributes(request: Request, route: str) -> dict[str, str | int]:
    """Return what is known of a request before it is answered."""
    head = request.head
    is_known = head.method in METHODS
    host, colon, port = head.authority.rpartition(":")
    if not colon or "]" in port:
        host, port = head.authority, ""
    found: dict[str, str | int] = {
        "http.request.method": head.method if is_known else "_OTHER",
        "url.path": head.path,
        "url.scheme": request.scheme,
        "network.protocol.version": request.http_version,
        "server.address": host,
    }
    optional = {
        "http.request.method_original": "" if is_known else head.method,
        "url.query": redact(f"?{head.query}")[1:],
        "http.route": route,
        "client.address": request.client or "",
        "user_agent.original": head.values.get("user-agent", ""),
        "server.port": int(port) if len(port) <= MOST_PORT_DIGITS and port.isascii() and port.isdigit() else "",
    }
    return found | {name: value for name, value in optional.items() if value}


def _tell_of_answer(span: Span, response: object) -> None:
    """Add what is known now; an answer of 500 or more is our error, and one of 400 the client's, which is no error."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - as above

    if not isinstance(response, Response):
        return
    span.set_attribute("http.response.status_code", response.status)
    if response.status >= 500:
        span.set_attribute("error.type", str(response.status))
        span.set_status(StatusCode.ERROR)
