"""Fanlight's own log, whatever a site does with Python's `logging`."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest

from fanlight import App
from fanlight.server.watch.relay import own_loggers
from fanlight.testing import Client

SET_UP: dict[str, Any] = {"version": 1, "handlers": {}}  # it silences, by default, every logger that it does not name


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Undo what a test does to all loggers."""
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = {each: each.disabled for each in loggers}
    yield
    for each, is_disabled in before.items():
        each.disabled = is_disabled


def broken() -> None:
    raise ValueError("broken")


def lifespan() -> Iterator[None]:
    logging.config.dictConfig(SET_UP)
    yield


@pytest.mark.parametrize("where", ["the file", "the lifespan"])
def test_logging_that_a_site_sets_up_silences_no_error(caplog: pytest.LogCaptureFixture, where: str) -> None:
    """`dictConfig` as most write it disables loggers that it does not name: ours go on."""
    app = App({"/": broken}, lifespan=lifespan if where == "the lifespan" else None)
    if where == "the file":
        logging.config.dictConfig(SET_UP)
        assert all(each.disabled for each in own_loggers())
    with Client(app) as client:
        assert client.get("/").status == 500
        assert "ValueError: broken" in caplog.text
        assert not any(each.disabled for each in own_loggers())
