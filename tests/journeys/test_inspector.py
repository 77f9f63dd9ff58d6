"""The inspector of `fanlight dev`, in a browser: what clients send stands in it, from the bytes to the response."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.browser import Tab
from tests.journeys.conftest import Serve, Site

MAIN = '''\
from fanlight import middleware


def timing():
    response = yield
    response.headers["x-timing"] = "1"


def post(slug, page: int = 1):
    """Show a post."""
    return f"<h1>{slug}, page {page}</h1>"


def login(name, password):
    return f"Hello {name}"


URLS = {"/posts/{slug}": middleware(timing)(post), "POST /login": login}
'''
DEV = ("-m", "fanlight", "dev", "--port", "0")
LIVE = "document.getElementById('state').textContent === 'live'"
ROWS = "document.querySelectorAll('#rows tr').length"


@pytest.fixture
def site(serve: Serve, tmp_path: Path) -> Site:
    """Serve a site with `fanlight dev`."""
    (tmp_path / "main.py").write_text(MAIN)
    return serve(tmp_path, command=DEV)


@pytest.fixture
def listed(site: Site, new_tab: Callable[..., Tab]) -> Tab:
    """Return a tab with the list, which is live."""
    tab = new_tab(width=1280, height=900)
    tab.open(f"{site.url}/__fanlight__")
    tab.wait_for(LIVE)
    return tab


def test_a_request_is_seen_as_it_arrives_and_opened(site: Site, listed: Tab, run: Callable[..., str]) -> None:
    """A request of curl appears in the list; its page has its bytes, its route, its view's source, and the response."""
    assert "snow, page 2" in run("curl", "-s", "-H", "X-Why: because", f"{site.url}/posts/snow?page=2")
    listed.wait_for(f"{ROWS} === 1 && document.querySelector('#rows .status').innerText === '200'")
    assert "/posts/snow?page=2" in listed.evaluate("document.querySelector('#rows tr').innerText")
    assert "GET /posts/{slug}" in listed.evaluate("document.querySelector('#rows tr').innerText")
    listed.click("#rows .target a")
    text = listed.text
    for words in ("X-Why", "because", "/posts/{slug}", "Bytes received", "Bytes sent", "HTTP/1.1 200 OK", "x-timing"):
        assert words in text
    assert (
        listed.evaluate("document.querySelector('.as-text [data-part=in-target]').textContent") == "/posts/snow?page=2"
    )
    assert listed.errors() == []


def test_a_broken_request_has_its_byte_and_its_reason(site: Site, listed: Tab, run: Callable[..., str]) -> None:
    """What nc sends with a space before a colon is in the list as refused, and its page marks the space."""
    typed = b"GET /posts/snow HTTP/1.1\r\nHost : localhost\r\n\r\n"
    assert "400 Bad Request" in run("nc", "-N", "localhost", site.port, stdin=typed)
    listed.wait_for(f"{ROWS} === 1 && document.querySelector('#rows .status').innerText === '400 refused'")
    listed.click("#rows .target a")
    assert "Refused: 400" in listed.text
    assert "a space before the colon?" in listed.text
    assert "byte 30, ' '" in listed.text
    assert listed.evaluate("[...document.querySelectorAll('.as-text .k-fault')].map(each => each.textContent)") == [" "]
    assert "no view ran" in listed.text
    assert listed.errors() == []


def test_a_client_that_goes_away_is_in_the_list(site: Site, listed: Tab, run: Callable[..., str]) -> None:
    """A request whose content never comes is cut off, and its page has what came."""
    typed = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nname=anna"
    run("nc", "-N", "localhost", site.port, stdin=typed)
    listed.wait_for(f"{ROWS} === 1 && document.querySelector('#rows .status').innerText.includes('cut off')")
    listed.click("#rows .target a")
    assert "name=anna" in listed.text


def test_a_password_is_seen_only_on_request(site: Site, listed: Tab, run: Callable[..., str]) -> None:
    """The password of a form is masked on its page until its button is pressed, and again afterwards."""
    run("curl", "-s", "-d", "name=anna", "-d", "password=correct-horse", f"{site.url}/login")
    listed.wait_for(f"{ROWS} === 1 && document.querySelector('#rows .status').innerText === '200'")
    listed.click("#rows .target a")
    assert "correct-horse" not in listed.evaluate("document.documentElement.outerHTML")
    listed.click(".actions form button")
    assert "password=correct-horse" in listed.text
    assert "Secrets are shown on this page" in listed.text
    listed.click(".actions .warned")
    assert "correct-horse" not in listed.evaluate("document.documentElement.outerHTML")


def test_the_command_of_a_page_sends_the_request_again(site: Site, listed: Tab, run: Callable[..., str]) -> None:
    """The curl command that a page shows gets the same response."""
    run("curl", "-s", "-d", "name=a&b ' $x", "-d", "password=x", f"{site.url}/login")
    listed.wait_for(f"{ROWS} === 1 && document.querySelector('#rows .status').innerText === '200'")
    listed.click("#rows .target a")
    listed.click(".actions form button")
    command = listed.evaluate("document.getElementById('curl').textContent")
    assert run("sh", "-c", command).endswith("Hello a")


def test_markup_in_every_place_of_a_message_is_text(site: Site, listed: Tab, run: Callable[..., str]) -> None:
    """Script elements in the target, fields, an extension of a chunk, the content and a broken head never run."""
    script = b"<script>window.ran=1</script>"
    image = b"<img/src=x/onerror=window.ran=1>"
    head = b"POST /login?%b HTTP/1.1\r\nHost: localhost\r\nX-Why: %b\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b'%x;x="%b"\r\n%b\r\n0\r\n\r\n' % (len(script), script, script)
    run("nc", "-N", "localhost", site.port, stdin=head % (image, script) + chunk)
    run("nc", "-N", "localhost", site.port, stdin=script + b" /" + image + b" HTTP/1.1\r\n" + script + b": x\r\n\r\n")
    run("nc", "-N", "localhost", site.port, stdin=b"\x00\xff\xfe\xe2\x80\xae" + script + b"\r\n\r\n")
    listed.wait_for(f"{ROWS} === 3 && !document.querySelector('.row.open')")
    for number in range(3):
        listed.open(f"{site.url}/__fanlight__")
        listed.evaluate(f"document.querySelectorAll('#rows .target a')[{number}].id = 'it'")
        listed.click("#it")
        assert "<script>window.ran=1</script>" in listed.text
        assert listed.evaluate("window.ran") is None
        assert listed.evaluate("document.scripts.length") == 1
        assert listed.errors() == []
