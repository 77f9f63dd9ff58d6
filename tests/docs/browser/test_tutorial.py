"""Every page that the tutorial has its reader build is opened in a browser, and shows what a person should see.

The files and commands are those of the tutorial; only the port differs.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
TUTORIAL = REPOSITORY / "docs" / "tutorial"
STEPS = REPOSITORY / "examples" / "steps"
PLAIN, FANLIGHT = "python server.py", "fanlight run"

Build = Callable[..., str]
Blocks = Callable[[str], list[Any]]


@pytest.fixture
def build(blocks_of: Blocks, serve: Callable[[str, Path], str], tmp_path: Path) -> Build:
    """Give a function that writes the files of a page's section, and serves them.

    `after` is a folder with the files of the step before; `version` selects the block if several are one file.
    """

    def build_site(
        page: str, section: str = "", *, after: Path | None = None, version: int = 0, command: str = FANLIGHT
    ) -> str:
        text = (TUTORIAL / page).read_text()
        if section:
            text = re.split(rf"^## {section}$", text, flags=re.MULTILINE)[1]
            text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
        if after is not None:
            shutil.copytree(after, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        printed: dict[str, list[str]] = {}
        for block in blocks_of(text):
            name, _, content = block.text.partition("\n")
            printed.setdefault(name.strip("# <!->"), []).append(content)
        for name, contents in printed.items():
            if re.fullmatch(r"[\w/-]+\.(py|html)", name):
                path = tmp_path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(contents[min(version, len(contents) - 1)])
        return serve(command, tmp_path)

    return build_site


# --- the lesson -----------------------------------------------------------------------------------


def test_the_socket_greets(build: Build, tab: Any) -> None:
    """Step 1: whatever is requested, the browser shows Hello World."""
    tab.open(build("1-socket.md", command=PLAIN))
    assert tab.text.strip() == "Hello World"


def test_the_request_is_taken_apart(build: Build, tab: Any) -> None:
    """Step 2: the page shows the method and the URL of the request."""
    tab.open(build("2-request.md", command=PLAIN) + "/blog")
    assert tab.text.strip() == "You asked with GET for /blog"


def test_the_table_has_two_pages(build: Build, tab: Any) -> None:
    """Step 3: both addresses have a heading; any other has the text "nothing here", with status 200."""
    url = build("3-urls.md", command=PLAIN)
    for path, heading in (("/", "home"), ("/blog", "Hello World"), ("/cats", "nothing here")):
        tab.open(url + path)
        assert tab.evaluate("document.querySelector('h1').textContent") == heading
        assert tab.status == 200


def click_through(tab: Any, url: str) -> None:
    """Go from the front page to the blog and back, by the links alone."""
    tab.open(url + "/")
    for link, path, heading in (("blog", "/blog", "Blog"), ("home", "/", "Home"), ("blog", "/blog", "Blog")):
        assert tab.evaluate("document.querySelector('a').textContent") == link
        tab.click("a")
        assert tab.path == path
        assert tab.evaluate("document.title") == heading
        assert tab.evaluate("document.querySelector('h1').textContent") == heading
    assert tab.errors() == []


def test_views_make_a_site_to_click_through(build: Build, tab: Any) -> None:
    """Step 4: two pages, each with a link to the other."""
    click_through(tab, build("4-views.md", command=PLAIN))


def see_errors(tab: Any, url: str) -> None:
    """See the page of an address that is not there, and of a method that is not allowed."""
    tab.open(url + "/cats")
    assert (tab.status, tab.evaluate("document.title")) == (404, "404")
    assert "404: not found" in tab.text
    tab.click("a")
    assert tab.evaluate("document.title") == "Home"
    tab.evaluate("document.body.innerHTML = '<form method=post action=/blog><button>Send</button></form>'")
    tab.click("button")
    assert (tab.status, tab.evaluate("document.title")) == (405, "405")
    assert "405: method not allowed" in tab.text


def test_errors_have_pages(build: Build, tab: Any) -> None:
    """Step 5: the same site, and pages for 404 and 405 with these statuses."""
    url = build("5-errors.md", command=PLAIN)
    click_through(tab, url)
    see_errors(tab, url)


# --- on Fanlight ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 1], ids=["pages by their place", "pages by a table"])
def test_the_same_app_has_the_same_pages(build: Build, tab: Any, version: int) -> None:
    """Step 6: step 5's views and templates, with another main.py, look the same in a browser."""
    url = build("6-fanlight.md", "The views stay as they are", after=STEPS / "5-errors", version=version)
    click_through(tab, url)
    see_errors(tab, url)


def test_a_path_parameter_is_passed_to_the_view(build: Build, tab: Any) -> None:
    """Step 7: each entry has an address."""
    tab.open(build("7-addresses.md", "Path parameters") + "/blog/windows")
    assert tab.text == "On windows, and what is behind them."
    assert [each for each in tab.errors() if "favicon.ico" not in each] == []  # a fragment names no icon


def test_a_missing_entry_is_a_404(build: Build, tab: Any) -> None:
    """Step 7: the 404 page has the view's words, a string is a heading, and a number leads to the archive."""
    url = build("7-addresses.md", "Raising `NotFound`")
    tab.open(url + "/blog/cats")
    assert tab.status == 404
    assert "There is no such entry." in tab.text
    for path, words in (("/blog", "Blog"), ("/blog/hello", "Hello, world."), ("/blog/2026", "All of 2026.")):
        tab.open(url + path)
        assert (tab.status, tab.text) == (200, words)


def test_an_invalid_query_is_explained_on_a_page(build: Build, tab: Any) -> None:
    """Step 7: a search shows its JSON, and a wrong one a page that lists both faults."""
    url = build("7-addresses.md", "The query")
    tab.open(url + "/search?q=cats")
    assert '{"q":"cats","page":1}' in tab.text
    tab.open(url + "/search?page=two")
    assert tab.status == 422
    assert re.search(r"q\s+is missing", tab.text)
    assert re.search(r"page\s+'two' is not an integer", tab.text)


def test_templates_share_a_layout(build: Build, tab: Any) -> None:
    """Step 8: the front page lists the entries, each link leads to one, and values are shown as they are."""
    tab.open(build("8-pages.md", "Templates"))
    tab.click("a[href='/blog/windows']")
    assert tab.evaluate("document.title") == "windows"
    assert tab.text.split("\n")[-1] == "On windows & what is behind them."
    tab.click("nav a")
    assert tab.path == "/"
    assert tab.errors() == []


def test_a_form_is_sent_and_shown(build: Build, tab: Any) -> None:
    """Step 8: a message with stars appears below the form, a reload sends nothing again, and markup stays text."""
    tab.open(build("8-pages.md", "Forms") + "/contact")
    tab.type("[name=name]", "Ada <b>")
    tab.type("[name=message]", "Nice windows")
    tab.type("[name=stars]", "4")
    tab.click("button")
    assert tab.path == "/contact"
    tab.open(tab.evaluate("location.href"))
    assert tab.text.count("Ada <b>: Nice windows ****") == 1
    assert tab.errors() == []


def test_the_stars_have_bounds(build: Build, tab: Any) -> None:
    """Step 8: the form accepts no sixth star, and neither does the view without the form."""
    tab.open(build("8-pages.md", "Forms") + "/contact")
    tab.type("[name=stars]", "6")
    assert tab.evaluate("document.querySelector('[name=stars]').validity.rangeOverflow")
    tab.evaluate("document.querySelector('form').noValidate = true")
    tab.click("button")
    assert tab.status == 422
    assert re.search(r"stars\s+.*5", tab.text)


def test_a_custom_error_page_is_shown(blocks_of: Blocks, build: Build, tab: Any, tmp_path: Path) -> None:
    """Step 8: the site's own page lists what is wrong in a form."""
    own = next(block for block in blocks_of((TUTORIAL / "8-pages.md").read_text()) if "error422.html" in block.text)
    (tmp_path / "templates" / "error").mkdir(parents=True)
    (tmp_path / "templates" / "error" / "error422.html").write_text(own.text)
    tab.open(build("8-pages.md", "Forms") + "/contact")
    tab.evaluate("document.forms[0].noValidate = true; document.querySelector('[name=name]').remove()")
    tab.click("button")
    assert (tab.status, tab.evaluate("document.title")) == (422, "Almost")
    assert "name: is missing" in tab.text


def test_a_waiting_view_delays_no_other(build: Build, new_tab: Callable[[], Any]) -> None:
    """Step 9: while one tab waits for a slow view, async or plain, another has its page."""
    url = build("9-waiting-and-testing.md", "Async views")
    waiting, other = new_tab(), new_tab()
    for path, word in (("/weather", "sunny"), ("/report", "done")):
        other.open(url)
        waiting.open(url)
        waiting.evaluate(f"fetch('{path}').then(it => it.text()).then(it => document.body.textContent = it); 0")
        other.open(url)
        assert other.text == "quick"
        waiting.wait_for(f"document.body.textContent === '{word}'")


def test_the_app_that_is_tested_is_served(build: Build, tab: Any) -> None:
    """Step 9: the site with an App of its own."""
    tab.open(build("9-waiting-and-testing.md", "Tests", command="python main.py"))
    assert tab.text == "Names so far: 0"


def test_a_visitor_is_remembered(build: Build, new_tab: Callable[[], Any]) -> None:
    """Step 10: whatever the visitor types is the name that the next page shows."""
    url = build("10-files-and-news.md", "Cookies")
    for name in ("Ada", "Ada Lovelace", "José", 'Ωμέγα; "50 %", <b>'):
        tab = new_tab()
        tab.open(url)
        tab.type("[name=name]", name)
        tab.press_enter()
        assert tab.text == f"Welcome back, {name}."
        tab.open(url)
        assert tab.text == f"Welcome back, {name}."
        assert tab.evaluate("document.cookie") == ""  # HttpOnly
        assert tab.errors() == []


def test_the_number_is_updated_by_events(build: Build, new_tab: Callable[[], Any]) -> None:
    """Step 10: a page that is open counts each visit that another window makes."""
    url = build("10-files-and-news.md", "Server-sent events")
    page, other = new_tab(), new_tab()
    page.open(url)
    assert page.text == "Visits so far: 0"
    for count in (1, 2):
        other.open(url + "/visit")
        assert other.text == "Thank you for your visit."
        page.wait_for(f"document.body.innerText === 'Visits so far: {count}'")
    assert page.errors() == []


def test_an_uploaded_picture_is_shown(build: Build, tab: Any, tmp_path: Path) -> None:
    """Step 10: a picture that is sent appears on the board, dressed by the style sheet; other files are refused."""
    page = (TUTORIAL / "10-files-and-news.md").read_text()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "board.css").write_text(re.findall(r"echo '(.*)' > static/board.css", page)[0])
    picture = tmp_path / "sea.png"
    picture.write_bytes(base64.b64decode(re.findall(r"echo (\S+) \| base64 -d > sea.png", page)[0]))
    tab.open(build("10-files-and-news.md", "Uploads"))
    tab.choose_file("[name=picture]", picture)
    tab.click("button")
    image = "document.querySelector('img[alt=\"sea.png\"]')"
    assert tab.evaluate(f"{image}.naturalWidth") == 1  # it is a picture
    assert tab.evaluate(f"getComputedStyle({image}).width") == "160px"  # and has its style
    assert tab.errors() == []
    tab.choose_file("[name=picture]", tmp_path / "main.py")
    tab.click("button")
    assert tab.status == 415
    assert "This board takes pictures" in tab.text


def test_every_step_is_opened() -> None:
    """No page of the tutorial is left out here."""
    here = Path(__file__).read_text()
    assert [page.name for page in TUTORIAL.glob("[0-9]*.md") if f'"{page.name}"' not in here] == []
