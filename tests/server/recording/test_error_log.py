"""Fanlight's own log, whatever a site does with Python's `logging`."""

from __future__ import annotations

import http.client
import logging
import logging.config
import re
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


def failing(path: Path) -> ValueError:
    """Return an exception that the code of a site has raised in a library."""
    file = path / "main.py"
    file.write_text("import json\n\ndef home():\n    return json.loads('{')\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    with pytest.raises(ValueError, match="property name") as caught:
        names["home"]()
    return caught.value


def test_the_frames_of_the_site_come_first(tmp_path: Path) -> None:
    """In the log an exception is its message, the site's line, and one line for the frames of libraries: one record."""
    with ErrorLog(str(tmp_path / "log"), folder=tmp_path):
        logging.getLogger("fanlight.test").error("GET / failed", exc_info=failing(tmp_path))
    head, kind, place, source, *rest = (tmp_path / "log").read_text().splitlines()
    assert head.endswith("ERROR  GET / failed")
    assert kind.startswith("    json.decoder.JSONDecodeError: Expecting property name")
    assert (place, source) == ("      main.py:4 in home", "          return json.loads('{')")
    assert rest[1].startswith("          raised below it, in 3 frames of json: json/decoder.py:")
    assert all(line.startswith("    ") for line in rest)


def test_the_site_s_own_handlers_get_the_exception_itself(tmp_path: Path) -> None:
    """A handler beside our log gets `exc_info`, and formats it as it would without us, before us and after us."""
    records: list[tuple[logging.LogRecord, str]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append((record, self.format(record)))

    logger, handler = logging.getLogger("fanlight.test"), Handler()
    error = failing(tmp_path)
    logger.addHandler(handler)
    try:
        with ErrorLog(str(tmp_path / "log"), folder=tmp_path):
            logger.error("GET / failed", exc_info=error)
            logger.removeHandler(handler)
            logging.getLogger("fanlight").addHandler(handler)
            logger.error("GET / failed", exc_info=error)
    finally:
        logger.removeHandler(handler)
        logging.getLogger("fanlight").removeHandler(handler)
    assert len(records) == 2
    for record, text in records:
        assert record.exc_info is not None
        assert record.exc_info[1] is error
        assert "Traceback (most recent call last):" in text
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("words", "begins", "has_library"),
    [
        ([], "    ValueError: no\n      main.py:7 in fail\n", False),
        (["--traceback", "full"], "    Traceback (most recent call last):\n", True),
    ],
    ids=["site", "full"],
)
def test_the_traceback_of_a_view_is_in_the_log(
    tmp_path: Path, words: list[str], begins: str, *, has_library: bool
) -> None:
    """`fanlight run` logs the site's frames, with `--traceback full` all of them."""
    (tmp_path / "main.py").write_text(
        "import contextlib\n\n@contextlib.contextmanager\ndef way():\n    yield\n\n"
        "def fail(): raise ValueError('no')\n\n@way()\ndef home():\n    fail()\n\nURLS = {'/': home}\n"
    )
    served = Served(tmp_path, words, tmp_path / "log")
    try:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        connection.request("GET", "/")
        assert connection.getresponse().status == 500
        connection.close()
    finally:
        served.stop()
    text = (tmp_path / "log").read_text()
    assert re.search(rf"\(home\) failed: GET /, id \w+\n{re.escape(begins)}", text), text
    assert ("calls.py" in text) == has_library
    assert ("2 frames of contextlib, fanlight" in text) != has_library
