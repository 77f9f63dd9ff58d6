"""The pages of replay, in a browser, in front of a real development server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.browser import Tab
from tests.contrast import faint_parts
from tests.journeys.conftest import Site, wait_until
from tests.speed import PATIENCE

MAIN = """
SAVED = []
def home():
    return "<!doctype html><title>Posts</title>\\n<h1>Posts</h1>\\n<p>One</p>"
def save(name: str):
    SAVED.append(name)
    return f"<p>saved {len(SAVED)}"
URLS = {"/": home, "POST /save": save}
"""
TOOLS = "/__fanlight__"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "main.py").write_text(MAIN)
    site = Site([sys.executable, "-m", "fanlight", "dev", "--port", "0"], tmp_path / "site")
    yield site
    site.send_signal(signal.SIGINT)
    site.wait_for_exit()


def kept(site: Site, exchange_id: str) -> str:
    """Return the URL of an exchange, once it is kept."""
    url = f"{site.url}{TOOLS}/exchanges/{exchange_id}"
    wait_until(lambda: httpx.get(url).status_code == 200)
    return url


def run_tests(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_recorded.py"],
        cwd=folder,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode


def test_a_change_is_seen_beside_what_was_before(site: Site, tab: Tab, tmp_path: Path) -> None:
    """After a change of the view, a replay shows both responses, and marks what differs."""
    httpx.get(site.url)
    (tmp_path / "site" / "main.py").write_text(MAIN.replace("<p>One", "<p>Uno"))
    url = kept(site, "001-00001")
    wait_until(lambda: "Uno" in httpx.get(site.url).text)
    tab.open(url)
    tab.click(".replay form button")
    tab.wait_for("document.querySelector('.verdict')")
    assert "Different" in tab.text
    rows = "[...document.querySelectorAll('.diff .changed td')].map(each => each.innerText)"
    assert tab.evaluate(rows) == ["<p>One</p>", "<p>Uno</p>"]
    assert tab.errors() == []


def test_a_request_that_writes_is_confirmed_first(site: Site, tab: Tab) -> None:
    """A POST is sent again only after a second click."""
    httpx.post(f"{site.url}/save", data={"name": "Ada"})
    tab.open(kept(site, "001-00001"))
    tab.click(".replay form button")
    tab.wait_for("document.querySelector('[role=alert]')")
    assert "Nothing has been sent yet" in tab.text
    assert httpx.post(f"{site.url}/save", data={"name": "Bob"}).text == "<p>saved 2"
    tab.click("form.editor .buttons button")
    tab.wait_for("document.querySelector('.verdict')")
    assert "saved 3" in tab.text


def test_an_edited_request_is_sent(site: Site, tab: Tab) -> None:
    """The request can be edited before it is sent."""
    httpx.get(site.url)
    kept(site, "001-00001")
    tab.open(f"{site.url}{TOOLS}/replay/001-00001")
    tab.evaluate("document.querySelector('#head').value = 'GET /nowhere HTTP/1.1\\nHost: localhost'")
    tab.click("form.editor .buttons button")
    tab.wait_for("document.querySelector('.verdict')")
    assert "404" in tab.text
    assert "was edited" in tab.text


def test_a_saved_test_is_green_and_red_after_the_view_is_broken(site: Site, tab: Tab, tmp_path: Path) -> None:
    """A saved test passes with the site as it is, and fails when its view is broken."""
    folder = tmp_path / "site"
    httpx.get(site.url)
    tab.open(kept(site, "001-00001"))
    tab.click(".replay form[action$='/test'] button")
    tab.wait_for("document.querySelector('figure.source')")
    assert "def test_get_front_page():" in tab.text
    assert run_tests(folder) == 0
    (folder / "main.py").write_text(MAIN.replace("<p>One", "<p>Uno"))
    assert run_tests(folder) == 1


@pytest.mark.parametrize(("fields", "has_secret"), [({}, False), ({"password": "hunter2"}, True)])
def test_a_saved_test_with_a_secret_is_marked(site: Site, fields: dict[str, str], has_secret: bool) -> None:
    """A password of a form is needed for the test, so it is in the file, and the page says so."""
    httpx.post(f"{site.url}/save", data={"name": "Ada", **fields})
    kept(site, "001-00001")
    url = f"{site.url}{TOOLS}/replay/001-00001/test"
    page = httpx.post(url, data={"is_confirmed": "true"}, timeout=PATIENCE).text
    assert "Saved as a test" in page
    assert ("before you share the file" in page) == has_secret


def test_a_page_of_another_site_can_not_replay(site: Site) -> None:
    """A form of another origin is refused before anything is sent again."""
    httpx.post(f"{site.url}/save", data={"name": "Ada"})
    kept(site, "001-00001")
    url = f"{site.url}{TOOLS}/replay/001-00001"
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}):
        assert httpx.post(url, data={"is_confirmed": "true"}, headers=headers).status_code == 403
    assert httpx.post(f"{site.url}/save", data={"name": "Bob"}).text == "<p>saved 2"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_can_be_read(site: Site, new_tab: Callable[..., Tab], *, dark: bool) -> None:
    """Each text and control of the editor and of the comparison has a contrast of at least 4.5:1."""
    httpx.post(f"{site.url}/save", data={"name": "<b>"})
    tab = new_tab(dark=dark)
    tab.open(kept(site, "001-00001"))
    tab.click(".replay form button")
    tab.wait_for("document.querySelector('.editor')")
    assert faint_parts(tab) == []
    tab.click("form.editor .buttons button")
    tab.wait_for("document.querySelector('.verdict')")
    assert faint_parts(tab) == []
