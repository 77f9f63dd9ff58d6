"""Dependencies of views: opened for a request, closed when its response is made."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from tests.speed import PATIENCE

from fanlight.binding.markers import Cookie, Header
from fanlight.errors import Mistake, NotFound, SetupError
from fanlight.message.app_state import State
from fanlight.message.form import FormErrors
from fanlight.message.handler import Lane
from fanlight.message.request import Request
from fanlight.message.upload import Upload
from fanlight.pages.page import render
from fanlight.testing import Client, FakeHandler, LiveServer

Make = Callable[..., Any]
Find = Callable[..., list[Mistake]]
events: list[str] = []


@pytest.fixture(autouse=True)
def _quiet() -> None:
    events.clear()


class Connection:
    """A fake database."""

    def __init__(self, name: str = "real") -> None:
        self.name = name

    def rows(self) -> Iterator[str]:
        for number in range(3):
            events.append(f"row {number}")
            yield f"{number}\n"


def database(request: Request) -> Iterator[Connection]:
    events.append(f"open {request.path}")
    try:
        yield Connection()
        events.append("commit")
    except BaseException as error:
        events.append(f"rollback {type(error).__name__}")
        raise
    finally:
        events.append("close")


async def async_database(request: Request) -> AsyncIterator[Connection]:
    await asyncio.sleep(0)
    events.append(f"open {request.path}")
    try:
        yield Connection("async")
        events.append("commit")
    except BaseException as error:
        events.append(f"rollback {type(error).__name__}")
        raise
    finally:
        await asyncio.sleep(0)
        events.append("close")


Database = Annotated[Connection, database]
AsyncDatabase = Annotated[Connection, async_database]


def user(db: Database, session: Cookie[str] = "nobody") -> Iterator[str]:
    events.append(f"user {session}")
    yield f"{session} of {db.name}"
    events.append("user ends")


User = Annotated[str, user]


def view(user: User, db: Database, slug: str, size: int = 10) -> str:
    events.append("view")
    return f"{user} {db.name} {slug} {size}"


async def async_view(user: User, db: Database, slug: str, size: int = 10) -> str:
    return view(user, db, slug, size)


ORDER = ["open /a", "user ann", "view", "user ends", "commit", "close"]


@pytest.mark.parametrize("view", [view, async_view])
def test_a_dependency_is_opened_once_and_closed_in_reverse(site: Make, view: object) -> None:
    """One that is used twice is opened once, before those that need it, and closed after them."""
    response = site({"/{slug}": view}).get("/a?size=3", fields={"cookie": "session=ann"})
    assert response.text == "ann of real real a 3"
    assert events == ORDER


async def mixed(db: Database, other: AsyncDatabase) -> str:
    return f"{db.name} {other.name}"


async def all_async(other: AsyncDatabase) -> str:
    return other.name


def test_an_async_view_may_have_both_kinds(site: Make) -> None:
    """Sync and async generators are closed in one order."""
    client = site({"/": mixed, "/a": all_async})
    assert client.get("/").text == "real async"
    assert events == ["open /", "open /", "commit", "close", "commit", "close"]
    assert client.get("/a").text == "async"


def lost(db: Database) -> str:
    raise NotFound("no such row")


async def lost_async(other: AsyncDatabase) -> str:
    raise ZeroDivisionError


def unrendered(db: Database) -> object:
    return render("broken.html")


@pytest.mark.parametrize(
    ("view", "status", "error"),
    [(lost, 404, "NotFound"), (lost_async, 500, "ZeroDivisionError"), (unrendered, 500, "TemplateError")],
)
def test_an_exception_is_raised_at_the_yield(site: Make, view: object, status: int, error: str) -> None:
    """An error, also one while the response is made, can be rolled back, and has its response."""
    client = site({"/": view}, pages={"broken.html": "{{ 1 // nothing }}"})
    assert client.get("/").status == status
    assert events == ["open /", f"rollback {error}", "close"]


def forgiving() -> Iterator[int]:
    with contextlib.suppress(Exception):
        yield 1


async def forgiving_async() -> AsyncIterator[int]:
    with contextlib.suppress(Exception):
        yield 1


def forgiven(x: Annotated[int, forgiving], db: Database) -> str:
    raise NotFound


async def forgiven_async(x: Annotated[int, forgiving_async], db: Database) -> str:
    raise NotFound


@pytest.mark.parametrize("view", [forgiven, forgiven_async])
def test_a_dependency_can_not_suppress_an_error(site: Make, view: object) -> None:
    """If it swallows the exception, it is closed, and the error response is sent all the same."""
    assert site({"/": view}).get("/").status == 404


def stopping(db: Database) -> str:
    raise StopIteration


async def stopping_async(other: AsyncDatabase) -> str:
    raise StopAsyncIteration


@pytest.mark.parametrize("view", [stopping, stopping_async])
def test_a_stop_iteration_of_the_view_reaches_the_dependency(site: Make, view: object) -> None:
    """It arrives as itself, and does not end the generator."""
    assert site({"/": view}).get("/").status == 500
    assert events[1].startswith("rollback Stop")


def uncommitted(db: Database) -> Iterator[int]:
    yield 1
    raise NotFound("it is gone")


def committing(x: Annotated[int, uncommitted]) -> str:
    return "done"


async def committing_async(x: Annotated[int, uncommitted], other: AsyncDatabase) -> str:
    return "done"


@pytest.mark.parametrize("view", [committing, committing_async])
def test_an_error_while_closing_has_a_response(site: Make, view: object) -> None:
    """A commit that fails is raised in the dependencies that are still open, and is a 500."""
    assert site({"/": view}).get("/").status == 404
    assert "rollback NotFound" in events


def empty() -> Iterator[int]:
    yield from ()


async def empty_async() -> AsyncIterator[int]:
    if events == ["never"]:
        yield 1


def twice() -> Iterator[int]:
    yield 1
    yield 2


async def twice_async() -> AsyncIterator[int]:
    yield 1
    yield 2


def of_empty(db: Database, x: Annotated[int, empty]) -> str:
    return ""


def of_twice(db: Database, x: Annotated[int, twice]) -> str:
    return ""


async def of_empty_async(db: Database, x: Annotated[int, empty_async]) -> str:
    return ""


async def of_twice_async(db: Database, x: Annotated[int, twice_async]) -> str:
    return ""


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (of_empty, "empty ended before its yield"),
        (of_twice, "twice yields twice"),
        (of_empty_async, "empty_async ended before its yield"),
        (of_twice_async, "twice_async yields twice"),
    ],
)
def test_a_dependency_yields_once(site: Make, caplog: pytest.LogCaptureFixture, view: object, said: str) -> None:
    """Never, or twice, is a 500 with a log line that names it; what is open is closed."""
    assert site({"/": view}).get("/").status == 500
    assert said in caplog.text
    assert events[-1] == "close"


def pager(page: int = 1) -> dict[str, int]:
    return {"page": page}


async def token(authorization: Header[str]) -> str:
    return authorization


def slugged(slug: str, id: int) -> str:  # noqa: A002 - the name in the path
    return f"{slug}-{id}"


def no_path() -> str:
    return "none"


async def plain(
    pager: Annotated[dict[str, int], pager],
    token: Annotated[str, token],
    name: Annotated[str, slugged],
    other: Annotated[str, no_path],
    id: int,  # noqa: A002 - the name in the path
    **rest: object,
) -> object:
    return {"pager": pager, "token": token, "name": name, "other": other, "id": id, "rest": rest}


def test_plain_functions_are_dependencies(site: Make) -> None:
    """The value is what the function returns; its parameters are bound like those of a view."""
    client = site({"GET|POST /{slug}/{id}": plain})
    messages = {"pager": {"page": 2}, "token": "T", "name": "a-7", "other": "none", "id": 7, "rest": {"slug": "a"}}
    assert client.get("/a/7?page=2", fields={"authorization": "T"}).json == messages
    assert client.post("/a/7?page=2", fields={"authorization": "T"}, form={"page": "9"}).json == messages


def test_bad_fields_of_view_and_dependencies_are_in_one_response(site: Make) -> None:
    """Those of the view come first; what is open is closed with the error."""
    client = site({"/": bad_fields})
    assert client.get("/?page=x").bad == [
        ("query", "size", "is missing"),
        ("query", "page", "'x' is not an integer"),
    ]
    assert events == ["open /", "rollback UnprocessableContent", "close"]


def bad_fields(db: Database, size: int, pager: Annotated[dict[str, int], pager]) -> str:
    return ""


def with_state(state: State, request: Request) -> str:
    return f"{state['x']} {request.content.decode()}"


def stated(x: Annotated[str, with_state]) -> str:
    return x


def test_a_dependency_may_take_state_and_content(site: Make) -> None:
    """It has the app's state, and the content is kept for it."""
    client = site({"POST /": stated})
    client.app.state["x"] = "S"
    assert client.post("/", content=b"hello").text == "S hello"
    assert client.call("POST", "/").reads_content


# --- streams ------------------------------------------------------------------------------------


def rows(db: Database) -> Iterator[str]:
    yield from db.rows()


async def rows_async(db: Database) -> AsyncIterator[str]:
    for row in db.rows():
        yield row


async def rows_of_async(other: AsyncDatabase) -> AsyncIterator[str]:
    for row in other.rows():
        yield row


async def sync_rows_of_async(other: AsyncDatabase) -> Iterator[str]:
    return other.rows()


STREAMS = [rows, rows_async, rows_of_async, sync_rows_of_async]


@pytest.mark.parametrize("view", STREAMS)
def test_a_stream_keeps_its_dependencies_open(site: Make, view: object) -> None:
    """The dependencies of a streaming view are closed when the stream has ended."""
    with Client(site({"/": view}).app) as client:
        assert client.get("/").text == "0\n1\n2\n"
    assert events == ["open /", "row 0", "row 1", "row 2", "commit", "close"]


@pytest.mark.parametrize("view", STREAMS)
def test_a_stream_for_head_closes_its_dependencies(site: Make, view: object) -> None:
    """Nothing is streamed for HEAD, and nothing stays open."""
    with Client(site({"/": view}).app) as client:
        assert client.head("/").status == 200
    assert events == ["open /", "commit", "close"]


closed = threading.Event()


def watched() -> Iterator[int]:
    try:
        yield 1
    except BaseException as error:
        events.append(type(error).__name__)
        raise
    finally:
        closed.set()


async def watched_async() -> AsyncIterator[int]:
    try:
        yield 1
    except BaseException as error:
        events.append(type(error).__name__)
        raise
    finally:
        closed.set()


def endless(x: Annotated[int, watched]) -> Iterator[bytes]:
    while True:
        yield b"x" * 65536


async def endless_async(x: Annotated[int, watched]) -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536
        await asyncio.sleep(0)


async def endless_of_async(x: Annotated[int, watched_async]) -> Iterator[bytes]:
    return endless(x)


@pytest.mark.parametrize("view", [endless, endless_async, endless_of_async])
def test_a_client_that_disconnects_ends_the_stream(site: Make, view: object) -> None:
    """Through a socket: the dependency gets GeneratorExit at its yield."""
    closed.clear()
    with LiveServer(site({"/": view}).app) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert sock.recv(1000)
        assert closed.wait(PATIENCE)
    assert events == ["GeneratorExit"]


def endless_and_slow_to_end(x: Annotated[int, watched_async]) -> Iterator[bytes]:
    try:
        while True:
            yield b"x" * 65536
    finally:
        events.append("ended on the loop" if asyncio._get_running_loop() else "ended in a thread")


async def slow_to_end(x: Annotated[int, watched_async]) -> Iterator[bytes]:
    return endless_and_slow_to_end(x)


def test_the_end_of_a_sync_stream_does_not_block_the_loop(site: Make) -> None:
    """Its cleanup runs in a thread also when it is cut off, even with async dependencies."""
    closed.clear()
    with LiveServer(site({"/": slow_to_end}).app) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert sock.recv(1000)
        assert closed.wait(PATIENCE)
    assert events == ["ended in a thread", "GeneratorExit"]


def failing(x: Annotated[int, watched]) -> Iterator[bytes]:
    yield b"x"
    raise ZeroDivisionError


async def failing_async(x: Annotated[int, watched_async]) -> AsyncIterator[bytes]:
    yield b"x"
    raise ZeroDivisionError


@pytest.mark.parametrize("view", [failing, failing_async])
def test_the_error_of_a_stream_is_raised_at_the_yield(site: Make, view: object) -> None:
    """The response is cut off."""
    with Client(site({"/": view}).app) as client, pytest.raises(http.client.IncompleteRead):
        client.get("/")
    assert events == ["ZeroDivisionError"]


def file(db: Database, request: Request) -> object:
    return request.state["path"]


def test_dependencies_are_closed_before_a_file_is_sent(site: Make, tmp_path: Any) -> None:
    """The content of a file does not depend on them."""
    (tmp_path / "a.txt").write_text("file")

    def step(request: Request) -> Iterator[None]:
        request.state["path"] = tmp_path / "a.txt"
        yield
        events.append("step ends")

    with Client(site({"/": file}, middleware=[step]).app) as client:
        assert client.get("/").text == "file"
    assert events == ["open /", "commit", "close", "step ends"]


# --- overrides ----------------------------------------------------------------------------------


def named(db: Database) -> str:
    return db.name


def fake() -> Connection:
    return Connection("fake")


def fake_with_field(name: Cookie[str] = "a fake") -> Iterator[Connection]:
    yield Connection(name)


@pytest.mark.parametrize(("stand_in", "name"), [(fake, "fake"), (fake_with_field, "a fake")])
def test_a_test_overrides_a_dependency(site: Make, stand_in: Any, name: str) -> None:
    """Another function replaces it, with its own parameters; the app itself stays unchanged."""
    app = site({"/": named}).app
    with Client(app, overrides={database: stand_in}) as client, Client(app) as plain:
        assert (client.get("/").text, plain.get("/").text) == (name, "real")
    with LiveServer(app, overrides={database: stand_in}) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/")
        assert connection.getresponse().read().decode() == name
        connection.close()


def test_an_override_without_effect_is_a_mistake(site: Make) -> None:
    """A test that replaces a dependency which no view has would not test what it seems to."""
    app = site({"/": named}).app
    with pytest.raises(SetupError, match=r"overrides replace .*token, but nothing depends on it"):
        Client(app, overrides={token: fake})
    with pytest.raises(TypeError, match="not a FakeHandler"):
        Client(FakeHandler({}), overrides={token: fake})


def test_an_override_may_make_another_needless(site: Make) -> None:
    """A dependency that only the replaced one needs may be replaced beside it."""
    app = site({"/": of_user}).app
    with Client(app, overrides={user: lambda: "fake user", database: fake}) as client:
        assert client.get("/").text == "fake user"
    assert events == []


def of_user(user: User) -> str:
    return user


def test_an_overridden_app_shares_the_state(site: Make) -> None:
    """What a lifespan sets up is where the app's own code looks for it."""

    def lifespan(app: Any) -> Iterator[None]:
        app.state["x"] = "S"
        yield
        app.state.clear()

    app = site({"/": named, "POST /": stated}, lifespan=lifespan).app
    with Client(app, overrides={database: fake}) as client:
        assert app.state == {"x": "S"}
        assert client.post("/").text == "S "
    assert app.state == {}


# --- mistakes -----------------------------------------------------------------------------------


def first(x: Annotated[int, lambda: 1]) -> int:
    return x


def round_a(b: Annotated[int, "round_b"]) -> int:
    return b


def round_b(a: Annotated[int, round_a]) -> int:
    return a


round_a.__annotations__["b"] = Annotated[int, round_b]


def of_circle(x: Annotated[int, round_a]) -> str:
    return ""


def sync_of_async(other: AsyncDatabase) -> str:
    return ""


@contextlib.contextmanager
def managed() -> Iterator[int]:
    yield 1


def of_managed(x: Annotated[int, managed]) -> str:
    return ""


def unbound(x: Connection) -> int:
    return 1


def of_unbound(x: Annotated[int, unbound]) -> str:
    return ""


def with_file(photo: Upload) -> int:
    return 1


def of_file(x: Annotated[int, with_file]) -> str:
    return ""


def with_errors(errors: FormErrors) -> int:
    return 1


def of_errors(x: Annotated[int, with_errors]) -> str:
    return ""


def positional(x: int, /) -> int:
    return x


def of_positional(x: Annotated[int, positional]) -> str:
    return ""


def pathed(db: Database) -> str:
    return ""


@pytest.mark.parametrize(
    ("key", "view", "said", "hint", "line_of"),
    [
        ("/", of_circle, "circular dependencies: ", "remove one", round_a),
        ("/", sync_of_async, "sync_of_async is a sync view, but depends on", 'write "async def sync_of', sync_of_async),
        ("/", of_managed, "returns a context manager", "remove @contextmanager", None),
        ("/", of_unbound, "Connection can't be converted from text or JSON", "dataclass", unbound),
        ("/", of_file, "a dependency can't read a form", "take the request here", with_file),
        ("/", of_errors, "takes the errors of a form", "only a view can", with_errors),
        ("/", of_positional, "by position only", "remove", positional),
        ("/{db}", pathed, '"db" is a dependency in', "rename one", pathed),
    ],
)
def test_unusable_dependencies_are_refused(
    mistakes: Find, key: str, view: Any, said: str, hint: str, line_of: Any
) -> None:
    """Each mistake has its message, its file and line, and a hint, before the port opens."""
    (mistake,) = mistakes({key: view})
    assert said in mistake.message
    assert hint in mistake.hint
    if line_of is not None:
        assert mistake.places[0].endswith(f"test_dependencies.py:{line_of.__code__.co_firstlineno}")


# --- middleware, forms, lanes --------------------------------------------------------------------


def partly(prefix: str) -> Iterator[str]:
    yield prefix


def of_partial(x: Annotated[str, functools.partial(partly, prefix="P")]) -> str:
    return x


def test_a_partial_is_a_dependency(site: Make) -> None:
    """A client can't set what a partial has preset."""
    assert site({"/": of_partial}).get("/?prefix=Q").text == "P"


def here(request: Request) -> Iterator[int]:
    request.state["threads"].add(threading.get_ident())
    yield 1
    request.state["threads"].add(threading.get_ident())


def run_here(x: Annotated[int, here], request: Request) -> str:
    request.state["threads"].add(threading.get_ident())
    return str(x)


def test_async_middleware_around_a_sync_view_with_dependencies(site: Make) -> None:
    """The view and its dependencies run in one thread, because the loop must not wait."""
    threads: set[int] = set()

    async def step(request: Request) -> AsyncIterator[None]:
        request.state["threads"] = threads
        yield

    assert site({"/": run_here}, middleware=[step]).get("/").text == "1"
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def shown(errors: FormErrors, name: str, db: Database) -> object:
    return {"errors": errors, "db": db.name}


def test_a_form_that_is_redisplayed_has_its_dependencies(site: Make) -> None:
    """The view gets the errors of the form, so its dependencies are opened."""
    response = site({"POST /": shown}).post("/")
    assert (response.status, response.json) == (422, {"errors": {"name": "is missing"}, "db": "real"})


def test_dependencies_do_not_change_the_lane(site: Make) -> None:
    """A sync view with dependencies runs inline, an async one as a task."""
    client = site({"/": named, "/a": all_async, "/r": rows_of_async})
    assert [client.call("GET", path).lane for path in ("/", "/a", "/r")] == [Lane.MEASURED, Lane.TASK, Lane.TASK]
