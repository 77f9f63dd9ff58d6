"""Spans of OpenTelemetry, as its own SDK sees them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from fanlight import App
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.server.recording.spans import TracedHandler, traced
from fanlight.testing import FakeCall, FakeHandler, FakeHead

PARENT = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}


@pytest.fixture
def spans() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


Spans = tuple[TracerProvider, InMemorySpanExporter]


def ask(spans: Spans, call: FakeCall, target: str = "/", **fields: str) -> tuple[ReadableSpan, ...]:
    """Run a call of a traced handler where the server would, and return the spans."""
    provider, exporter = spans
    handler = TracedHandler(FakeHandler({"/": call, "/a": call}), provider.get_tracer("test"))
    request = Request(
        FakeHead(target=target, fields={name.replace("_", "-"): text for name, text in fields.items()}),
        "192.0.2.1",
        None,
    )
    found = handler.find(request)
    assert found is handler.find(request)
    if found.lane is Lane.TASK:

        async def wait() -> Response:
            response: Response = await found.run(request)  # type: ignore[misc]  # an awaitable, in this lane
            return response

        asyncio.run(wait())
    elif found.lane is Lane.THREAD:
        thread = threading.Thread(target=found.run, args=(request,))
        thread.start()
        thread.join()
    else:
        found.run(request)
    return exporter.get_finished_spans()


def test_a_request_is_a_span(spans: Spans) -> None:
    """It has the name, the kind and the attributes of the conventions; secrets are masked."""
    call = FakeCall(lambda _: Response("x", 201), name="GET /{page} (views.page)")
    (span,) = ask(spans, call, "/a?token=1&b=2", user_agent="Mozilla", host="example.org:8000")
    assert span.name == "GET /{page}"
    assert span.kind is SpanKind.SERVER
    assert span.parent is None
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/{page}",
        "http.response.status_code": 201,
        "url.path": "/a",
        "url.query": "token=***&b=2",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "192.0.2.1",
        "server.address": "example.org",
        "server.port": 8000,
        "user_agent.original": "Mozilla",
    }


@pytest.mark.parametrize("lane", list(Lane))
def test_what_a_view_does_is_a_child(spans: Spans, lane: Lane) -> None:
    """In every lane the client's span is the parent of ours, and ours of the view's."""

    def view(_: Request) -> Response:
        with spans[0].get_tracer("view").start_as_current_span("query"):
            return Response("x")

    async def view_later(request: Request) -> Response:
        await asyncio.sleep(0)
        return view(request)

    run: Callable[[Request], Response | Awaitable[Response]] = view_later if lane is Lane.TASK else view
    child, span = ask(spans, FakeCall(run, lane, name="GET / (view)"), traceparent=PARENT["traceparent"])
    assert child.parent is not None
    assert span.parent is not None
    assert child.parent.span_id == span.context.span_id
    assert f"{span.parent.span_id:x}" == "b7ad6b7169203331"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"


def test_a_failure_is_an_error(spans: Spans) -> None:
    """An answer of 500 marks the span as failed; one of 404 does not."""
    first, second = [ask(spans, FakeCall(lambda _, s=status: Response("x", s)))[-1] for status in (500, 404)]  # type: ignore[misc]  # bound on purpose
    assert first.status.status_code is StatusCode.ERROR
    assert (first.attributes or {})["error.type"] == "500"
    assert second.status.status_code is StatusCode.UNSET


def test_a_broken_promise_is_recorded(spans: Spans) -> None:
    """A call that raises ends its span with the exception, and the context is as it was."""

    def broken(_: Request) -> Response:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        ask(spans, FakeCall(broken))
    (span,) = spans[1].get_finished_spans()
    assert span.events[0].name == "exception"
    assert not trace.get_current_span().get_span_context().is_valid


def test_without_a_provider_the_handler_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody is told of spans, nothing is put in the way."""
    handler = FakeHandler({})
    assert traced(handler) is handler


def test_without_the_api_the_handler_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenTelemetry is not installed, nothing is put in the way."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    handler = FakeHandler({})
    assert traced(handler) is handler


def test_with_a_provider_the_handler_is_traced(monkeypatch: pytest.MonkeyPatch, spans: Spans) -> None:
    """Where the app has set a provider, each call has a span."""
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans[0])
    handler = traced(FakeHandler({"/": lambda _: Response("x")}))
    assert isinstance(handler, TracedHandler)
    asyncio.run(handler.start())
    request = Request(FakeHead(), None, None)
    handler.find(request).run(request)
    asyncio.run(handler.stop())
    assert len(spans[1].get_finished_spans()) == 1


def test_a_traced_app_compresses_as_ever() -> None:
    """What the server asks a handler for beside its calls, it gets through the spans."""
    app = App({"/": "hello"})
    handler = TracedHandler(app, TracerProvider().get_tracer("test"))
    assert handler.encoding is app.encoding
    assert handler.request_class is app.request_class
