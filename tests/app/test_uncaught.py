"""Every kind of exception that the app's code raises becomes a response, wherever it is raised."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any

import pytest
from tests.exceptions import RAISED, Panic

from fanlight.errors import Forbidden, HTTPError
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.page import render

Make = Callable[..., Any]


class Mute(Exception):
    """Its `__str__` fails."""

    def __repr__(self) -> str:
        raise ValueError("no words")

    __str__ = __repr__


EVERY = RAISED | {"mute": Mute}


def made(name: str) -> BaseException:
    """Return an exception of a kind."""
    return EVERY[name]()


def depending(view: Any, **functions: Any) -> Any:
    """Return a view, or a dependency, with the results of these functions as parameters."""
    view.__annotations__ |= {name: Annotated[int, function] for name, function in functions.items()}
    return view


def each_of(urls_of: Callable[[Callable[[], BaseException]], Any]) -> dict[str, Any]:
    """Return a table with a view for every kind of exception."""
    return {f"/{name}": urls_of(make) for name, make in EVERY.items()}


def plain(make: Callable[[], BaseException]) -> Any:
    def view() -> str:
        raise make()

    return view


def waiting(make: Callable[[], BaseException]) -> Any:
    async def view() -> str:
        await asyncio.sleep(0)
        raise make()

    return view


def pinned(make: Callable[[], BaseException]) -> Any:
    return lane("inline")(plain(make))


def an_object(make: Callable[[], BaseException]) -> Any:
    class View:
        def __call__(self) -> str:
            raise make()

    return View()


def broken_dependency(make: Callable[[], BaseException]) -> Any:
    def opens() -> Iterator[int]:
        raise make()
        yield 1

    def view(value: int) -> str:
        return str(value)

    return depending(view, value=opens)


def broken_async_dependency(make: Callable[[], BaseException]) -> Any:
    async def opens() -> AsyncIterator[int]:
        yield 1
        raise make()

    async def view(value: int) -> str:
        return str(value)

    return depending(view, value=opens)


def stamp(letter: str) -> Any:
    def wrapper() -> Iterator[None]:
        response: Any = yield
        response.headers["x-way"] = response.headers.get("x-way") + letter

    return wrapper


def stamp_async(letter: str) -> Any:
    async def wrapper() -> AsyncIterator[None]:
        response: Any = yield
        response.headers["x-way"] = response.headers.get("x-way") + letter

    return wrapper


def tidy() -> Iterator[None]:
    try:
        response: Any = yield
        response.headers["x-way"] = response.headers.get("x-way") + "t"
    finally:
        pass


def watching(seen: list[BaseException]) -> Any:
    def wrapper() -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            seen.append(error)
            raise

    return wrapper


def watching_async(seen: list[BaseException]) -> Any:
    async def wrapper() -> AsyncIterator[None]:
        try:
            yield
        except BaseException as error:
            seen.append(error)
            raise

    return wrapper


def logged_exception(caplog: pytest.LogCaptureFixture) -> BaseException:
    """Return the one exception that was logged, with its route and its traceback."""
    (record,) = [each for each in caplog.records if each.name.startswith("fanlight")]
    assert "GET /" in record.getMessage()
    assert record.exc_info is not None
    error = record.exc_info[1]
    assert error is not None
    assert error.__traceback__ is not None
    return error


VIEWS = [plain, waiting, pinned, an_object, broken_dependency, broken_async_dependency]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kinds", ["", "s", "a", "ts", "sa", "as"])
def test_any_exception_of_a_view_is_a_500_through_the_middleware(
    site: Make, caplog: pytest.LogCaptureFixture, view: Any, kinds: str
) -> None:
    """The response has the header fields of all middleware, and the log one record with the traceback."""
    steps = {"s": stamp("s"), "a": stamp_async("a"), "t": tidy}
    client = site(each_of(view), middleware=[steps[kind] for kind in kinds])
    for name, make in EVERY.items():
        caplog.clear()
        response = client.get(f"/{name}")
        assert (name, response.status, response.headers.get("x-way", "")) == (name, 500, kinds[::-1])
        error = logged_exception(caplog)
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error  # PEP 479
        assert type(cause) is type(make())


@pytest.mark.parametrize("view", [plain, waiting])
@pytest.mark.parametrize("watch", [watching, watching_async])
def test_middleware_that_may_catch_gets_the_exception_itself(
    site: Make, caplog: pytest.LogCaptureFixture, view: Any, watch: Any
) -> None:
    """It is raised at the yield and goes on from there; other middleware, on both sides, gets the 500."""
    seen: list[BaseException] = []
    client = site(each_of(view), middleware=[stamp_async("o"), watch(seen), stamp("i")])
    for name in EVERY:
        caplog.clear()
        response = client.get(f"/{name}")
        assert (name, response.status, response.headers["x-way"]) == (name, 500, "io")
        assert logged_exception(caplog) is seen[-1]
    assert len(seen) == len(EVERY)


def catching() -> Iterator[object]:
    try:
        yield None
    except BaseException:  # noqa: BLE001 - it shows what happens
        yield "caught", 409


@pytest.mark.parametrize("view", [plain, waiting])
def test_any_exception_of_a_view_may_be_caught(site: Make, caplog: pytest.LogCaptureFixture, view: Any) -> None:
    """Middleware that catches it responds instead, and nothing is logged."""
    client = site(each_of(view), middleware=[stamp("o"), catching])
    for name in EVERY:
        response = client.get(f"/{name}")
        assert (name, response.status, response.text, response.headers["x-way"]) == (name, 409, "caught", "o")
    assert not caplog.records


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("view", [lambda: "page", plain(KeyError)])
def test_any_exception_of_middleware_is_a_500(
    site: Make, caplog: pytest.LogCaptureFixture, when: str, is_async: bool, view: Any
) -> None:
    """Before its yield and after it, also with a view that fails; outer middleware gets the 500."""

    def wrapper(request: Request) -> Iterator[None]:
        if when == "before":
            raise made(request.path[1:])
        yield
        raise made(request.path[1:])

    async def async_wrapper(request: Request) -> AsyncIterator[None]:
        if when == "before":
            raise made(request.path[1:])
        yield
        raise made(request.path[1:])

    client = site(each_of(lambda _: view), middleware=[stamp("o"), async_wrapper if is_async else wrapper])
    for name, make in EVERY.items():
        caplog.clear()
        response = client.get(f"/{name}")
        assert (name, response.status, response.headers["x-way"]) == (name, 500, "o")
        error = logged_exception(caplog)
        assert type(make()) in (type(error), type(error.__cause__))


def test_the_log_has_the_first_exception_too(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Middleware that fails at the 500 of a view does not hide the exception of the view."""

    def wrapper() -> Iterator[None]:
        response: Any = yield
        response.nothing.at_all = 1

    site({"/": plain(KeyError)}, middleware=[wrapper]).get("/")
    error = logged_exception(caplog)
    assert isinstance(error, AttributeError)
    assert isinstance(error.__context__, KeyError)


def test_an_error_of_middleware_replaces_the_500_and_not_the_log(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Middleware may replace the page of an exception, which is still logged."""

    def raising() -> Iterator[None]:
        yield
        raise Forbidden("not for you")

    def replacing() -> Iterator[object]:
        response: Any = yield None
        yield f"was {response.status}", 503

    assert site({"/": plain(KeyError)}, middleware=[stamp("o"), raising]).get("/").status == 403
    assert isinstance(logged_exception(caplog), KeyError)
    caplog.clear()
    got = site({"/": plain(KeyError)}, middleware=[stamp("o"), replacing]).get("/")
    assert (got.status, got.text, got.headers["x-way"]) == (503, "was 500", "o")
    assert isinstance(logged_exception(caplog), KeyError)


def test_an_exception_may_become_an_error(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Middleware that catches it and raises an HTTP error has handled it."""

    def translating() -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise Forbidden("not for you") from error

    assert site({"/": plain(KeyError)}, middleware=[translating]).get("/").status == 403
    assert not caplog.records


def test_another_exception_may_take_its_place(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that middleware raises instead goes on, also a RuntimeError caused by it."""
    seen: list[BaseException] = []

    def changing() -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise RuntimeError("changed") from error

    site({"/": plain(KeyError)}, middleware=[watching(seen), changing]).get("/")
    assert isinstance(seen[0], RuntimeError)
    assert logged_exception(caplog) is seen[0]


def test_a_circle_of_causes_ends(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that is its own cause is logged without an endless loop."""

    def circling() -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise error from error

    assert site({"/": plain(KeyError)}, middleware=[circling, circling]).get("/").status == 500
    assert isinstance(logged_exception(caplog), KeyError)


def test_a_traceback_shows_the_view_and_not_the_middleware(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that only passed the middleware is logged as it left the view."""
    site({"/": plain(KeyError)}, middleware=[watching([]), stamp("a"), watching([])]).get("/")
    trace, names = logged_exception(caplog).__traceback__, []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names == ["run", "view"]


@pytest.mark.parametrize("view", [plain, waiting])
@pytest.mark.parametrize("errors", [{500: lambda error: f"own {error.status}"}, {500: "own"}, {500: Response("own")}])
def test_the_apps_page_of_a_500_passes_the_middleware(site: Make, view: Any, errors: Any) -> None:
    """The header fields of middleware are on the app's own page for a 500."""
    site_ = site({"/": view(KeyError)}, errors=errors, middleware=[stamp("o"), stamp_async("i")])
    response = site_.get("/", fields={"accept": "text/html"})
    assert (response.status, response.headers["x-way"]) == (500, "io")
    assert "own" in response.text


@pytest.mark.parametrize("middleware", [[], [stamp("s")], [stamp_async("s")]])
def test_any_exception_of_an_error_view_is_the_built_in_page(
    site: Make, caplog: pytest.LogCaptureFixture, middleware: Any
) -> None:
    """Both failures are logged, the view's and that of its page."""

    def show(request: Request) -> str:
        raise made(request.path[1:])

    client = site(each_of(lambda _: plain(KeyError)), errors={500: show}, middleware=middleware)
    for name, make in EVERY.items():
        caplog.clear()
        response = client.get(f"/{name}", fields={"accept": "text/html"})
        assert (name, response.status, response.headers.get("x-way", "")) == (name, 500, "s" * len(middleware))
        assert "Internal Server Error" in response.text
        kinds = {type(record.exc_info[1]) for record in caplog.records if record.exc_info}
        assert kinds == {KeyError, type(make())}


class Lost(HTTPError):
    status = 404


class RaisingAttribute:
    """A value whose attribute runs code of the app when a template looks it up."""

    def __init__(self, name: str) -> None:
        self.kind = name

    @property
    def name(self) -> str:
        raise made(self.kind)


def test_any_exception_of_a_template_function_becomes_a_response(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """In a page it is a 500; in an error page, the built-in page is sent instead."""

    def shown(name: str) -> object:
        return render("page.html", lookup=RaisingAttribute(name))

    def lost(name: str) -> object:
        error = Lost("gone")
        error.lookup = RaisingAttribute(name)  # type: ignore[attr-defined]  # a class of the app's may have it
        raise error

    pages = {"page.html": "{{ lookup.name }}", "error/error404.html": "{{ error.lookup.name }}"}
    client = site({"/shown/{name}": shown, "/lost/{name}": lost}, pages=pages)
    for name in EVERY:
        for path, status in (("shown", 500), ("lost", 404)):
            caplog.clear()
            response = client.get(f"/{path}/{name}", fields={"accept": "text/html"})
            assert (name, response.status) == (name, status)
            assert "</small>" in response.text
            assert any(record.exc_info for record in caplog.records)


class Odd(HTTPError):
    """An error whose attributes can't be read."""

    @property
    def detail(self) -> str:
        raise Panic("a")

    @detail.setter
    def detail(self, value: str) -> None:
        pass


def test_an_error_with_failing_attributes_is_a_500(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The class of an HTTP error may be the app's own, and its attributes may raise."""
    assert site({"/": plain(Odd)}).get("/").status == 500
    assert any(record.exc_info for record in caplog.records)


def test_all_dependencies_are_closed_whatever_one_raises(site: Make) -> None:
    """Dependencies opened before the one that fails get its exception, and run to their end."""
    events: list[str] = []

    def database() -> Iterator[int]:
        try:
            yield 1
        except BaseException as error:
            events.append(type(error).__name__)
            raise
        finally:
            events.append("closed")

    def user(db: int, request: Request) -> Iterator[int]:
        yield db
        raise made(request.path[1:])

    def view(value: int) -> str:
        return str(value)

    client = site(each_of(lambda _: depending(view, value=depending(user, db=database))))
    for name, make in EVERY.items():
        events.clear()
        assert client.get(f"/{name}").status == 500
        kind = RuntimeError if isinstance(make(), StopIteration) else type(make())
        assert events == [kind.__name__, "closed"]


def stubborn() -> Iterator[int]:
    with contextlib.suppress(GeneratorExit):
        yield 1
        yield 2
    yield 3


async def stubborn_async() -> AsyncIterator[int]:
    with contextlib.suppress(GeneratorExit):
        yield 1
        yield 2
    yield 3


@pytest.mark.parametrize("opens", [stubborn, stubborn_async])
def test_a_generator_that_does_not_close_does_not_keep_others_open(site: Make, opens: Any) -> None:
    """One that yields again and again is a mistake that is logged; the others are closed."""
    events: list[str] = []

    def database() -> Iterator[int]:
        try:
            yield 1
        finally:
            events.append("closed")

    async def view(db: int, other: int) -> str:
        return f"{db} {other}"

    assert site({"/": depending(view, db=database, other=opens)}).get("/").status == 500
    assert events == ["closed"]


@pytest.mark.parametrize("opens", [stubborn, stubborn_async])
def test_middleware_that_does_not_close_is_a_500(site: Make, caplog: pytest.LogCaptureFixture, opens: Any) -> None:
    """Middleware that yields again and again is a mistake that is logged."""
    assert site({"/": "x"}, middleware=[stamp("o"), opens]).get("/").status == 500
    logged_exception(caplog)


def test_an_unreadable_iterable_closes_the_dependencies(site: Make) -> None:
    """A stream that fails before its first piece is a 500, and the dependencies of its view are closed."""
    events: list[str] = []

    class Unreadable:
        def __iter__(self) -> Iterator[bytes]:
            raise Panic("a")

    def database() -> Iterator[int]:
        try:
            yield 1
        except Panic:
            events.append("rolled back")
            raise

    def view(db: int) -> Response:
        return Response(Unreadable())

    assert site({"/": depending(view, db=database)}).get("/").status == 500
    assert events == ["rolled back"]


# --- cancellations ---------------------------------------------------------------------------------------------


async def waits_for_a_cancelled_task() -> str:
    task = asyncio.create_task(asyncio.sleep(1))
    task.cancel()
    await task
    return ""


@pytest.mark.parametrize("middleware", [[], [stamp("s")], [stamp_async("s")]])
def test_the_cancellation_of_another_task_is_a_500(
    site: Make, caplog: pytest.LogCaptureFixture, middleware: Any
) -> None:
    """A view that awaits a task which is cancelled has failed; the view itself is not cancelled."""
    response = site({"/": waits_for_a_cancelled_task}, middleware=middleware).get("/")
    assert (response.status, response.headers.get("x-way", "")) == (500, "s" * len(middleware))
    assert isinstance(logged_exception(caplog), asyncio.CancelledError)


async def catching_async() -> AsyncIterator[object]:
    try:
        yield None
    except BaseException:  # noqa: BLE001 - it shows what happens
        yield "caught"


@pytest.mark.parametrize(
    "middleware", [[], [stamp("s")], [stamp_async("s")], [catching], [catching_async], [tidy, catching]]
)
def test_a_cancellation_by_the_server_goes_on(site: Make, caplog: pytest.LogCaptureFixture, middleware: Any) -> None:
    """No middleware can catch it, there is no response, and nothing is logged."""

    async def waits() -> str:
        await asyncio.Event().wait()
        return ""

    client = site({"/": waits}, middleware=middleware)
    request: Request = client.make_request("GET", "/")

    async def run() -> bool:
        task = asyncio.ensure_future(client.app.find(request).run(request))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return bool(task.cancelled())

    assert asyncio.run(run())
    assert not caplog.records


def test_middleware_may_set_a_time_limit(site: Make, caplog: pytest.LogCaptureFixture) -> None:
    """`asyncio.timeout` around a yield cancels the view, and is then handled like any exception."""

    async def patient() -> AsyncIterator[object]:
        try:
            async with asyncio.timeout(0.01):
                yield None
        except TimeoutError:
            yield "too late", 504

    async def waits() -> str:
        await asyncio.Event().wait()
        return ""

    response = site({"/": waits}, middleware=[stamp("o"), patient, stamp_async("i")]).get("/")
    assert (response.status, response.headers["x-way"]) == (504, "o")
    assert not caplog.records
