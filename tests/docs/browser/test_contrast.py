"""Everybody can read what we hand out: the new site, the examples and the built-in pages, by day and by night.

WCAG 2.2 at level AA: text has a contrast of 4.5:1 to what is behind it (1.4.3), the border of a field and the
mark of the focus 3:1 (1.4.11). What counts is what a browser computes, not what a style sheet seems to say.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
NewTab = Callable[..., Any]
Serve = Callable[[str, Path], str]

PAGES = {
    "new": ["/", "/contact", "/hello/Ada", "/thanks", "/nowhere"],
    "examples/site": [
        "/",
        "/about",
        "/search?q=glass",
        "/contact",
        "/thanks",
        "/blog",
        "/blog/small-panes",
        "/nowhere",
    ],
    "examples/lesson": ["/", "/blog", "/nowhere"],
    "examples/hello": ["/", "/nowhere"],
}

FAINT = Path(__file__).with_name("contrast.js").read_text()


def faint_parts(tab: Any) -> list[list[Any]]:
    """Return what can't be read on the page of a tab, as it stands, pointed at, or with the focus."""
    found = []
    for states in ((), ("hover",), ("focus-visible",)):
        tab.force(*states)
        seen = tab.evaluate(FAINT)
        assert seen["looked"] > 0
        found += [[*states, *each] for each in seen["found"]]
    return found


@pytest.fixture(scope="module")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `fanlight new` makes."""
    folder = tmp_path_factory.mktemp("new") / "mysite"
    subprocess.run([sys.executable, "-m", "fanlight", "new", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture
def served(request: pytest.FixtureRequest, new_site: Path, serve: Serve) -> str:
    """Return the address of a site: of a new one, or of an example."""
    return serve("fanlight run", new_site if request.param == "new" else REPOSITORY / request.param)


@pytest.mark.parametrize(("served", "paths"), list(PAGES.items()), ids=list(PAGES), indirect=["served"])
def test_everything_can_be_read_in_light_and_dark(served: str, paths: list[str], new_tab: NewTab) -> None:
    """Each page's text, fields and focus stand out from what is behind them, in both colour schemes."""
    for tab in (new_tab(), new_tab(dark=True)):
        for path in paths:
            tab.open(served + path)
            assert faint_parts(tab) == [], path


@pytest.mark.parametrize("served", ["new", "examples/site"], indirect=True)
def test_a_form_that_is_refused_can_be_read(served: str, new_tab: NewTab) -> None:
    """The page that lists what is wrong in a form stands out too: the built-in one, and the journal's own."""
    for tab in (new_tab(), new_tab(dark=True)):
        tab.open(served + "/contact")
        tab.evaluate("document.forms[0].noValidate = true; document.forms[0].querySelector('[name=name]').remove()")
        tab.click("form button")
        assert tab.status == 422
        assert faint_parts(tab) == []


def test_low_contrast_is_found(new_tab: NewTab) -> None:
    """Grey text, a pale border, a lost focus and a pale colour of the pointer are each found."""
    page = """<!doctype html><style>
      body { background: #fff } .grey { color: #888 } input { border: 1px solid #ddd; outline: none }
      a { color: #000 } a:hover { color: #ccc }
    </style><p class=grey>Grey</p><input name=pale><a href=x>Link</a>"""
    tab = new_tab()
    tab.open("data:text/html," + page.replace("#", "%23"))
    found = {(each[0], each[1]) if each[0] in ("hover", "focus-visible") else each[0] for each in faint_parts(tab)}
    assert {'p "Grey"', 'input "pale" border', ("hover", 'a "Link"')} <= found
    assert ("focus-visible", 'input "pale" has no mark of focus') in found
