"""Middleware and error views have dependencies, which they share with the view of their request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from tests.speed import PATIENCE

from fanlight.binding.markers import Body, Cookie, Field, Header
from fanlight.errors import Conflict, Forbidden, HTTPError, Mistake, NotFound, Unauthorized
from fanlight.message.app_state import State
from fanlight.message.content import ContentStream
from fanlight.message.form import FormErrors
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.with_middleware import middleware
from fanlight.testing import Client

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
PAGE = {"accept": "text/html"}
events: list[str] = []


@pytest.fixture(autouse=True)
def _quiet() -> None:
    events.clear()


class Connection:
    """A fake database."""


def database(request: Request) -> Iterator[Connection]:
    events.append("open")
    try:
        yield Connection()
        events.append("commit")
    except BaseException as error:
        events.append(f"rollback {type(error).__name__}")
        raise


async def database_async(request: Request) -> AsyncIterator[Connection]:
    await asyncio.sleep(0)
    events.append("open")
    try:
        yield Connection()
        await asyncio.sleep(0)
        events.append("commit")
    except BaseException as error:
        events.append(f"rollback {type(error).__name__}")
        raise


Database = Annotated[Connection, database]
AsyncDatabase = Annotated[Connection, database_async]


def audit(request: Request, db: Database) -> Iterator[None]:
    events.append("in")
    request.state["db"] = db
    response: Any = yield
    response.headers["x-audit"] = "yes"
    events.append(f"out {response.status}")


async def audit_async(db: AsyncDatabase, request: Request) -> AsyncIterator[None]:
    events.append("in")
    request.state["db"] = db
    response: Any = yield
    response.headers["x-audit"] = "yes"
    events.append(f"out {response.status}")


async def audit_on_the_loop(request: Request, db: Database) -> AsyncIterator[None]:
    events.append("in")
    request.state["db"] = db
    response: Any = yield
    response.headers["x-audit"] = "yes"
    events.append(f"out {response.status}")


def view(request: Request, db: Database) -> str:
    assert db is request.state["db"]
    events.append("view")
    return "page"


@lane("inline")
def pinned(request: Request, db: Database) -> str:
    return view(request, db)


async def async_view(request: Request, db: AsyncDatabase) -> str:
    return view(request, db)


async def mixed_view(request: Request, db: Database) -> str:
    return view(request, db)


PAIRS = [
    (audit, view),
    (audit, mixed_view),
    (audit_async, async_view),
    (audit_on_the_loop, view),
    (audit_on_the_loop, pinned),
    (audit_on_the_loop, mixed_view),
]
EVERY_PAIR = pytest.mark.parametrize(("step", "view"), PAIRS)
SHARED = ["open", "in", "view", "out 200", "commit"]


@EVERY_PAIR
def test_middleware_and_view_share_a_dependency(site: Make, step: Any, view: Any) -> None:
    """It is one object, opened before the middleware and closed after it."""
    response = site({"/": view}, middleware=[step]).get("/")
    assert (response.text, response.headers["x-audit"]) == ("page", "yes")
    assert events == SHARED


@EVERY_PAIR
def test_the_middleware_of_a_table_has_dependencies(site: Make, step: Any, view: Any) -> None:
    """So has that of a view; the outermost one opens and closes what all of them share."""
    inner = middleware(step)(view) if view is not pinned else view
    client = site({"/a": middleware(step)({"/": inner, "/text": "text"})})
    assert client.get("/a").text == "page"
    assert events == (["open", "in", "in", "view", "out 200", "out 200", "commit"] if view is not pinned else SHARED)
    events.clear()
    assert client.get("/a/text").headers["x-audit"] == "yes"
    assert events == ["open", "in", "out 200", "commit"]
    pinned.__dict__.pop("__fanlight_marks__", None)


@pytest.fixture(autouse=True)
def _unmarked() -> Iterator[None]:
    yield
    for each in (view, async_view, mixed_view):
        each.__dict__.pop("__fanlight_marks__", None)


@pytest.mark.parametrize("step", [audit, audit_async, audit_on_the_loop])
def test_they_are_opened_for_everything_that_middleware_is_for(site: Make, step: Any) -> None:
    """Texts, templates and URLs without a route; an HTTP error is raised in what is open."""
    client = site({"/text": "text", "/page": "a.html", "/s/": "slash"}, middleware=[step], pages={"a.html": "page"})
    for path, status, end in [
        ("/text", 200, "commit"),
        ("/page", 200, "commit"),
        ("/s", 308, "commit"),
        ("/none", 404, "rollback NotFound"),
    ]:
        events.clear()
        response = client.get(path)
        assert (response.status, response.headers["x-audit"]) == (status, "yes")
        assert events == ["open", "in", f"out {status}", end]


def lost(db: Database) -> str:
    raise NotFound


def broken(db: Database) -> str:
    raise KeyError


async def lost_async(db: AsyncDatabase) -> str:
    raise NotFound


async def broken_async(db: AsyncDatabase) -> str:
    raise KeyError


@pytest.mark.parametrize(
    ("step", "view", "status", "error"),
    [
        (audit, lost, 404, "NotFound"),
        (audit, broken, 500, "KeyError"),
        (audit_async, lost_async, 404, "NotFound"),
        (audit_async, broken_async, 500, "KeyError"),
        (audit_on_the_loop, lost, 404, "NotFound"),
        (audit_on_the_loop, broken, 500, "KeyError"),
    ],
)
def test_an_error_of_the_view_is_raised_in_them(site: Make, step: Any, view: Any, status: int, error: str) -> None:
    """It arrives at the middleware as a response, and in its dependencies as itself: a transaction is rolled back."""
    response = site({"/": view}, middleware=[step]).get("/")
    assert (response.status, response.headers["x-audit"]) == (status, "yes")
    assert events == ["open", "in", f"out {status}", f"rollback {error}"]


def test_an_error_that_middleware_catches_is_raised_in_them(site: Make) -> None:
    """The view has failed with the dependency in its hands, whatever the client gets."""

    def catching(db: Database) -> Iterator[None]:
        try:
            yield
        except KeyError:
            return "caught", 409  # type: ignore[return-value]  # middleware may respond so

    response = site({"/": broken}, middleware=[catching]).get("/")
    assert (response.status, response.text) == (409, "caught")
    assert events == ["open", "rollback KeyError"]


def refusing(request: Request) -> str:
    raise Unauthorized("sign in")


async def refusing_async(request: Request) -> str:
    raise Unauthorized("sign in")


def guard(db: Database, user: Annotated[str, refusing]) -> Iterator[None]:
    events.append("guard")
    yield


async def guard_async(db: Database, user: Annotated[str, refusing_async]) -> AsyncIterator[None]:
    events.append("guard")
    yield


@pytest.mark.parametrize("step", [guard, guard_async])
@pytest.mark.parametrize("path", ["/", "/none"])
def test_a_dependency_of_middleware_refuses_a_request(site: Make, step: Any, path: str) -> None:
    """Neither the middleware nor the view runs; outer middleware gets the 401, and what is open gets the error."""

    def outer() -> Iterator[None]:
        response: Any = yield
        response.headers["x-outer"] = "yes"

    response = site({"/": view}, middleware=[outer, step]).get(path)
    assert (response.status, response.headers["x-outer"]) == (401, "yes")
    assert events == ["open", "rollback Unauthorized"]


def uncommitted() -> Iterator[int]:
    try:
        yield 1
    except KeyError as error:
        raise Conflict from error
    raise Conflict


async def uncommitted_async() -> AsyncIterator[int]:
    try:
        yield 1
    except KeyError as error:
        raise Conflict from error
    raise Conflict


def step_of_uncommitted(x: Annotated[int, uncommitted], db: Database) -> Iterator[None]:
    yield


async def step_of_uncommitted_async(x: Annotated[int, uncommitted_async], db: Database) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("step", [step_of_uncommitted, step_of_uncommitted_async])
@pytest.mark.parametrize("handler", [broken, lambda: "page"])
def test_an_error_at_the_end_of_a_dependency_replaces_the_response(
    site: Make, caplog: pytest.LogCaptureFixture, step: Any, handler: Any
) -> None:
    """An HTTP error that a dependency raises when it is closed becomes the response, also in place of an exception."""
    assert site({"/": handler}, middleware=[step]).get("/").status == 409
    assert not caplog.records


def translating() -> Iterator[int]:
    try:
        yield 1
    except Unauthorized as error:
        raise Conflict from error


async def translating_async() -> AsyncIterator[int]:
    try:
        yield 1
    except Unauthorized as error:
        raise Conflict from error


def step_of_translating(x: Annotated[int, translating], y: Annotated[str, refusing]) -> Iterator[None]:
    yield


async def step_of_translating_async(
    x: Annotated[int, translating_async], y: Annotated[str, refusing]
) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("step", [step_of_translating, step_of_translating_async])
def test_an_error_while_opening_may_become_another(site: Make, step: Any) -> None:
    """A dependency that is open already may raise another error in place of that of the next one."""
    assert site({"/": "x"}, middleware=[step]).get("/").status == 409


def test_an_exception_that_only_passes_is_logged_as_it_left_the_view(
    site: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Its traceback shows neither the middleware nor its dependencies."""
    assert site({"/": broken}, middleware=[audit]).get("/").status == 500
    (record,) = caplog.records
    assert record.exc_info is not None
    trace, names = record.exc_info[2], []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "broken"
    assert not {"audit", "close"} & set(names)


# --- streams ----------------------------------------------------------------------------------------------------


def rows(db: Database) -> Iterator[str]:
    for number in range(2):
        events.append(f"row {number}")
        yield f"{number}\n"


async def rows_async(db: AsyncDatabase) -> AsyncIterator[str]:
    for row in rows(Connection()):
        yield row


def failing_rows(db: Database) -> Iterator[str]:
    yield "0\n"
    raise KeyError


@pytest.mark.parametrize(
    ("step", "view"), [(audit, rows), (audit_on_the_loop, rows), (audit_async, rows_async), (audit, rows_async)]
)
def test_a_stream_keeps_them_open(site: Make, step: Any, view: Any) -> None:
    """What middleware has opened is closed when the stream has ended."""
    with Client(site({"/": view}, middleware=[step]).app) as client:
        response = client.get("/")
    assert (response.text, response.headers["x-audit"]) == ("0\n1\n", "yes")
    opens = ["open", "in", "open"] if (step, view) == (audit, rows_async) else ["open", "in"]
    assert events == [*opens, "out 200", "row 0", "row 1", *["commit"] * opens.count("open")]


def test_the_error_of_a_stream_is_raised_in_them(site: Make) -> None:
    """The response is cut off, and the transaction is rolled back."""
    with Client(site({"/": failing_rows}, middleware=[audit]).app) as client, pytest.raises(Exception, match="Incompl"):
        client.get("/")
    assert events[-1] == "rollback KeyError"


# --- other sources, paths, overrides ----------------------------------------------------------------------------


def sourced(
    state: State, session: Cookie[str] = "none", accept_language: Header[str] = "en", limit: int = 3
) -> Iterator[None]:
    response: Any = yield
    response.headers["x-seen"] = f"{state['x']} {session} {accept_language} {limit}"


def test_middleware_takes_state_cookies_and_header_fields(site: Make) -> None:
    """A parameter without a source keeps its default: no client sets it."""
    client = site({"/": "text"}, middleware=[sourced])
    client.app.state["x"] = "S"
    response = client.get("/?limit=9", fields={"cookie": "session=s", "accept-language": "de"})
    assert response.headers["x-seen"] == "S s de 3"


def required(session: Cookie[str]) -> Iterator[None]:
    yield


def test_a_missing_cookie_is_a_422(site: Make) -> None:
    """A field that middleware requires is reported like that of a view."""
    assert site({"/": "text"}, middleware=[required]).get("/").bad == [("cookie", "session", "is missing")]


def project(slug: str, size: int) -> str:
    return f"{slug} {size}"


def members(project: Annotated[str, project]) -> Iterator[None]:
    if project == "secret 1":
        raise Forbidden
    yield


def of_project(project: Annotated[str, project], slug: str, size: int) -> str:
    return f"{project} of {slug}"


def test_a_dependency_of_middleware_takes_the_path_of_its_table(site: Make) -> None:
    """Every route of the table has the parameters, converted as the view has them; no query sets them."""
    client = site({"/p/{slug}/{size:int}": middleware(members)({"/": of_project, "/text": "text"})})
    assert client.get("/p/open/1?slug=secret").text == "open 1 of open"
    assert client.get("/p/secret/1?slug=open").status == 403
    assert client.get("/p/secret/1/text").status == 403


def test_a_test_overrides_the_dependency_of_middleware(site: Make) -> None:
    """The view gets the same replacement."""

    def fake() -> Connection:
        events.append("fake")
        return Connection()

    app = site({"/": view}, middleware=[audit]).app
    with Client(app, overrides={database: fake}) as client:
        assert client.get("/").text == "page"
    assert events == ["fake", "in", "view", "out 200"]


# --- async dependencies of what is sync --------------------------------------------------------------------------


async def user_async(db: AsyncDatabase, session: Cookie[str] = "nobody") -> str:
    events.append("user")
    return session


AsyncUser = Annotated[str, user_async]


async def with_user(user: AsyncUser) -> AsyncIterator[None]:
    yield


def sync_view(user: AsyncUser, db: AsyncDatabase) -> str:
    assert isinstance(db, Connection)
    return f"{user} in a thread"


def account(user: AsyncUser) -> str:
    return f"account of {user}"


def of_account(account: Annotated[str, account]) -> Iterator[None]:
    response: Any = yield
    response.headers["x-account"] = account


def lost_async_user(error: HTTPError, user: AsyncUser) -> str:
    return f"lost, {user}"


def test_what_async_middleware_has_open_is_there_for_sync_code(site: Make) -> None:
    """Sync views, error views, dependencies and the middleware of a table borrow it; it is opened once."""
    urls = {"/": middleware(of_account)({"/": sync_view})}
    client = site(urls, middleware=[with_user], errors={404: lost_async_user})
    response = client.get("/", fields={"cookie": "session=ann"})
    assert (response.text, response.headers["x-account"]) == ("ann in a thread", "account of ann")
    assert events == ["open", "user", "commit"]
    assert client.get("/none", fields=PAGE).text == "lost, nobody"


def test_outside_of_that_middleware_it_is_not_there(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The error view of an error that middleware further out raises gives way to the built-in page."""

    def outer() -> Iterator[None]:
        raise NotFound
        yield

    response = site({}, middleware=[outer, with_user], errors={404: lost_async_user}).get("/", fields=PAGE)
    assert (response.status, "</small>" in response.text) == (404, True)
    assert "is async, and the middleware that opens it does not run here" in caplog.text


def test_sync_middleware_borrows_nothing_from_its_own_list(mistakes: Find) -> None:
    """It may stand outside of the middleware that opens the dependency."""
    (mistake,) = mistakes({"/": "x"}, middleware=[of_account, with_user])
    assert "of_account is sync, but depends on" in mistake.message
    (mistake,) = mistakes({"/": middleware(with_user)({"/": sync_view})})
    assert "sync_view is a sync view, but depends on" in mistake.message


# --- cancellation -----------------------------------------------------------------------------------------------


def test_a_thread_of_a_cancelled_request_ends_before_its_dependencies(site: Make) -> None:
    """Nothing can interrupt the thread of a sync view, which uses what the middleware has open."""
    entered, leave = threading.Event(), threading.Event()

    def slow(db: Database) -> str:
        entered.set()
        assert leave.wait(PATIENCE)
        events.append("view ends")
        return ""

    client = site({"/": slow}, middleware=[audit_on_the_loop])
    request = client.make_request("GET", "/")

    async def run() -> bool:
        task = asyncio.ensure_future(client.app.find(request).run(request))
        assert await asyncio.to_thread(entered.wait, PATIENCE)
        task.cancel()
        await asyncio.sleep(0)
        leave.set()
        await asyncio.wait([task])
        return bool(task.cancelled())

    assert asyncio.run(run())
    assert events == ["open", "in", "view ends", "rollback CancelledError"]


def test_a_pinned_view_of_a_cancelled_request_does_not_run(site: Make) -> None:
    """It would run with dependencies that are closed by then."""
    ran: list[str] = []

    @lane("inline")
    def pinned(db: Database) -> str:
        ran.append("view")
        return ""

    client = site({"/": pinned}, middleware=[audit_on_the_loop])
    request = client.make_request("GET", "/")

    async def run() -> bool:
        task = asyncio.ensure_future(client.app.find(request).run(request))
        await asyncio.sleep(0)  # the middleware waits for the view, which is to run in the next round of the loop
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        return bool(task.cancelled())

    assert asyncio.run(run())
    assert (events, ran) == (["open", "in", "rollback CancelledError"], [])


# --- error views ------------------------------------------------------------------------------------------------


def user(request: Request) -> str:
    events.append("user")
    return request.cookies.get("session", "nobody")


User = Annotated[str, user]


def not_found(error: HTTPError, request: Request, user: User, db: Database) -> str:
    return f"{error.status} for {user} at {request.path}"


def no_error(user: User) -> str:
    return f"lost, {user}"


def lost_user(user: User, db: Database) -> str:
    raise NotFound


async def lost_user_async(user: User, db: Database) -> str:
    raise NotFound


@pytest.mark.parametrize("view", [lost_user, lost_user_async])
def test_an_error_view_has_dependencies(site: Make, view: Any) -> None:
    """A value that needs no closing is the view's own; one that was closed with the error is opened again."""
    client = site({"/": view}, errors={404: not_found})
    response = client.get("/", fields={"cookie": "session=ann", **PAGE})
    assert (response.status, response.text) == (404, "404 for ann at /")
    assert events == ["user", "open", "rollback NotFound", "open", "commit"]


def test_an_error_view_without_a_route_has_dependencies(site: Make) -> None:
    """An URL without a route has an error page like any other; clients of JSON get theirs."""
    client = site({}, errors={404: no_error})
    assert client.get("/x", fields=PAGE).text == "lost, nobody"
    assert client.get("/x").headers["content-type"] == "application/problem+json"
    assert events == ["user"]


@pytest.mark.parametrize("step", [audit, audit_on_the_loop])
def test_an_error_view_shares_what_middleware_has_open(site: Make, step: Any) -> None:
    """It runs inside of the middleware, and the dependency is closed behind both."""
    client = site({"/": lost_user}, errors={404: not_found}, middleware=[step])
    assert client.get("/", fields=PAGE).headers["x-audit"] == "yes"
    assert events == ["open", "in", "user", "out 404", "rollback NotFound"]


def of_refusing(error: HTTPError, user: Annotated[str, refusing]) -> str:
    return "never"


def of_broken(error: HTTPError, broken: Annotated[str, lambda: 1 // 0], db: Database) -> str:
    return "never"


def of_lost(error: HTTPError, lost: Annotated[str, lost], db: Database) -> str:
    return "never"


@pytest.mark.parametrize("handler", [of_refusing, of_broken, of_lost])
@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_failing_dependency_of_an_error_view_is_the_built_in_page(
    site: Make, caplog: pytest.LogCaptureFixture, handler: Any, status: int
) -> None:
    """The page is that of the first error, also where the dependency raises the same one. A refusal is logged once."""

    def failing() -> str:
        error = HTTPError()
        error.status = status
        raise error

    client = site({"/": failing}, errors=dict.fromkeys((401, 404, 500), handler))
    for _ in range(2):
        response = client.get("/", fields=PAGE)
        assert response.status == status
        assert "</small>" in response.text
    assert len(caplog.records) == (2 if handler is of_broken else 1)
    assert caplog.records[0].getMessage().startswith(f"the handler for error {status} failed: GET /")


def test_an_error_view_without_error_may_be_a_stream(site: Make) -> None:
    """Its dependencies are open until its last piece, and it has the error's status."""

    def listing(db: Database) -> Iterator[str]:
        yield from rows(db)

    with Client(site({}, errors={404: listing}).app) as client:
        response = client.get("/x")
    assert (response.status, response.text) == (404, "0\n1\n")
    assert events == ["open", "row 0", "row 1", "commit"]


# --- mistakes ---------------------------------------------------------------------------------------------------


def sync_of_async(db: AsyncDatabase) -> Iterator[None]:
    yield


def with_plain(user: User, role: str) -> Iterator[None]:
    yield


def with_field(role: Annotated[str, Field("the-role")]) -> Iterator[None]:
    yield


def with_body(role: Body[dict[str, int]]) -> Iterator[None]:
    yield


def with_errors(errors: FormErrors) -> Iterator[None]:
    yield


def with_stream(stream: ContentStream) -> Iterator[None]:
    yield


def pager(page: int = 1) -> int:
    return page


@dataclass
class Search:
    """A query."""

    q: str = ""


def searching(search: Search) -> str:
    return search.q


def with_query(page: Annotated[int, pager]) -> Iterator[None]:
    yield


def with_query_record(search: Annotated[str, searching]) -> Iterator[None]:
    yield


def without_yield(db: Database) -> str:
    return ""


@pytest.mark.parametrize(
    ("step", "message", "hint"),
    [
        (
            sync_of_async,
            "the middleware tests.app.test_injection.sync_of_async is sync, but depends on",
            'write "async def sync_of_async", or',
        ),
        (with_plain, "nothing fills role in", "its parameters are request, and what is annotated"),
        (with_field, "role in tests.app.test_injection.with_field is a field name, which only views take", "request"),
        (with_body, "is the whole body, which only views take", "take the request, and read it there"),
        (with_errors, "with_errors takes the errors of a form", "only a view can"),
        (with_stream, "with_stream takes the content as a stream", "only a view can"),
        (with_query, "pager takes page, but", "take the request in"),
        (with_query_record, "searching takes search, but", "take the request in"),
        (without_yield, "the middleware tests.app.test_injection.without_yield has no yield", "response = yield"),
    ],
)
@pytest.mark.parametrize("is_of_app", [True, False])
def test_what_nothing_fills_is_a_mistake(mistakes: Find, step: Any, message: str, hint: str, is_of_app: bool) -> None:
    """Of the app's middleware and of a table's: one mistake, with its place and what to write."""
    urls: Any = {"/": "text", "/a": "other"}
    found = mistakes(urls, middleware=[step]) if is_of_app else mistakes({"/x": middleware(step)(urls)})
    assert message in found[0].message
    assert hint in found[0].hint
    assert found[0].places
    assert len(found) == 1


def test_a_path_without_the_parameter_is_a_mistake(mistakes: Find) -> None:
    """A dependency of middleware takes what every route of its table has, and never a field of the query."""
    (mistake,) = mistakes({"/{size}": middleware(members)({"/": "text"})})
    assert mistake.message.endswith(
        "project takes slug, but the middleware tests.app.test_injection.members runs for paths without it"
    )
    (mistake,) = mistakes({"/{slug}/{size}": "text"}, middleware=[members])
    assert mistake.message.endswith("members runs for paths without it")


def of_async_error(error: HTTPError, db: AsyncDatabase) -> str:
    return ""


def with_other(error: HTTPError, db: Database, other: str) -> str:
    return ""


def of_query(error: HTTPError, page: Annotated[int, pager]) -> str:
    return ""


def of_path(error: HTTPError, project: Annotated[str, project]) -> str:
    return ""


@pytest.mark.parametrize(
    ("handler", "message", "hint"),
    [
        (of_async_error, "of_async_error is sync, but depends on", "make the dependency sync"),
        (with_other, "nothing fills other in", "its parameters are request, error, and what"),
        (of_query, "pager takes page, but", "read request.query or request.params"),
        (of_path, "project takes slug, but", "read request.query or request.params"),
    ],
)
def test_what_nothing_fills_in_an_error_view_is_a_mistake(
    mistakes: Find, handler: Any, message: str, hint: str
) -> None:
    """An error may come from any path, so nothing of a path or a query is taken by its name."""
    (mistake,) = mistakes({"/{slug}": "text"}, errors={404: handler})
    assert message in mistake.message
    assert hint in mistake.hint
    assert mistake.places
