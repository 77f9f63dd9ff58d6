"""The debug page of a development server, as a browser, curl and a program see it; and that production has none."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.browser import Tab
from tests.contrast import faint_in_both_schemes
from tests.journeys.conftest import Serve, Site

MAIN = """
from fanlight import render

def average(prices):
    return sum(prices) / len(prices)

def home():
    return "<h1>Shop</h1>"

def total(name: str, request):
    basket, api_key = ["Orlando"], "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    try:
        return {}[name]
    except KeyError:
        return str(average([]))

def page():
    return render("page.html", title="Books")

async def group():
    errors = []
    for text in ("first", "second"):
        try:
            raise KeyError(text)
        except KeyError as error:
            errors.append(error)
    raise ExceptionGroup("both", errors)

URLS = {"/": home, "/total/{name}": total, "/page": page, "/group": group}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        "<!doctype html>\n<title>{{ title }}</title>\n<p>{{ titel }}</p>\n"
    )
    return tmp_path


@pytest.fixture
def developed(serve: Serve, folder: Path) -> Iterator[Site]:
    """Serve the site by `fanlight dev`."""
    site = serve(folder, command=("-m", "fanlight", "dev", "--port", "0"))
    yield site
    site.send_signal(signal.SIGINT)
    site.wait_for_exit()


def test_a_browser_shows_the_exception_and_copies_it(developed: Site, tab: Tab) -> None:
    """The page has the exception, the lines and the variables; a button copies the folded traceback."""
    tab.open(f"{developed.url}/total/Emma?token=abcdef")
    assert tab.status == 500
    for shown in (
        "ZeroDivisionError",
        "division by zero",
        "main.py:5",
        "main.py:15",
        "['Orlando']",
        "KeyError",
        "'Emma'",
    ):
        assert shown in tab.text, shown
    assert "abcdef" not in tab.text
    assert "4eC39" not in tab.text
    assert tab.evaluate("document.querySelectorAll('details.fold:not([open])').length") >= 1
    # A headless browser may refuse the clipboard: then the text is selected.
    tab.evaluate("document.getElementById('copy').click()")
    tab.wait_for("/^(Copied|Selected)/.test(document.getElementById('copy').textContent)")
    copied = tab.evaluate("document.getElementById('text').textContent")
    assert copied.startswith("ZeroDivisionError: division by zero\n  main.py:5 in average\n")
    assert f"GET {developed.url}/total/Emma?token=***" in copied
    assert [each for each in tab.errors() if "500" not in each] == []


def test_the_page_leads_to_the_inspector(developed: Site, tab: Tab) -> None:
    """The link opens the exchange of this request."""
    tab.open(f"{developed.url}/total/Emma")
    tab.click(".way a")
    assert re.fullmatch(r"/__fanlight__/exchanges/[\w-]+", tab.path)
    assert tab.status == 200
    assert "/total/Emma" in tab.text


def test_the_page_goes_away_when_the_code_is_mended(developed: Site, folder: Path, tab: Tab) -> None:
    """The browser shows the view's page as soon as the mistake is mended, without being touched."""
    tab.open(f"{developed.url}/total/Emma")
    assert "ZeroDivisionError" in tab.text
    (folder / "main.py").write_text(MAIN.replace("return str(average([]))", 'return "<h1>mended</h1>"'))
    tab.wait_for("document.body?.innerText.includes('mended')")
    assert tab.status == 200


def test_a_template_shows_its_own_line(developed: Site, tab: Tab) -> None:
    """The page of a failing template has the template's line, its names and the hint."""
    tab.open(f"{developed.url}/page")
    for shown in ("templates/page.html:3", "{{ titel }}", "Did you mean title?", "'Books'"):
        assert shown in tab.text, shown


@pytest.mark.parametrize("path", ["/total/Emma", "/page", "/group"])
def test_everything_can_be_read(developed: Site, tab: Tab, path: str) -> None:
    """Text, controls and focus stand out, in light and in dark; on a phone nothing is wider than the screen."""
    assert faint_in_both_schemes(tab, developed.url + path) == []
    tab.resize(width=390, height=844)
    tab.open(developed.url + path)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_curl_and_programs_get_text(developed: Site, run: Callable[..., str]) -> None:
    """On a terminal curl prints the folded traceback; a program gets it as a member of problem details."""
    text = run("curl", "-s", f"{developed.url}/total/Emma")
    assert text.startswith("ZeroDivisionError: division by zero\n  main.py:5 in average\n")
    members = json.loads(run("curl", "-s", "-H", "accept: application/json", f"{developed.url}/total/Emma"))
    assert members["traceback"][1] == "  main.py:5 in average"


def test_the_terminal_shows_the_last_line_first(developed: Site, run: Callable[..., str]) -> None:
    """The exception, then the site's frames, then the frames of Fanlight in one line."""
    run("curl", "-s", f"{developed.url}/total/Emma")
    printed = developed.read_until("failed: GET /total/Emma")
    lines = printed[printed.index("ZeroDivisionError") :].splitlines()
    assert lines[0] == "ZeroDivisionError: division by zero"
    assert lines[1].strip() == "main.py:5 in average"
    assert re.search(r"\n +\d frames? of fanlight\n", printed)


def test_production_shows_none_of_it(serve: Serve, folder: Path, run: Callable[..., str]) -> None:
    """`fanlight run` sends the page of a 500, or its problem details, with the id of the request alone."""
    site = serve(folder)
    for accept in ("text/html", "application/json", "*/*"):
        text = run("curl", "-s", "-H", f"accept: {accept}", f"{site.url}/total/Emma")
        assert "500" in text
        for secret in ("ZeroDivision", "main.py", "average", "Orlando", "__fanlight__"):
            assert secret not in text


MODULES = """
import sys

def broken():
    return 1 / 0

def modules():
    return [name for name in sys.modules if name.startswith(("fanlight.devtools", "rich", "watchfiles"))]

URLS = {"/broken": broken, "/modules": modules}
"""


@pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["alone", "a worker"])
def test_production_imports_none_of_it(
    serve: Serve, tmp_path: Path, run: Callable[..., str], words: tuple[str, ...]
) -> None:
    """No module of the development tools is loaded by `fanlight run`, also after an exception has been logged."""
    (tmp_path / "main.py").write_text(MODULES)
    site = serve(tmp_path, *words)
    run("curl", "-s", f"{site.url}/broken")
    site.read_until("ZeroDivisionError")
    assert run("curl", "-s", f"{site.url}/modules") == "[]"
