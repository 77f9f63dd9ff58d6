"""Trace requests with OpenTelemetry: `App(URLS, wrap_calls=[trace_calls])`.

In: requests, and the tracer provider that the app has set. Out: a span for each request. Its parent is the client's
span, from `traceparent`; spans that a view starts are its children, in every lane. Names and attributes are those of
OpenTelemetry's semantic conventions for HTTP servers. Secrets in a query are redacted. A span ends when the response
is made: the time in which a stream is sent is not part of it. Nothing else in Fanlight imports this module, which needs
the package `opentelemetry-api`.
"""

from __future__ import annotations

from collections.abc import Generator

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind, StatusCode

from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.recording.counts import METHODS
from fanlight.server.recording.redact import redact

MAX_PORT_DIGITS = 5

_tracer = trace.get_tracer("fanlight")  # uses the provider that is set when the first span starts


def trace_calls(request: Request, route: str) -> Generator[None, Response, None]:
    """Run a call in a span: a function for `wrap_calls`."""
    parent = propagate.extract(request.head.values)
    method = request.method if request.method in METHODS else "HTTP"
    name = f"{method} {route}" if route else method
    span = _tracer.start_span(name, parent, SpanKind.SERVER, _attributes(request, route))
    token = context.attach(trace.set_span_in_context(span, parent))
    try:
        response = yield
        span.set_attribute("http.response.status_code", response.status)
        if response.status >= 500:  # a 4xx is the client's error, and none of the server's
            span.set_attribute("error.type", str(response.status))
            span.set_status(StatusCode.ERROR)
    except BaseException as error:
        span.record_exception(error)
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(StatusCode.ERROR)
        raise
    finally:
        context.detach(token)
        span.end()


def _attributes(request: Request, route: str) -> dict[str, str | int]:
    """Return the attributes that are known before the call runs."""
    head = request.head
    is_known = head.method in METHODS
    host, colon, port = head.authority.rpartition(":")
    if not colon or "]" in port:
        host, port = head.authority, ""
    required: dict[str, str | int] = {
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
        "server.port": int(port) if len(port) <= MAX_PORT_DIGITS and port.isascii() and port.isdigit() else "",
    }
    return required | {name: value for name, value in optional.items() if value}
