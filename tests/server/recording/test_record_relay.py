"""The site's log handlers: whatever they do, the server does not wait for them, and loses nothing by them."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest
from tests.exceptions import Panic

from fanlight import App, lane
from fanlight.server.recording.own_loggers import RecordRelay
from fanlight.testing import LiveServer

PATIENCE = 20
user = ContextVar("user", default="nobody")


def ask(port: int, path: str) -> int:
    """Return the status of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


class Handler(logging.Handler):
    """A handler of a site's: it does what the test wants."""

    def __init__(self, act: Callable[[logging.LogRecord], object]) -> None:
        super().__init__()
        self._act = act

    def emit(self, record: logging.LogRecord) -> None:
        self._act(record)


@pytest.fixture
def handle() -> Iterator[Callable[[Callable[[logging.LogRecord], object]], None]]:
    """Return a function that gives the root logger a handler, as a site does, for this test."""
    made: list[Handler] = []

    def add(act: Callable[[logging.LogRecord], object]) -> None:
        made.append(Handler(act))
        logging.getLogger().addHandler(made[-1])

    yield add
    for each in made:
        logging.getLogger().removeHandler(each)


def broken() -> str:
    raise ValueError("broken")


@lane("thread")
def broken_in_thread() -> str:
    raise ValueError("broken")


async def broken_async() -> str:
    raise ValueError("broken")


BROKEN = {"/broken": broken, "/thread": broken_in_thread, "/async": broken_async, "/": "fine"}
PATHS = ["/broken", "/thread", "/async"]


@pytest.mark.parametrize("path", PATHS)
def test_no_request_waits_for_a_handler(handle: Callable[..., None], path: str) -> None:
    """While a handler hangs, a view that fails gets its response, and others are served."""
    let_go, entered = threading.Event(), threading.Event()

    def hang(_: logging.LogRecord) -> None:
        entered.set()
        let_go.wait(PATIENCE)

    handle(hang)
    with LiveServer(App(BROKEN)) as server:
        try:
            assert ask(server.port, path) == 500
            assert entered.wait(PATIENCE)
            assert ask(server.port, path) == 500
            assert ask(server.port, "/") == 200
        finally:
            let_go.set()


class Mute(Exception):
    """Has no text: making one raises."""

    def __repr__(self) -> str:
        raise ValueError("no words")

    __str__ = __repr__


@pytest.mark.parametrize("error", [ValueError("own"), SystemExit(1), KeyboardInterrupt(), Panic("own"), Mute()])
@pytest.mark.parametrize("path", PATHS)
def test_what_a_handler_raises_is_contained(
    handle: Callable[..., None], path: str, error: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    """A handler that raises ends no request, no thread and loses no message: the message is on stderr then."""

    def fail(_: logging.LogRecord) -> None:
        raise error

    handle(fail)
    with LiveServer(App(BROKEN)) as server:
        for _ in range(2):
            assert ask(server.port, path) == 500
        assert ask(server.port, "/") == 200
    told = capfd.readouterr().err
    assert told.count("ValueError: broken") == 2
    assert "the site's own logging failed at this message: " in told
    assert type(error).__name__ in told


def test_handlers_are_in_the_context_of_the_request(handle: Callable[..., None]) -> None:
    """A handler finds the variables of the request that its record belongs to."""
    seen: list[str] = []
    handle(lambda _: seen.append(user.get()))

    def view() -> str:
        user.set("ada")
        raise ValueError

    with LiveServer(App({"/": view})) as server:
        assert ask(server.port, "/") == 500
    assert seen == ["ada"]


def test_what_waits_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """When too many records wait, further ones are lost, and one message reports how many."""
    monkeypatch.setattr("fanlight.server.recording.own_loggers.MAX_WAITING", 3)
    seen: list[str] = []
    entered, let_go = threading.Event(), threading.Event()
    logger = logging.getLogger("fanlight.server")

    def take(record: logging.LogRecord) -> None:
        seen.append(record.getMessage())
        entered.set()
        let_go.wait(PATIENCE)

    handler = Handler(take)
    logger.addHandler(handler)
    relay = RecordRelay(lambda _, error: pytest.fail(repr(error)))
    relay.start()
    try:
        logger.warning("first")
        assert entered.wait(PATIENCE)
        for number in range(5):
            logger.warning("message %d", number)
        let_go.set()
        relay.thread.flush(PATIENCE)
    finally:
        relay.close()
        logger.removeHandler(handler)
    assert seen == ["first", "2 messages are lost: too many waited", "message 0", "message 1", "message 2"]


def test_two_relays_of_one_process_handle_a_record_once() -> None:
    """As where two servers of a program were started by different threads: neither hands it back to the other."""
    seen: list[str] = []
    logger = logging.getLogger("fanlight.server")
    handler = Handler(lambda record: seen.append(record.getMessage()))
    logger.addHandler(handler)
    relays = [RecordRelay(lambda _, error: pytest.fail(repr(error))) for _ in range(2)]
    try:
        for each in relays:
            each.start()
        logger.warning("first")
        for each in (*relays, *relays):
            each.thread.flush(PATIENCE)
    finally:
        for each in relays:
            each.close()
        logger.removeHandler(handler)
    assert seen == ["first"]
