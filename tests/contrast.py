"""Measure the contrast of a page in a browser: of each text, control and mark of focus, also while it is pointed at.

In: a tab (`tests/browser.py`), and an address or the page that it shows. Out: what is below 4.5:1, a line each. What
counts is what the browser computes: the colour of the text, and of everything painted behind it (`contrast.js`).

    def test_my_page_can_be_read(tab: Tab) -> None:
        assert faint_in_both_schemes(tab, url) == []
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser import Tab

MEASURE = Path(__file__).with_name("contrast.js").read_text()
STATES = ((), ("hover",), ("active", "hover"), ("focus", "focus-visible"))

NewTab = Callable[..., Tab]


def faint_parts(tab: Tab, url: str = "") -> list[str]:
    """Return what can't be read well on a page, the one that the tab shows or that of an address.

    Everything is looked at as it stands, pointed at, pressed, and with the focus; every `<details>` is opened. Fails if
    there is nothing to read. A line is "hover: a "Link" rgb(1,2,3) on rgb(4,5,6) 3.2".
    """
    if url:
        tab.open(url)
    found = []
    for states in STATES:
        tab.force(*states)
        seen = tab.evaluate(MEASURE)
        assert seen["looked"] > 0, f"{tab.path} has no text"
        found += [": ".join([*states[-1:], _line(*each)]) for each in seen["found"]]
    tab.force()
    return found


def _line(what: str, colour: str = "", ground: str = "", ratio: float = 0.0) -> str:
    return f"{what} {colour} on {ground} {ratio}" if colour else what


def faint_in_both_schemes(tab: Tab, url: str) -> list[str]:
    """Return what can't be read well on the page of an address, which is opened by day and by night."""
    found = []
    for scheme in ("light", "dark"):
        tab.prefer(dark=scheme == "dark")
        found += [f"{scheme}: {each}" for each in faint_parts(tab, url)]
    return found
