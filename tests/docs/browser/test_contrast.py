"""Everyone can read what we hand out: the new site, the examples and the built-in pages, by day and by night.

Each of their pages has an icon, too.

Text, controls and the mark of the focus have a contrast of 4.5:1 to what is behind them, which is more than WCAG 2.2
asks for at level AA (1.4.3 and 1.4.11). What counts is what a browser computes, not what a style sheet seems to say.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.browser import Tab
from tests.contrast import faint_in_both_schemes, faint_parts
from tests.docs.conftest import Serving, environment
from tests.speed import PATIENCE

from fanlight.pages.builtin_pages import error_page, heading_page
from fanlight.pages.palette import CONTROLS, FOUNDATION, GROUNDS, HUES, custom_properties

REPOSITORY = Path(__file__).parents[3]
STEPS = REPOSITORY / "examples" / "steps"
Serve = Callable[[str, Path], str]

PAGES = {
    "new": ["/", "/door", "/hello/Ada", "/about", "/nowhere"],
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
BUILT_IN = {
    "404": error_page(404),
    "422": error_page(422, "", [("page", "'x' is not an integer"), ("name", "is missing")]),
    "500": error_page(500, request_id="5bd8f5d5c1a34e04a3a5a5a3"),
    "heading": heading_page("Hello World"),
}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `fanlight new` makes."""
    folder = tmp_path_factory.mktemp("new") / "mysite"
    subprocess.run([sys.executable, "-m", "fanlight", "new", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, new_site: Path) -> Iterator[str]:
    """Return the address of a site: of a new one, or of an example."""
    folder = new_site if request.param == "new" else REPOSITORY / request.param
    serving = Serving("fanlight run", folder, environment())
    yield f"http://localhost:{serving.ports['8000']}"
    serving.stop()


@pytest.mark.parametrize(("served", "paths"), list(PAGES.items()), ids=list(PAGES), indirect=["served"])
def test_everything_can_be_read_in_light_and_dark(served: str, paths: list[str], reader: Tab) -> None:
    """Each page's text, controls and focus stand out from what is behind them, in both colour schemes."""
    for path in paths:
        assert faint_in_both_schemes(reader, served + path) == [], path


@pytest.mark.parametrize("served", ["new", "examples/site"], indirect=True)
def test_everything_can_be_read_on_a_phone(served: str, reader: Tab) -> None:
    """On a narrow screen, where other rules hold, the front page stands out too."""
    reader.resize(**PHONE)
    assert faint_in_both_schemes(reader, served + "/") == []


@pytest.mark.parametrize(("served", "paths"), list(PAGES.items()), ids=list(PAGES), indirect=["served"])
def test_no_page_is_wider_than_its_screen(served: str, paths: list[str], reader: Tab) -> None:
    """No one has to scroll sideways, from the 320 pixels of WCAG 2.2 (1.4.10) on."""
    for path in paths:
        reader.open(served + path)
        for width in (320, 390, 700, 920, 1280):
            reader.resize(width, 844)
            assert reader.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


@pytest.mark.parametrize("served", ["new"], indirect=True)
def test_a_form_that_is_shown_again_can_be_read(served: str, tab: Tab) -> None:
    """A new site's form stands out with its errors beside the fields, and with what was typed still in them."""
    for dark in (False, True):
        tab.prefer(dark=dark)
        tab.open(served + "/door")
        tab.type("[name=people]", "many")
        tab.click("form button")
        assert (tab.status, tab.evaluate("document.querySelector('[name=people]').value")) == (422, "many")
        assert "'many' is not an integer" in tab.text
        assert faint_parts(tab) == []


@pytest.mark.parametrize("served", ["examples/site"], indirect=True)
def test_a_form_that_is_refused_can_be_read(served: str, tab: Tab) -> None:
    """The journal's own page that lists what is wrong in a form stands out too."""
    for dark in (False, True):
        tab.prefer(dark=dark)
        tab.open(served + "/contact")
        tab.evaluate("document.forms[0].noValidate = true; document.forms[0].querySelector('[name=name]').remove()")
        tab.click("form button")
        assert tab.status == 422
        assert faint_parts(tab) == []


def test_the_built_in_pages_can_be_read(reader: Tab) -> None:
    """Every kind of built-in page stands out: of an error, with fields, with the id of a request, of a heading."""
    faint = {name: faint_in_both_schemes(reader, f"data:text/html,{quote(page)}") for name, page in BUILT_IN.items()}
    assert {name: parts for name, parts in faint.items() if parts} == {}


def specimen() -> str:
    """Return a page with every control and every text of the palette, each on every ground where it may stand."""
    controls = """<h1>Heading</h1><h2>Second</h2><p><a href=x>Link</a> <code>code</code></p><pre>source</pre>
        <button>Main</button> <button class=plain>Plain</button> <button disabled>Off</button>
        <button class=plain disabled>Off</button> <input name=a value=typed> <input name=b placeholder=words>
        <input name=c value=off disabled> <select name=d><option>one</select> <textarea name=e>text</textarea>
        <label><input type=checkbox> Choice</label> <table><tr><th>Name<td>Value</table>
        <details><summary>More</summary><p>Inside</p></details>"""
    texts = "".join(
        f"<p style='color:var(--{name})'>{name}</p>"
        for name in ("ink", "quiet", "link", "accent", "good", "warn", "bad", *HUES)
    )
    grounds = "".join(f"<section style='background:var(--{name})'>{texts}{controls}</section>" for name in GROUNDS)
    tints = "".join(
        f"<p style='background:var(--{name}-tint);color:var(--{name})'>{name} <b style='color:var(--ink)'>ink</b> "
        f"<i style='color:var(--quiet)'>quiet</i></p><p style='background:var(--{name});color:var(--paper)'>filled</p>"
        for name in ("good", "warn", "bad", *HUES)
    )
    style = custom_properties() + FOUNDATION + CONTROLS
    return f"<!doctype html><meta charset=utf-8><title>Specimen</title><style>{style}</style>{grounds}{tints}"


def test_the_palette_can_be_read_wherever_it_is_used_as_its_rules_say(reader: Tab) -> None:
    """Each control, text and hue stands out on each ground and tint where it may be."""
    assert faint_in_both_schemes(reader, f"data:text/html,{quote(specimen())}") == []


def test_the_pages_of_all_errors_differ_in_words_only() -> None:
    """What holds for the page of one error holds for that of each status, as only its words are others."""

    def without_words(page: str) -> str:
        head, body = page.split("</style>")
        return re.sub("<title>[^<]*", "<title>", head) + re.sub(">[^<]*<", "><", body)

    assert {without_words(error_page(status)) for status in range(400, 600)} == {without_words(BUILT_IN["404"])}


# --- icons ----------------------------------------------------------------------------------------

ICON = """(async () => {
  const response = await fetch(document.querySelector("link[rel~=icon]").href)
  return [response.status, response.headers.get("content-type")]
})()"""


@pytest.mark.parametrize(("served", "paths"), list(PAGES.items()), ids=list(PAGES), indirect=["served"])
def test_every_page_has_an_icon(served: str, paths: list[str], tab: Tab) -> None:
    """Each page, also one of an error, names an icon that is there, so no browser requests /favicon.ico."""
    for path in paths:
        tab.open(served + path)
        assert tab.evaluate(ICON) == [200, "image/svg+xml"], path
        assert [each for each in tab.errors() if "favicon" in each] == []


def test_a_browser_requests_the_icon_that_a_page_does_not_name(serve: Serve, tab: Tab, tmp_path: Path) -> None:
    """A page without an icon makes the browser request /favicon.ico, and note that it is missing."""
    (tmp_path / "main.py").write_text("def home():\n    return '<p>No icon</p>'\n\n\nURLS = {'/': home}\n")
    tab.open(serve("fanlight run", tmp_path))
    until, noted = time.monotonic() + PATIENCE, ""
    while "/favicon.ico" not in noted and time.monotonic() < until:
        noted += str(tab.errors())
    assert "404" in noted


# --- what is measured -----------------------------------------------------------------------------


def shown(tab: Tab, style: str, body: str) -> set[str]:
    """Return what is faint on a page, without the colours."""
    tab.open("data:text/html," + quote(f"<!doctype html><style>body {{ background: #fff }} {style}</style>{body}"))
    return {line.partition(" rgb(")[0].partition(" on rgb(")[0] for line in faint_parts(tab)}


@pytest.mark.parametrize(
    ("style", "body", "faint"),
    [
        ("p { color: #888 }", "<p>Grey</p>", 'p "Grey"'),
        ("p { color: #000; opacity: .4 }", "<p>Thin</p>", 'p "Thin"'),
        ("p { color: rgb(0 0 0 / .4) }", "<p>Thin</p>", 'p "Thin"'),
        ("p { color: oklch(.75 .1 80) }", "<p>Gold</p>", 'p "Gold"'),
        ("div { background: rgb(0 0 0 / .6) } p { color: #222 }", "<div><p>Veiled</p></div>", 'p "Veiled"'),
        ("p { background: linear-gradient(#fff, #555); color: #333 }", "<p>Half</p>", 'p "Half"'),
        (
            "i { position: fixed; inset: 0; background: #555; pointer-events: none } p { position: relative }",
            "<i></i><p>Over</p>",
            'p "Over"',
        ),
        ("text { fill: #bbb }", "<svg><text y=20>Drawn</text></svg>", 'text "Drawn"'),
        (
            "path { fill: #555 } p { position: absolute; top: 9px; color: #333 }",
            "<svg><path d='M0 0h300v90H0z'/></svg><p>On it</p>",
            'p "On it"',
        ),
        ("p::after { content: 'more'; color: #aaa }", "<p>Less</p>", 'p "Less" ::after'),
        ("::placeholder { color: #999; opacity: 1 }", "<input name=q placeholder=words>", 'input "q" placeholder'),
        ("::placeholder { color: #555; opacity: .6 }", "<input name=q placeholder=words>", 'input "q" placeholder'),
        ("input { border: 1px solid #bbb }", "<input name=pale>", 'input "pale" edge'),
        ("button { border: 0; background: #eee; color: #000 }", "<button>Flat</button>", 'button "Flat" edge'),
        (
            "button:disabled { color: #aaa; background: #fff; border: 1px solid #000 }",
            "<button disabled>No</button>",
            'button "No"',
        ),
        ("a { color: #000 } a:hover { color: #ccc }", "<a href=x>Link</a>", 'hover: a "Link"'),
        ("a { color: #000 } a:active { color: #ccc }", "<a href=x>Link</a>", 'hover: a "Link"'),
        ("tr:hover { background: #555 }", "<table><tr><td>Cell</table>", 'hover: td "Cell"'),
        ("input { outline: none }", "<input name=lost>", 'focus-visible: input "lost" has no mark of focus'),
        ("a { color: #000; outline: 2px solid #ccc }", "<a href=x>Ring</a>", 'focus-visible: a "Ring" focus'),
        ("p { color: #aaa }", "<details><summary>More</summary><p>Inside</p></details>", 'p "Inside"'),
        ("p { color: #aaa; margin-top: 3000px }", "<p>Far below</p>", 'p "Far below"'),
    ],
)
def test_what_is_faint_is_found(reader: Tab, style: str, body: str, faint: str) -> None:
    """Each kind of faint text, control and focus is found, and with it nothing that can be read."""
    assert faint in shown(reader, style, body)


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("p { color: #666 }", "<p>Grey enough</p>"),
        ("p { color: #aaa; display: none }", "<p>Not shown</p>Shown"),
        ("p { background: #222; color: #ddd }", "<p>Light on dark</p>"),
        ("input { border: 1px solid #666 } :focus-visible { outline: 2px solid #000 }", "<input name=q>"),
        ("button { border: 0; background: #025; color: #fff }", "<button>Full</button>"),
        (
            "a { color: #000; outline: none } tr:has(a:focus-visible) { outline: 2px solid #000 }",
            "<table><tr><td><a href=x>Row</a></table>",
        ),
        ("input { outline: none } :focus-visible + b { outline: 2px solid #000 }", "<input name=q><b>Beside</b>"),
    ],
)
def test_what_can_be_read_is_not_found(reader: Tab, style: str, body: str) -> None:
    """What stands out is not reported."""
    assert shown(reader, style, body) == set()


def test_a_pale_colour_of_the_palette_is_found(reader: Tab) -> None:
    """A built-in page whose quiet text becomes too pale is reported, by its text."""
    page = error_page(404).replace("--quiet:#5f584d", "--quiet:#a09a8e")
    assert "There is nothing at this addre" in str(faint_parts(reader, f"data:text/html,{quote(page)}"))
