"""Spans of OpenTelemetry, recorded by its own SDK."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import fanlight.opentelemetry
from fanlight import App, Request, lane
from fanlight.opentelemetry import trace_calls
from fanlight.testing import Client

PARENT = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}


class Spans:
    """A tracer provider, and the spans it has exported."""

    def __init__(self) -> None:
        self.provider, self._exporter = TracerProvider(), InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def finished(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    made = Spans()
    monkeypatch.setattr(fanlight.opentelemetry, "_tracer", made.provider.get_tracer("fanlight"))
    yield made
    made.provider.shutdown()


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_a_request_is_a_span(spans: Spans) -> None:
    """It has the name, the kind and the attributes of the conventions; secrets in the query are redacted."""
    with Client(App({"/{page}": lambda page: (page, 201)}, wrap_calls=[trace_calls])) as client:
        client.get("/a?token=1&b=2", headers={"user-agent": "Mozilla", "host": "example.org:8000"})
    (span,) = spans.finished
    assert span.name == "GET /{page}"
    assert span.kind is SpanKind.SERVER
    assert span.parent is None
    assert span.status.status_code is StatusCode.UNSET
    assert attributes_of(span) == {
        "http.request.method": "GET",
        "http.route": "/{page}",
        "http.response.status_code": 201,
        "url.path": "/a",
        "url.query": "token=***&b=2",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "server.address": "example.org",
        "server.port": 8000,
        "user_agent.original": "Mozilla",
    }


@pytest.mark.parametrize("kind", ["inline", "thread", "task", "measured"])
def test_the_spans_of_a_view_are_children(spans: Spans, kind: str) -> None:
    """In every lane the client's span is the parent of the request's, and that is the parent of the view's."""

    def view() -> str:
        with spans.provider.get_tracer("view").start_as_current_span("query"):
            return "x"

    async def async_view() -> str:
        await asyncio.sleep(0)
        return view()

    if kind == "inline":
        lane("inline")(view)
    elif kind == "thread":
        lane("thread")(view)
    with Client(App({"/": async_view if kind == "task" else view}, wrap_calls=[trace_calls])) as client:
        assert client.get("/", headers=PARENT).status == 200
    child, span = spans.finished
    assert child.parent is not None
    assert span.parent is not None
    assert child.parent.span_id == span.context.span_id
    assert f"{span.parent.span_id:x}" == "b7ad6b7169203331"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"


def test_a_server_error_is_an_error(spans: Spans) -> None:
    """A 500, also that of an exception, marks the span as failed; a 404 does not, and has no route."""

    def broken() -> str:
        raise ValueError("secret")

    with Client(App({"/": broken}, wrap_calls=[trace_calls])) as client:
        client.get("/")
        client.get("/missing")
    failed, missing = spans.finished
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes_of(failed)["error.type"] == "500"
    assert "secret" not in failed.to_json()
    assert missing.name == "GET"
    assert missing.status.status_code is StatusCode.UNSET
    assert attributes_of(missing)["http.response.status_code"] == 404


def test_a_cancelled_call_is_recorded(spans: Spans) -> None:
    """A call that is cancelled ends its span with the exception, and the context is as it was."""
    request = Request(fanlight.testing.FakeHead(), None, None)
    running = trace_calls(request, "/")
    next(running)
    with pytest.raises(asyncio.CancelledError):
        running.throw(asyncio.CancelledError())
    (span,) = spans.finished
    assert span.events[0].name == "exception"
    assert not trace.get_current_span().get_span_context().is_valid


def test_an_unknown_method_is_named_http(spans: Spans) -> None:
    """A method outside the conventions is not in the span's name, because clients could make up thousands."""
    with Client(App({"PROPFIND /": "x"}, wrap_calls=[trace_calls])) as client:
        client.request("PROPFIND", "/")
    (span,) = spans.finished
    assert span.name == "HTTP /"
    assert attributes_of(span)["http.request.method"] == "_OTHER"
    assert attributes_of(span)["http.request.method_original"] == "PROPFIND"


def test_without_a_provider_requests_are_served() -> None:
    """Where the app sets no tracer provider, spans are not recorded, and nothing fails."""
    with Client(App({"/": lambda: "x"}, wrap_calls=[trace_calls])) as client:
        assert client.get("/").text == "x"


def test_the_core_imports_no_opentelemetry() -> None:
    """OpenTelemetry is loaded only by a site that imports it."""
    program = (
        "import sys; from fanlight import App; from fanlight.testing import Client\n"
        "with Client(App({'/': 'x'})) as client: client.get('/')\n"
        "assert not [each for each in sys.modules if 'opentelemetry' in each]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
