"""Fanlight's own log, whatever a site does with Python's `logging`."""

from __future__ import annotations

import http.client
import logging
import logging.config
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.soak.served import Served
from tests.speed import PATIENCE

from fanlight import App
from fanlight.server.recording.error_log import ErrorLog
from fanlight.server.recording.own_loggers import own_loggers
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
    with Client(app) as client:
        assert client.get("/").status == 500
        assert "ValueError: broken" in caplog.text
        assert not any(each.disabled for each in own_loggers())


SITE = """
import logging, logging.config, sys

def broken():
    raise ValueError("broken " + "here")

def act():
    {act}
    return "done"

URLS = {{"/": broken, "/act": act}}
{at_import}
"""
ACTS = {
    "dictConfig": 'logging.config.dictConfig({"version": 1})',
    "dictConfig with a handler": """logging.config.dictConfig({
        "version": 1, "handlers": {"h": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["h"]}})""",
    "disable": "logging.disable(logging.CRITICAL)",
    "basicConfig": "logging.basicConfig(force=True)",
    "no handlers": "logging.basicConfig(); logging.root.handlers.clear(); logging.lastResort = None",
    "no handlers of ours": 'logging.getLogger("fanlight").handlers.clear(); logging.lastResort = None',
    "a handler that writes nothing": "logging.getLogger().addHandler(logging.NullHandler())",
    "disabled by hand": 'logging.getLogger("fanlight.app").disabled = logging.getLogger("fanlight").disabled = True',
    "a factory that raises": "logging.setLogRecordFactory(lambda *a, **k: 1 / 0)",
    "a handler that raises": """
    class Handler(logging.Handler):
        def emit(self, record):
            raise KeyError("own")
    logging.getLogger().addHandler(Handler())""",
    "a filter that raises": 'logging.getLogger("fanlight.app").addFilter(lambda record: 1 / 0)',
    "another class": "logging.setLoggerClass(type('L', (logging.Logger,), {'makeRecord': None}))",
}


@pytest.mark.parametrize("when", ["in a view", "at import"])
@pytest.mark.parametrize("act", ACTS)
def test_a_traceback_comes_out_whatever_a_site_does_to_logging(tmp_path: Path, act: str, when: str) -> None:
    """The error of a view is on stderr, with its traceback, and its client has a 500."""
    code = ACTS[act]
    in_view, at_import = (code, "") if when == "in a view" else ("pass", textwrap.dedent(code))
    (tmp_path / "main.py").write_text(SITE.format(act=in_view, at_import=at_import))
    served = Served(tmp_path, [], tmp_path / "log")
    try:
        for path, status in (("/act", 200), ("/", 500), ("/", 500)):
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
            connection.request("GET", path)
            assert connection.getresponse().status == status
            connection.close()
    finally:
        served.stop()
    told = (tmp_path / "log").read_text()
    assert told.count("ValueError: broken here") == 2, told
    assert told.count('raise ValueError("broken " + "here")') == 2, told


def test_what_turns_or_breaks_a_line_is_escaped(tmp_path: Path) -> None:
    """No text of a message shows as another line, or runs the other way, in any reader."""
    odd = "\x85\u2028\u2029\u202e\u202a\u2066\u2069\u200f\u061c\x1b\x9b\x7f\ufeff"
    with ErrorLog(str(tmp_path / "log")):
        logging.getLogger("fanlight.test").warning("it is %s so, é, 東, \U0001f600", odd)
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.endswith("so, é, 東, \U0001f600")
    assert not set(odd) & set(line)
    assert "\\u202e" in line
