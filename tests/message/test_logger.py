"""The logger that never raises."""

from __future__ import annotations

import logging

import pytest

from fanlight.message import logger


class Panic(BaseException):
    """Stands for what extension modules raise."""


class Mute(Exception):
    """Can't say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


class Broken(logging.Handler):
    """A handler of an app's that fails."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error


@pytest.mark.parametrize("error", [ValueError("full"), Panic("full"), Mute(), SystemExit(1), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["handler", "filter", "filter of a handler"])
def test_what_a_handler_raises_goes_no_further(
    capsys: pytest.CaptureFixture[str], error: BaseException, place: str
) -> None:
    """The message, its traceback and the handler's failure are on stderr instead."""
    log = logging.getLogger("fanlight.test-logger")
    handler = Broken(error) if place == "handler" else logging.NullHandler()

    def refuse(_: logging.LogRecord) -> bool:
        raise error

    if place == "filter":
        log.addFilter(refuse)
    elif place == "filter of a handler":
        handler.handle = refuse  # type: ignore[method-assign, assignment]  # as a handler that filters would
    log.addHandler(handler)
    try:
        logger("fanlight.test-logger").error("%s failed", "GET /", exc_info=KeyError("the view's"))
    finally:
        log.removeHandler(handler)
        log.removeFilter(refuse)
    said = capsys.readouterr().err
    assert "GET / failed" in said
    assert "the view's" in said
    assert type(error).__name__ in said


def test_a_closed_stderr_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is nobody left to be told, nothing is raised either."""
    log = logging.getLogger("fanlight.test-logger")
    handler = Broken(ValueError())
    log.addHandler(handler)
    monkeypatch.setattr("sys.stderr", None)
    try:
        logger("fanlight.test-logger").error("lost")
    finally:
        log.removeHandler(handler)


def test_a_message_names_the_line_that_sent_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is the caller's, not the logger's own."""
    logger("fanlight.test-logger").warning("here")
    try:
        int("x")
    except ValueError:
        logger("fanlight.test-logger").exception("there")
    assert [record.filename for record in caplog.records] == ["test_logger.py"] * 2
    assert caplog.records[1].exc_info is not None
