"""What is recorded of the way through an app: views, middleware, dependencies, arguments, templates, logs, lanes."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from tests.devtools.inspector.recorded_site import RecordedSite, request, site_of
from tests.speed import PATIENCE

from fanlight import (
    Cookie,
    FormErrors,
    Header,
    NotFound,
    Request,
    Response,
    Upload,
    lane,
    render,
)
from fanlight.devtools.inspector.exchange_record import Exchange, LogLine, Parameter, Span
from fanlight.devtools.inspector.recording import CallRun, ConnectionFacts, Recording
from fanlight.devtools.inspector.recording_observer import RecordingObserver

HERE = Path(__file__).parent


def observed(urls: Mapping[str, object], folder: Path = HERE, **settings: Any) -> RecordedSite:
    """Return a site whose app is observed and recorded."""
    app = site_of(urls, folder, **settings).observed(RecordingObserver(folder))
    return RecordedSite(app, site=app)


def exchange_of(
    urls: Mapping[str, object], data: bytes | None = None, folder: Path = HERE, **settings: Any
) -> Exchange:
    """Return what is recorded of one request."""
    with observed(urls, folder, **settings) as site:
        site.exchange(data or request())
        return site.kept.one()


def spans(exchange: Exchange, kind: str) -> list[Span]:
    """Return the spans of a kind."""
    return [span for span in exchange.spans if span.kind == kind]


def parameters(exchange: Exchange) -> dict[str, Parameter]:
    """Return the parameters by their names."""
    return {each.name: each for each in exchange.parameters}


def post(target: str, content: bytes, media_type: str = "application/json") -> bytes:
    """Return a request with content."""
    fields = (f"content-type: {media_type}", f"content-length: {len(content)}")
    return request(target, *fields, method="POST", content=content)


# --- the view ------------------------------------------------------------------------------------------


def home() -> str:
    return "hello"


@lane("thread")
def threaded() -> str:
    return "hello"


async def async_home() -> str:
    await asyncio.sleep(0)
    return "hello"


@pytest.mark.parametrize(("view", "lane_name"), [(home, "inline"), (async_home, "task"), (threaded, "thread")])
def test_a_view_has_its_span_its_place_and_its_lane(view: Any, lane_name: str) -> None:
    """The view's own time is within that of its call, which knows its lane and its thread."""
    exchange = exchange_of({"/": view})
    (span,) = spans(exchange, "view")
    assert exchange.run is not None
    assert exchange.run.lane == lane_name
    assert exchange.run.began <= span.begin <= span.end <= exchange.run.began + exchange.run.seconds
    assert exchange.run.cpu_seconds >= 0
    assert exchange.run.thread
    assert exchange.run.reason
    assert exchange.view == view.__qualname__ or exchange.view.endswith(view.__qualname__)
    assert exchange.view_place.startswith("test_recorded_parts.py:")
    assert (exchange.view_place, exchange.view) == (span.place, span.name)


def failing() -> str:
    values: dict[str, str] = {}
    return values["x"]


def test_an_exception_of_a_view_is_kept() -> None:
    """An exception that nothing catches is reported with the site's frames; the exchange has its 500."""
    exchange = exchange_of({"/": failing})
    (span,) = spans(exchange, "view")
    assert (exchange.status, exchange.outcome, span.error) == (500, "done", "KeyError")
    assert exchange.error is not None
    assert (exchange.error.kind, exchange.error.message) == ("KeyError", "'x'")
    assert "test_recorded_parts.py" in exchange.error.text
    assert {field.name: field.origin for field in exchange.response_fields}["content-type"] == "page of the error"


def not_there() -> str:
    raise NotFound("no such thing")


def test_an_http_error_is_no_failure() -> None:
    """An HTTPError is a response; its span has the error, the exchange none."""
    exchange = exchange_of({"/": not_there})
    assert (exchange.status, exchange.error, spans(exchange, "view")[0].error) == (404, None, "NotFound")


class OutOfStock(Exception): ...


def sold_out() -> str:
    raise OutOfStock


def sorry(error: Exception) -> tuple[dict[str, str], int]:
    return {"sorry": type(error).__name__}, 409


def missing(error: Exception) -> tuple[str, int]:
    raise NotFound


def nothing(error: Exception) -> object:
    return None


def injected(error: Exception, agent: Header[str] = "") -> str:
    return f"gone {agent}"


def origin(exchange: Exchange) -> str:
    """Return what has made the content of a response."""
    return {field.name: field.origin for field in exchange.response_fields}["content-type"]


@pytest.mark.parametrize(
    ("view", "errors", "status", "error_views", "maker"),
    [
        (sold_out, {OutOfStock: sorry}, 409, [("sorry", "")], "error view sorry"),
        (not_there, {404: sorry}, 409, [("sorry", "")], "error view sorry"),
        (
            sold_out,
            {OutOfStock: missing, 404: injected},
            404,
            [("missing", "NotFound"), ("injected", "")],
            "error view injected",
        ),
        (sold_out, {OutOfStock: missing}, 404, [("missing", "NotFound")], "page of the error"),
        (not_there, {404: nothing}, 404, [("nothing", "")], "page of the error"),
        (sold_out, {OutOfStock: nothing}, 500, [("nothing", "")], "page of the error"),
    ],
)
def test_an_error_view_has_its_span_and_its_response(
    view: Any, errors: Any, status: int, error_views: Any, maker: str
) -> None:
    """It is named beside the view that has raised; a response is its own only if it has made it."""
    exchange = exchange_of({"/": view}, errors=errors)
    found = [(each.name.rpartition(".")[2], each.error) for each in spans(exchange, "error view")]
    assert (exchange.status, found) == (status, error_views)
    assert all(each.place.startswith("test_recorded_parts.py:") for each in spans(exchange, "error view"))
    assert spans(exchange, "view")[0].error
    assert origin(exchange).replace(f"{__name__}.", "") == maker


def test_a_request_without_a_route_has_candidates() -> None:
    """Each candidate says why it won or lost, and where it is written."""
    urls = {"/": home, "/blog/{slug}": home_of_slug, "POST /blog": home}
    exchange = exchange_of(urls, request("/blgo/one"))
    assert (exchange.status, exchange.route, exchange.view) == (404, "", "")
    assert {each.pattern for each in exchange.candidates} == {"/", "/blog/{slug}", "/blog"}
    assert not any(each.is_chosen for each in exchange.candidates)
    assert all(each.reason for each in exchange.candidates)


def home_of_slug(slug: str) -> str:
    return slug


def test_the_chosen_route_comes_first_with_its_values() -> None:
    """The route that won is the first candidate, with what the path gave."""
    exchange = exchange_of({"/": home, "/blog/{slug}": home_of_slug}, request("/blog/one"))
    chosen, *others = exchange.candidates
    assert (chosen.pattern, chosen.is_chosen, chosen.reason) == ("/blog/{slug}", True, "it matches, with slug='one'")
    assert [each.is_chosen for each in others] == [False]
    assert exchange.route == "GET /blog/{slug}"


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return an event that is set when a sample of a stack has been taken."""
    taken, add_stack = threading.Event(), CallRun.add_stack

    def add_and_tell(run: CallRun, stack: str) -> None:
        add_stack(run, stack)
        if run.stacks:
            taken.set()

    monkeypatch.setattr(CallRun, "add_stack", add_and_tell)
    return taken


def test_a_view_that_blocks_has_its_stack(caplog: pytest.LogCaptureFixture, sampled: threading.Event) -> None:
    """A sample shows the line at which a plain view was, and the log line of the server is with it."""
    caplog.set_level(logging.INFO, "fanlight.server")

    def block() -> str:
        sampled.wait(PATIENCE)
        return "at last"

    exchange = exchange_of({"/": block})
    assert exchange.run is not None
    assert "test_recorded_parts.py" in exchange.run.stacks[0]
    assert "in block" in exchange.run.stacks[0]
    assert "sampled.wait(PATIENCE)" in exchange.run.stacks[0]
    assert not any("/fanlight/" in line for line in exchange.run.stacks[0].splitlines())
    assert exchange.run.cpu_seconds < exchange.run.seconds
    assert any("blocked the server" in line.text for line in exchange.logs)


def test_a_view_that_awaits_has_the_line_at_which_it_waits(sampled: threading.Event) -> None:
    """A sample of an async view shows where it waits, not what the event loop does meanwhile."""

    async def inner() -> None:
        await asyncio.to_thread(sampled.wait, PATIENCE)

    async def wait() -> str:
        await inner()
        return "at last"

    exchange = exchange_of({"/": wait})
    assert exchange.run is not None
    assert exchange.run.stacks
    assert "in inner" in exchange.run.stacks[0]
    assert "await asyncio.to_thread(sampled.wait, PATIENCE)" in exchange.run.stacks[0]
    assert "in wait" in exchange.run.stacks[0]


def test_an_async_view_that_blocks_the_loop_has_its_stack(sampled: threading.Event) -> None:
    """A sample of an async view that blocks shows the line that it executes."""

    async def block() -> str:
        sampled.wait(PATIENCE)
        return "at last"

    exchange = exchange_of({"/": block})
    assert exchange.run is not None
    assert "in block" in exchange.run.stacks[0]


def test_a_route_in_the_thread_pool_says_why() -> None:
    """A route that has blocked runs in a thread from then on; the reason is that of the server."""
    blocked = threading.Event()

    def block() -> str:
        blocked.wait(0.1)
        return "at last"

    with observed({"/": block}) as site:
        for _ in range(2):
            site.exchange(request())
        first, second = site.kept.ended(2)
    assert first.run is not None
    assert second.run is not None
    assert (first.run.lane, second.run.lane) == ("inline", "thread")
    assert "blocked the server at" in second.run.reason


# --- middleware and dependencies ---------------------------------------------------------------------------


def timing(request: Request) -> Generator[None, Response, None]:
    response = yield
    response.headers["x-outer"] = "1"


async def counting(request: Request) -> AsyncGenerator[None, Response]:
    response = yield
    response.headers["x-inner"] = "1"
    response.headers["x-view"] = "changed"


def with_field() -> Response:
    return Response("hello", headers={"x-view": "1", "x-kept": "1"})


def test_middleware_encloses_what_is_inside_of_it() -> None:
    """Each middleware has the time of its way in, of what it encloses, and of its way out."""
    exchange = exchange_of({"/": home}, middleware=[timing, counting])
    outer, inner = spans(exchange, "middleware")
    (view,) = spans(exchange, "view")
    assert [outer.name, inner.name] == [
        "test_recorded_parts.timing",
        "test_recorded_parts.counting",
    ] or outer.name.endswith("timing")
    assert outer.inner is not None
    assert inner.inner is not None
    assert outer.begin <= outer.inner[0] <= inner.begin <= inner.inner[0] <= view.begin
    assert view.end <= inner.inner[1] <= inner.end <= outer.inner[1] <= outer.end
    assert outer.place.startswith("test_recorded_parts.py:")


def test_each_field_has_what_set_it_last() -> None:
    """Fields of the view, of each middleware, of the server and of the wire are told apart."""
    exchange = exchange_of({"/": with_field}, middleware=[timing, counting])
    origins = {field.name: field.origin for field in exchange.response_fields}
    assert origins["x-kept"] == "view"
    assert origins["x-outer"].startswith("middleware ")
    assert origins["x-outer"].endswith("timing")
    assert origins["x-inner"].endswith("counting")
    assert origins["x-view"].endswith("counting")
    assert origins["date"] == "server"
    assert origins["content-length"].startswith("wire")


def test_middleware_that_responds_itself_is_the_origin() -> None:
    """Middleware that does not let the view run has no inner time, and its response is its own."""

    def closed(request: Request) -> Generator[None, None, Response]:
        return Response("closed", 503, headers={"x-closed": "1"})
        yield

    exchange = exchange_of({"/": home}, middleware=[timing, closed])
    outer, inner = spans(exchange, "middleware")
    assert (exchange.status, inner.inner, spans(exchange, "view")) == (503, None, [])
    origins = {field.name: field.origin for field in exchange.response_fields}
    assert origins["x-closed"].endswith("closed")
    assert origins["x-outer"].endswith("timing")
    assert outer.end >= inner.end >= 0


def test_an_exception_is_seen_where_it_passes() -> None:
    """An exception that middleware catches is in the spans that it left, and not in those further out."""

    def catching(request: Request) -> Generator[None, Response, Response | None]:
        try:
            yield
        except KeyError:
            return Response("caught", 400)
        return None

    exchange = exchange_of({"/": failing}, middleware=[timing, catching])
    outer, inner = spans(exchange, "middleware")
    assert (exchange.status, exchange.error) == (400, None)
    assert spans(exchange, "view")[0].error == "KeyError"
    assert (outer.error, inner.error) == ("", "")


def database() -> Iterator[str]:
    yield "connection"


async def session(db: Annotated[str, database]) -> AsyncIterator[str]:
    yield f"session of {db}"


def settings() -> str:
    return "settings"


async def with_dependencies(session: Annotated[str, session], settings: Annotated[str, settings]) -> str:
    return session


def test_dependencies_are_opened_and_closed_around_the_view() -> None:
    """Each dependency has the time of its opening and closing; the view's parameter has its value."""
    exchange = exchange_of({"/": with_dependencies})
    by_name = {span.name.rpartition(".")[2]: span for span in spans(exchange, "dependency")}
    (view,) = spans(exchange, "view")
    outer, inner, plain = by_name["database"], by_name["session"], by_name["settings"]
    assert outer.inner is not None
    assert inner.inner is not None
    assert outer.begin <= inner.begin <= view.begin <= view.end <= inner.end <= outer.end
    assert (plain.inner, plain.end <= view.begin) == (None, True)
    assert parameters(exchange)["session"].value == "'session of connection'"
    assert parameters(exchange)["session"].source.startswith("dependency ")


def test_a_dependency_of_a_stream_is_open_until_its_end() -> None:
    """A dependency that a stream uses is closed when the stream ends, which the recording sees."""

    def stream(db: Annotated[str, database]) -> Iterator[str]:
        yield "one"
        time.sleep(0.05)
        yield "two"

    exchange = exchange_of({"/": stream})
    (span,) = spans(exchange, "dependency")
    assert span.end >= 0.05 > spans(exchange, "view")[0].end


def guard() -> str:
    raise NotFound("not for you")


def guarded(user: Annotated[str, guard]) -> str:
    return user


def test_a_dependency_that_refuses_has_the_error() -> None:
    """A dependency that raises is shown with its error, and the view never ran."""
    exchange = exchange_of({"/": guarded})
    assert (exchange.status, spans(exchange, "view")) == (404, [])
    assert spans(exchange, "dependency")[0].error == "NotFound"
    assert exchange.view_place


# --- arguments -------------------------------------------------------------------------------------------


def many(  # noqa: PLR0913, PLR0917 - one of each source
    slug: str,
    number: int,
    tags: list[str],
    agent: Annotated[str, Header("user-agent")],
    theme: Annotated[str, Cookie()],
    request: Request,
    page: int = 7,
) -> str:
    return slug


def test_each_parameter_says_where_it_comes_from() -> None:
    """Path, query, header, cookie, the request and defaults: each with what was sent and what the view got."""
    data = request("/many/a%20b?number=4&tags=x&tags=y", "user-agent: nc", "cookie: theme=dark")
    exchange = exchange_of({"/many/{slug}": many}, data)
    found = {each.name: (each.source, each.raw, each.value) for each in exchange.parameters}
    assert found == {
        "slug": ("path", "a b", "'a b'"),
        "number": ("query", "4", "4"),
        "tags": ("query", "x, y", "['x', 'y']"),
        "agent": ("header", "nc", "'nc'"),
        "theme": ("cookie", "dark", "'dark'"),
        "request": ("request", None, "<Request GET /many/a%20b?number=4&tags=x&tags=y>"),
        "page": ("default", None, "7"),
    }
    assert parameters(exchange)["tags"].annotation == "list[str]"


def test_each_complaint_is_with_its_parameter() -> None:
    """Of a request that is refused with 422, each parameter has what is wrong with it, and what was sent."""
    exchange = exchange_of({"/many/{slug}": many}, request("/many/a?number=four", "user-agent: nc"))
    found = parameters(exchange)
    assert exchange.status == 422
    assert found["number"].raw == "four"
    assert "not an integer" in found["number"].complaint
    assert found["theme"].complaint == "is missing"
    assert found["slug"].complaint == ""
    assert spans(exchange, "arguments")[0].error == "UnprocessableContent"
    assert spans(exchange, "view") == []


@dataclass
class Item:
    name: str
    price: float


def add(item: Item) -> str:
    return item.name


def add_fields(name: str, price: float) -> str:
    return name


def test_json_is_shown_as_it_was_sent_and_as_it_is_got() -> None:
    """A whole document, and a field of one, have their own bytes as raw text."""
    content = b'{"name": "lamp", "price": 12.50}'
    whole = exchange_of({"POST /": add}, post("/", content))
    fields = exchange_of({"POST /": add_fields}, post("/", content))
    assert parameters(whole)["item"].source == "JSON body"
    assert parameters(whole)["item"].raw == content.decode()
    assert parameters(whole)["item"].value == "Item(name='lamp', price=12.5)"
    assert parameters(fields)["price"].raw == "12.50"
    assert parameters(fields)["price"].value == "12.5"


def test_a_complaint_about_a_part_of_the_body_is_with_its_parameter() -> None:
    """What is wrong in a document is said with the place in it."""
    exchange = exchange_of({"POST /": add}, post("/", b'{"name": "lamp", "price": "dear"}'))
    assert parameters(exchange)["item"].complaint.startswith("price: ")


def form(name: str, photo: Upload | None = None, errors: FormErrors | None = None) -> str:
    return name


def test_a_form_is_shown_field_by_field() -> None:
    """The fields of a form, also of one with files, are shown as they were sent."""
    urlencoded = exchange_of({"POST /": form}, post("/", b"name=a+b", "application/x-www-form-urlencoded"))
    assert parameters(urlencoded)["name"].raw == "a b"
    assert parameters(urlencoded)["name"].source == "form"
    lines = [
        *("--x", 'content-disposition: form-data; name="name"', "", "lamp"),
        *("--x", 'content-disposition: form-data; name="photo"; filename="a.png"', "", "12345", "--x--", ""),
    ]
    content = "\r\n".join(lines).encode()
    exchange = exchange_of({"POST /": form}, post("/", content, "multipart/form-data; boundary=x"))
    assert parameters(exchange)["photo"].raw == "a.png, 5 bytes"
    assert parameters(exchange)["name"].value == "'lamp'"


class Hostile:
    """A value whose text can't be made."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def hostile() -> Hostile:
    return Hostile()


def big() -> list[int]:
    return list(range(1_000_000))


def with_values(hostile: Annotated[Any, hostile], big: Annotated[Any, big]) -> str:
    return "ok"


def test_values_are_shown_in_short_whatever_they_are() -> None:
    """A value whose repr fails, or would have megabytes, does no harm."""
    exchange = exchange_of({"/": with_values})
    found = parameters(exchange)
    assert exchange.status == 200
    assert found["hostile"].value.startswith("<Hostile ")
    assert len(found["big"].value) < 1000


# --- templates ---------------------------------------------------------------------------------------------


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    """Return the folder of a site with templates that use each other."""
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "base.html").write_text("<main>{% block main %}{% endblock %}</main>")
    (templates / "macros.html").write_text("{% macro item(name) %}<li>{{ name }}</li>{% endmacro %}")
    (templates / "part.html").write_text("{{ title }}")
    (templates / "home.html").write_text(
        '{% extends "base.html" %}{% from "macros.html" import item %}'
        '{% block main %}{% include "part.html" %}{% for each in items %}{{ item(each) }}{% endfor %}{% endblock %}'
    )
    (templates / "broken.html").write_text('{% include "failing.html" %}')
    (templates / "failing.html").write_text("{{ 1 / 0 }}")
    return tmp_path


def test_templates_are_a_tree(site_folder: Path) -> None:
    """Each template that is rendered, extended, imported or included is a span within the one that uses it."""

    def page() -> object:
        return render("home.html", title="Lamps", items=["a", "b", "c"], note=None)

    exchange = exchange_of({"/": page}, folder=site_folder)
    by_name = {span.name: span for span in spans(exchange, "template")}
    home, base = by_name["home.html"], by_name["base.html"]
    assert exchange.response_content == b"<main>Lamps<li>a</li><li>b</li><li>c</li></main>"
    assert set(by_name) == {"home.html", "base.html", "macros.html", "part.html"}
    assert all(home.begin <= each.begin <= each.end <= home.end for each in by_name.values())
    assert base.begin <= by_name["part.html"].begin <= by_name["part.html"].end <= base.end
    assert {name: home.detail[name] for name in ("title", "items", "note")} == {
        "title": "str, 5",
        "items": "list, 3",
        "note": "NoneType",
    }
    assert "url_for" not in home.detail
    assert base.detail == {}
    assert home.place.endswith("templates/home.html:1")


def test_a_template_that_fails_has_its_error(site_folder: Path) -> None:
    """The spans of a template that raises, and of those that use it, have the error, and are closed."""
    exchange = exchange_of({"/": "broken.html"}, folder=site_folder)
    assert exchange.status == 500
    assert {span.name: bool(span.error) for span in spans(exchange, "template")} == {
        "broken.html": True,
        "failing.html": True,
    }
    assert all(span.end >= span.begin for span in exchange.spans)
    assert exchange.error is not None
    assert "failing.html" in exchange.error.text


# --- logs and background tasks -----------------------------------------------------------------------------


def test_log_lines_belong_to_their_request() -> None:
    """Lines that are logged for a request are with it: from its view, from a thread with its context, from its task."""
    log = logging.getLogger("tests.site")

    def work(number: int) -> str:
        log.warning("view %d", number)
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(log.error, "thread %d", number))
        thread.start()
        thread.join()
        log.debug("not wanted")
        return "ok"

    with observed({"/": work}) as site:
        site.exchange(request("/?number=1"))
        site.exchange(request("/?number=2"))
        exchanges = site.kept.ended(2)
    assert [[(line.level, line.text) for line in each.logs] for each in exchanges] == [
        [("WARNING", "view 1"), ("ERROR", "thread 1")],
        [("WARNING", "view 2"), ("ERROR", "thread 2")],
    ]
    assert all(0 <= line.at <= each.seconds for each in exchanges for line in each.logs)


def test_a_record_whose_text_can_not_be_made_does_no_harm() -> None:
    """A log record with wrong arguments is made as it is without the recorder; it fails later, if it is handled."""

    def work() -> str:
        return str(logging.getLogger("tests.site").makeRecord("x", 30, "f.py", 1, "%d", ("text",), None).args)

    assert exchange_of({"/": work}).response_content == b"('text',)"


def test_log_lines_are_bounded() -> None:
    """Of thousands of lines the first are kept, and a line is cut."""

    def work() -> str:
        log = logging.getLogger("fanlight.tests")
        for _ in range(1000):
            log.warning("x" * 10_000)
        return "ok"

    exchange = exchange_of({"/": work})
    assert (len(exchange.logs), exchange.is_cut) == (200, True)
    assert max(len(line.text) for line in exchange.logs) == 4000


def logging_view() -> str:
    logging.getLogger("tests.site").warning("seen")
    return "ok"


def test_the_record_factory_of_the_site_is_used() -> None:
    """A factory that the site has set makes the records; after the recorder has stopped, it is there again."""
    before = logging.getLogRecordFactory()
    seen: list[str] = []

    def factory(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = before(*arguments, **named)
        seen.append(record.name)
        return record

    logging.setLogRecordFactory(factory)
    try:
        exchange = exchange_of({"/": logging_view})
        assert logging.getLogRecordFactory() is factory
    finally:
        logging.setLogRecordFactory(before)
    assert "tests.site" in seen
    assert exchange.logs[0].text == "seen"


def test_background_tasks_are_added_when_they_end() -> None:
    """A background task runs after the response; its span is added to the exchange, which ended before."""
    done = threading.Event()

    def task(go_on: threading.Event) -> None:
        logging.getLogger("tests.site").warning("in the background")
        go_on.wait(PATIENCE)

    async def async_task() -> None:
        await asyncio.sleep(0)
        raise ValueError("it fails")

    def work(request: Request) -> str:
        request.after(task, done)
        request.after(async_task)
        return "ok"

    with observed({"/": work}) as site:
        site.exchange(request())
        one = site.kept.one()
        ended_before = one.seconds
        done.set()
        (one,) = site.kept.wait_for(
            lambda all_: len([each for each in spans(all_[0], "background task") if each.end >= 0]) == 2
        )
    first, second = spans(one, "background task")
    assert (one.outcome, one.seconds) == ("done", ended_before)
    assert first.name.endswith("task")
    assert first.end <= second.begin
    assert second.error == "ValueError"
    assert "in the background" in [line.text for line in one.logs]


def test_an_open_exchange_is_written_again_only_if_something_has_happened() -> None:
    """An exchange that waits for hours is not written again and again."""
    recording = Recording(1, 1, 100.0, ConnectionFacts(1), lambda _: None)
    assert not recording.is_due(100.1)
    assert recording.is_due(101)
    recording.mark_written(101)
    assert not recording.is_due(200)
    recording.take_sent(201, b"tick", 4, 4)
    assert recording.is_due(202)


def test_a_task_that_outlives_its_request_adds_nothing_for_ever() -> None:
    """Log lines of a task that was started by a request, and runs on, are added for a while only."""
    recording = Recording(1, 1, 100.0, ConnectionFacts(1), lambda _: None)
    recording.end("done", 101.0)
    recording.take_log(LogLine(110.0, "INFO", "site", "soon"))
    recording.take_log(LogLine(300.0, "INFO", "site", "late"))
    assert [line.text for line in recording.logs] == ["soon"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_that_fails_is_a_failure(is_async: bool) -> None:
    """A stream that raises cuts its response off: that is no doing of the client, and the exception is kept."""

    def sync_stream() -> Iterator[str]:
        yield "one"
        raise ValueError("no more")

    async def async_stream() -> AsyncIterator[str]:
        yield "one"
        raise ValueError("no more")

    exchange = exchange_of({"/": async_stream if is_async else sync_stream})
    assert (exchange.outcome, exchange.status, exchange.response_content) == ("failed", 200, b"one")
    assert exchange.error is not None
    assert exchange.error.kind == "ValueError"


def test_an_app_that_is_not_observed_has_nothing_of_it() -> None:
    """The calls of an app without an observer are made of its own functions: nothing of the recorder is in them."""
    app = site_of({"/": home, "/blog/{slug}": home_of_slug, "POST /": add}, middleware=[timing])
    for route in app.table.routes:
        names = {cell.cell_contents.__module__ for cell in _cells(route.endpoint.run)}  # type: ignore[attr-defined]
        assert not any(name.startswith("fanlight.devtools") for name in names)


def _cells(function: Any, depth: int = 6) -> Iterator[Any]:
    """Yield the closure cells of a function, and of the functions in them."""
    for cell in getattr(function, "__closure__", None) or ():
        value = cell.cell_contents
        if callable(value) and isinstance(getattr(value, "__module__", None), str):
            yield cell
            if depth:
                yield from _cells(value, depth - 1)
