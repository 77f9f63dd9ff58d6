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


def test_a_site_that_has_weakened_nothing_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are read only where a line is looked for."""
    (tmp_path / "main.py").write_text('URLS = {"/": "x"}\n')
    app = load("main.py")
    monkeypatch.setattr("ast.parse", None)
    assert weakened(app, 1) == []
