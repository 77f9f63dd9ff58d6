"""Attacks on guests of the guestbook, in a real browser: scripts in every field, and pages of other sites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.browser import Tab
from tests.guestbook.conftest import PASSWORD, PICTURE, Guestbook, address_of

from fanlight import App, Response, Security
from fanlight.testing import LiveServer

PAYLOADS = [
    "<script>hacked=1</script>",
    '"><img src=x onerror=hacked=1>',
    "</textarea><svg onload=hacked=1>",
    "'-(hacked=1)-'",
    "{{ 7*191 }}{% raw %}",
    "javascript:hacked=1",
]


def is_unhurt(tab: Tab) -> bool:
    """Return whether no script of a guest has run, and none was even tried: that would be an error in the console."""
    tried = [each for each in tab.errors() if "Content Security Policy" in each]
    return bool(tab.evaluate("typeof hacked === 'undefined'")) and tried == []


def sign_in(tab: Tab, url: str, name: str) -> None:
    tab.open(f"{url}/sign-in?next=/account")
    tab.type("#email", address_of(name))
    tab.type("#password", PASSWORD)
    tab.click(".sheet button")
    assert tab.path == "/account"


def test_no_script_of_a_guest_runs(guestbook: Guestbook, tab: Tab) -> None:
    """Stored in a name, a text or a file's name, and shown on every page that has them, also by a live update."""
    tab.open(guestbook.url)
    for number, payload in enumerate(PAYLOADS):
        guest = guestbook.guest()
        form = {"name": payload, "email": f"script{number}@example.org", "password": PASSWORD}
        assert guest.post("/register", data=form).status_code == 303
        guest.sign(f"{payload} no. {number}", (f"{payload}.png", PICTURE, "text/html"))
    tab.wait_for(f"document.querySelector('#entries').innerText.includes('no. {len(PAYLOADS) - 1}')")
    assert "7*191" in tab.text
    assert is_unhurt(tab)
    guestbook.guest("Reader of scripts")
    guestbook.appoint("Reader of scripts")
    sign_in(tab, guestbook.url, "Reader of scripts")
    for path in ("/", "/admin", "/sign", "/?q=hacked"):
        tab.open(f"{guestbook.url}{path}")
        assert is_unhurt(tab)
    assert "1337" not in tab.text


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_script_comes_back(guestbook: Guestbook, tab: Tab, payload: str) -> None:
    """Typed into a search, a form that is shown again, or an address: it is shown as text, if at all."""
    tab.open(guestbook.url)
    tab.type("#q", payload)
    tab.press_enter()
    assert tab.evaluate("document.querySelector('#q').value") == payload
    assert is_unhurt(tab)
    tab.open(f"{guestbook.url}/register?next={payload.replace('%', '')}")
    tab.evaluate("document.querySelectorAll('input').forEach(each => { each.type = 'text' })")
    for field in ("name", "email", "password"):
        tab.type(f"#{field}", payload[:9] if field == "password" else payload)
    tab.click(".sheet button")
    assert tab.evaluate("document.querySelector('#name').value") == payload
    assert is_unhurt(tab)
    tab.open(f"{guestbook.url}/nowhere/{payload.replace('%', '')}")
    assert is_unhurt(tab)


@contextmanager
def evil_site(body: str) -> Iterator[LiveServer]:
    """Serve a page of someone else, on another port."""
    page = f"<!doctype html><link rel=icon href='data:,'><title>Evil</title>{body}"
    with LiveServer(App({"/": lambda: Response(page)}, security=Security(opener_policy=None), file=__file__)) as server:
        yield server


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])  # of the same site, where cookies are sent; of another one
def test_a_page_of_another_origin_does_nothing(guestbook: Guestbook, tab: Tab, host: str) -> None:
    """Its form, its fetch and its image sign no book, and sign no one out."""
    name = f"Victim of {host}"
    guestbook.guest(name)
    sign_in(tab, guestbook.url, name)
    form = f"<form method=post action={guestbook.url}/sign><input name=text value=Spam><button>Win</button></form>"
    image = f"<img src={guestbook.url}/sign-out>"
    with evil_site(form + image) as evil:
        tab.open(f"http://{host}:{evil.port}/")
        for path in ("/sign", "/sign-out", "/api/entries"):
            options = (
                "{method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams('text=Spam')}"
            )
            assert tab.evaluate(f"fetch({json.dumps(guestbook.url + path)}, {options}).then(() => 1, () => 1)")
        tab.click("button")
        assert tab.status == 403
        assert "This door stays shut" in tab.text
        # In a frame there is nothing to click on.
        tab.open(f"http://{host}:{evil.port}/")
        tab.errors()
        tab.evaluate(
            "new Promise(done => { const frame = document.createElement('iframe'); frame.onload = () => done(1);"
            f" frame.src = {json.dumps(guestbook.url)}; document.body.append(frame) }})"
        )
        tab.wait_for("performance.now() > 300")
        assert any("frame" in each.lower() for each in tab.errors())
    tab.open(f"{guestbook.url}/account")
    assert tab.path == "/account"
    assert guestbook.guest().entries("spam") == []


def test_a_picture_is_never_a_page(guestbook: Guestbook, tab: Tab) -> None:
    """A picture with HTML behind its last pixel, opened by itself, is a picture."""
    guest = guestbook.guest("Painter")
    guest.sign("Painted", ("me.html", PICTURE + b"<script>hacked=1</script>", "text/html"))
    (entry,) = guest.entries("painted")
    tab.open(f"{guestbook.url}/account")
    assert tab.open_without_scripts(f"{guestbook.url}{entry['picture']}") == ""
    assert tab.evaluate("document.contentType") == "image/png"
    assert tab.evaluate("typeof hacked") == "undefined"
