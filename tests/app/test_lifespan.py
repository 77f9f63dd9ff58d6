"""Lifespans: code that runs before the first request and after the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import MethodType
from typing import Any

import pytest

from fanlight.errors import AppError

Make = Callable[..., Any]


class Log:
    def __init__(self) -> None:
        self.events: list[object] = []

    def sync(self) -> Iterator[None]:
        self.events.append("open")
        yield
        self.events.append("close")

    def with_app(self, app: object) -> Iterator[None]:
        self.events.append(app)
        yield
        self.events.append("close")

    async def of_loop(self) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        self.events.append("open")
        yield
        self.events.append("close")


async def live(app: Any) -> None:
    await app.start()
    await app.stop()


@pytest.mark.parametrize("name", ["sync", "of_loop"])
def test_a_lifespan_opens_and_closes(site: Make, name: str) -> None:
    """The code before the yield runs at startup, the rest at shutdown; and again at the next start."""
    log = Log()
    app = site({"/": "x"}, lifespan=getattr(log, name)).app
    asyncio.run(live(app))
    asyncio.run(live(app))
    assert log.events == ["open", "close"] * 2


@pytest.mark.parametrize(("name", "decorator"), [("sync", contextmanager), ("of_loop", asynccontextmanager)])
def test_a_lifespan_may_be_a_context_manager(site: Make, name: str, decorator: Any) -> None:
    """As other frameworks want it: a function or a method with `@contextmanager` or `@asynccontextmanager`."""
    log = Log()
    asyncio.run(live(site({"/": "x"}, lifespan=decorator(getattr(log, name))).app))
    method = MethodType(decorator(getattr(Log, name)), log)
    asyncio.run(live(site({"/": "x"}, lifespan=method).app))
    assert log.events == ["open", "close"] * 2


def test_a_lifespan_may_take_the_app(site: Make) -> None:
    """Its parameter is the app."""
    log = Log()
    app = site({"/": "x"}, lifespan=log.with_app).app
    asyncio.run(live(app))
    assert log.events == [app, "close"]


def test_an_app_needs_no_lifespan(site: Make) -> None:
    """Without one, start and stop do nothing; nor does a stop without a start."""
    asyncio.run(live(site({"/": "x"}).app))
    log = Log()
    asyncio.run(site({"/": "x"}, lifespan=log.sync).app.stop())
    assert log.events == []


def never() -> Iterator[None]:
    return
    yield


async def never_async() -> AsyncIterator[None]:
    return
    yield


def twice() -> Iterator[None]:
    yield
    yield


async def twice_async() -> AsyncIterator[None]:
    yield
    yield


def failing() -> Iterator[None]:
    raise OSError("no database")
    yield


@pytest.mark.parametrize(
    ("lifespan", "error", "said"),
    [
        (never, AppError, "never ended before its yield"),
        (never_async, AppError, "never_async ended before its yield"),
        (twice, AppError, "twice yields twice"),
        (twice_async, AppError, "twice_async yields twice"),
        (failing, OSError, "no database"),
    ],
)
def test_errors_of_a_lifespan_are_raised(site: Make, lifespan: Any, error: type[Exception], said: str) -> None:
    """The server gets the exception of startup and of shutdown."""
    with pytest.raises(error, match=said):
        asyncio.run(live(site({"/": "x"}, lifespan=lifespan).app))


def test_an_app_is_started_once(site: Make) -> None:
    """A second start without a stop is an error, as it would leave the first open."""

    async def start_twice() -> None:
        await app.start()
        try:
            await app.start()
        finally:
            await app.stop()

    app = site({"/": "x"}, lifespan=Log().sync).app
    with pytest.raises(AppError, match="started already"):
        asyncio.run(start_twice())


def plain() -> None:
    pass


def greedy(app: object, more: object) -> Iterator[None]:
    yield


def by_name(*, app: object) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("lifespan", "message"),
    [(plain, "has no yield"), (greedy, "takes more than the app"), (by_name, "takes more than the app")],
)
def test_an_invalid_lifespan_is_reported_at_once(mistakes: Make, lifespan: Any, message: str) -> None:
    """A function without a yield, or with other parameters, is a mistake with its place."""
    (mistake,) = mistakes({"/": "x"}, lifespan=lifespan)
    assert message in mistake.message
    assert "test_lifespan.py:" in mistake.places[0]
