"""Where a weakened setting is written: the line of its argument, in the files of the site."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanlight.site.loading import load
from fanlight.site.weakened import weakened

MAIN = """from fanlight import App, Compression
import more_weak_settings

app = App(
    {"/": "x"},
    compression=Compression(
        least_bytes=10,
        padding_bytes=0,
    ),
)
"""


@pytest.fixture(autouse=True)
def _paths_as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Forget what loading a site changes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


COMPUTED = """from fanlight import App, Compression
import more_weak_settings

app = App({"/": "x"}, compression=Compression(**{"padding_bytes": 0}))
"""


@pytest.mark.parametrize(
    ("main", "other", "place"),
    [
        pytest.param(MAIN, "", "main.py:8", id="written once"),
        pytest.param(COMPUTED, "", "", id="computed"),
        pytest.param(MAIN, "def f(Compression): return Compression(padding_bytes=0)\n", "", id="written twice"),
    ],
)
def test_the_line_of_an_argument_is_found(tmp_path: Path, main: str, other: str, place: str) -> None:
    """If it is written once; where it could be one of two, no line is named."""
    (tmp_path / "main.py").write_text(main)
    (tmp_path / "more_weak_settings.py").write_text(other)
    (weak,) = weakened(load("main.py"), 1)
    assert (weak.setting, weak.place) == ("Compression(padding_bytes=0)", place)


SESSIONS = """from datetime import timedelta

from fanlight import App, Sessions

app = App(
    {"/": "x"},
    sessions=Sessions(
        idle=timedelta(days=60),
        lifetime=timedelta(days=365),
        attempts=ATTEMPTS,
    ),
)
"""


@pytest.mark.parametrize(
    ("attempts", "setting"),
    [
        ("None", "Sessions(attempts=None)"),
        ('"100/minute"', 'Sessions(attempts="100/minute")'),
        ('"1/second"', 'Sessions(attempts="1/second")'),
        ('"10/minute"', ""),
        ('"100/hour"', ""),
    ],
)
def test_sessions_that_last_longer_and_sign_ins_that_may_be_tried_more_often_are_found(
    tmp_path: Path, attempts: str, setting: str
) -> None:
    """Each with its line."""
    (tmp_path / "main.py").write_text(SESSIONS.replace("ATTEMPTS", attempts))
    found = [(each.setting, each.place) for each in weakened(load("main.py"), 1 << 24)]
    assert found == [
        ("Sessions(idle=...) is 60 days (default: 14)", "main.py:8"),
        ("Sessions(lifetime=...) is 365 days (default: 90)", "main.py:9"),
        *([(setting, "main.py:10")] * bool(setting)),
    ]


def test_pages_without_a_content_security_policy_are_found(tmp_path: Path) -> None:
    """If the site has templates: an API has no pages in which a script could be."""
    (tmp_path / "main.py").write_text('URLS = {"/": "home.html"}\n')
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text("home")
    (weak,) = weakened(load("main.py"), 1)
    assert "no Content-Security-Policy" in weak.setting


def test_a_site_that_has_weakened_nothing_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are read only where a line is looked for."""
    (tmp_path / "main.py").write_text('URLS = {"/": "x"}\n')
    app = load("main.py")
    monkeypatch.setattr("ast.parse", None)
    assert weakened(app, 1) == []
