"""The site that `fanlight new` makes: small, read by beginners, and dependent on nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.browser import Tab

import fanlight
from fanlight.cli.new import create_site
from fanlight.testing import Client, LiveServer


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return the folder of a new site."""
    create_site(tmp_path / "mysite")
    return tmp_path / "mysite"


def texts(site: Path) -> dict[str, str]:
    return {file.relative_to(site).as_posix(): file.read_text() for file in site.rglob("*") if file.is_file()}


def test_no_page_needs_a_script_or_another_site(site: Path) -> None:
    """There is no script and no address of another site; the one of SVG's namespace is a name."""
    for name, text in texts(site).items():
        assert "<script" not in text, name
        found = {
            each for each in re.findall(r"https?://[\w.:/]+", text) if not each.startswith("http://localhost:8000")
        }
        assert found <= {"http://www.w3.org/2000/svg"}


def test_the_code_is_small(site: Path) -> None:
    """A beginner reads main.py at one glance, and no file takes more than two minutes."""
    lines = {name: text.count("\n") for name, text in texts(site).items()}
    assert lines.pop("main.py") <= 50
    assert max(lines.values()) <= 100


def test_the_name_is_everywhere(site: Path) -> None:
    """The site's name stands wherever the template has its place."""
    found = texts(site)
    assert [name for name, text in found.items() if "@NAME@" in text] == []
    assert all("mysite" in found[name] for name in ("main.py", "README.md", "test_site.py", "templates/base.html"))


def test_the_front_page_names_files_that_are_there(site: Path) -> None:
    """Each file that the front page says to change exists."""
    named = re.findall(r"<h2>([\w/]+\.\w+)</h2>", (site / "templates" / "home.html").read_text())
    assert len(named) == 3
    assert [name for name in named if not (site / name).is_file()] == []


def test_the_front_page_lists_the_addresses_that_exist(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table on the front page is the site's own `URLS`, so that a line that is added there appears."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(site)
    scope: dict[str, object] = {"__name__": "main", "__file__": str(site / "main.py")}
    exec((site / "main.py").read_text(), scope)
    app, urls = scope["app"], scope["URLS"]
    assert isinstance(app, fanlight.App)
    assert isinstance(urls, dict)
    urls["/added"] = "Added"
    with Client(app) as client:
        page = client.get("/").text
    assert re.findall(r"<th><code>(/[^<]*|[A-Z|]+ /[^<]*)</code>", page) == list(urls)


def test_nothing_in_it_is_against_its_own_policy(site: Path, monkeypatch: pytest.MonkeyPatch, tab: Tab) -> None:
    """The pages, the form and the error page look and work as they should under the strict policy of the site."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(site)
    scope: dict[str, object] = {"__name__": "main", "__file__": str(site / "main.py")}
    exec((site / "main.py").read_text(), scope)
    app = scope["app"]
    assert isinstance(app, fanlight.App)
    with LiveServer(app) as server:
        for path in ("/", "/hello/Ada", "/about", "/door"):
            tab.open(server.url + path)
            assert tab.evaluate("getComputedStyle(document.body).fontFamily") != "Times"
            assert tab.errors() == [], path
        tab.type("#name", "Ada")
        tab.type("#people", "2")
        tab.press_enter()
        assert "Ada and 1 more" in tab.text
        tab.open(f"{server.url}/nowhere")
        assert [each for each in tab.errors() if "404" not in each] == []
    with Client(app) as client:
        assert "script-src 'none'" in client.get("/").headers["content-security-policy"]
