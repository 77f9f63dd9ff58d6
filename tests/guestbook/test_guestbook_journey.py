"""What guests do in the guestbook, in a real browser: on a phone and at a desk, by day and by night."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser import Tab
from tests.contrast import NewTab, faint_parts
from tests.guestbook.conftest import PASSWORD, PICTURE, Guestbook, address_of

FIRST = "document.querySelector('#entries li')"
DEVICES = {"desk": (1280, 800), "phone": (390, 844)}


def enter(tab: Tab, name: str) -> None:
    """Fill in the sign-in page, and send it."""
    tab.type("#email", address_of(name))
    tab.type("#password", PASSWORD)
    tab.click(".sheet button")


def fits(tab: Tab) -> bool:
    """Return whether nothing is wider than the page."""
    return bool(tab.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def register_and_sign(tab: Tab, url: str, name: str, picture: Path) -> None:
    """Come to the page for guests by way of the others, and sign the book with a picture."""
    tab.open(f"{url}/sign")
    assert tab.path == "/sign-in?next=/sign"
    tab.click(".sheet p a")
    assert tab.path == "/register?next=/sign"
    tab.type("#name", name)
    tab.type("#email", address_of(name))
    tab.type("#password", "short")
    tab.click(".sheet button")
    assert "must have at least 10 characters" in tab.text
    assert tab.evaluate("document.querySelector('#name').value") == name
    assert [each for each in tab.errors() if "422" not in each] == []
    tab.type("#password", PASSWORD)
    tab.click(".sheet button")
    assert tab.path == "/sign"
    assert f"Welcome, {name}." in tab.text
    tab.open(f"{url}/sign")
    assert f"Welcome, {name}." not in tab.text  # a message is shown once
    tab.type("#text", "The light in the hall.\nAnd the stair that creaks.")
    tab.choose_file("#picture", picture)
    tab.click(".sheet button")
    assert tab.path == "/"
    assert "Thank you. Your entry is in the book." in tab.text
    assert name in tab.evaluate(f"{FIRST}.innerText")
    tab.evaluate(f"{FIRST}.querySelector('img').scrollIntoView()")
    tab.wait_for(f"{FIRST}.querySelector('img').naturalWidth === 320")


def turn_pages_and_search(tab: Tab, name: str, other: str) -> None:
    """Find old entries, and remove the one of its own."""
    tab.click("a[rel=next]")
    assert tab.path == "/?page=2"
    assert "The light in the hall." in tab.text
    tab.type("#q", f"LEAF 3 of {other}")
    tab.press_enter()
    assert "1 entry with" in tab.text
    assert f"Leaf 3 of {other}" in tab.text
    assert fits(tab)
    assert tab.evaluate("document.querySelector('#entries details')") is None  # of another guest
    tab.type("#q", name)
    tab.press_enter()
    tab.click("#entries details button")
    assert "The entry is removed." in tab.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", sorted(DEVICES))
def test_a_day_in_the_book(guestbook: Guestbook, new_tab: NewTab, tmp_path: Path, device: str, scheme: str) -> None:
    """Register, sign with a picture, search, turn pages, follow others, remove, sign out here and everywhere."""
    (width, height), dark = DEVICES[device], scheme == "dark"
    name, other = f"Ada {device} {scheme}", f"Bob {device} {scheme}"
    (tmp_path / "me.png").write_bytes(PICTURE)
    tab = new_tab(dark=dark, width=width, height=height)
    register_and_sign(tab, guestbook.url, name, tmp_path / "me.png")
    assert fits(tab)

    # Another guest writes, and the open page has it by itself.
    guest = guestbook.guest(other)
    guest.sign("I am following you.")
    tab.wait_for("document.querySelector('#entries').innerText.includes('I am following you.')")
    assert other in tab.evaluate("document.querySelector('#news').textContent")
    for number in range(8):
        guest.sign(f"Leaf {number} of {other}")
    tab.open(f"{guestbook.url}/")
    turn_pages_and_search(tab, name, other)

    tab.click("header nav button")
    assert "You are signed out." in tab.text
    tab.click("header nav a[href='/sign-in']")
    enter(tab, name)
    assert tab.path == "/"  # and not the sign-in page once more
    phone = new_tab(dark=dark, width=390, height=844)
    phone.open(f"{guestbook.url}/sign-in?next=/account")
    enter(phone, name)
    assert address_of(name) in phone.text
    assert fits(phone)
    phone.click(".sheet button")
    assert "You are signed out on all devices." in phone.text
    tab.open(f"{guestbook.url}/account")
    assert tab.path == "/sign-in?next=/account"
    assert tab.errors() + phone.errors() == []


def test_the_keeper_of_the_book(guestbook: Guestbook, new_tab: NewTab) -> None:
    """The keeper's page is for the keeper, who removes entries and signs guests out."""
    tab, rude = new_tab(width=1280, height=800), guestbook.guest("Rude")
    rude.sign("Something rude")
    guestbook.guest("Grace")
    guestbook.appoint("Grace")
    tab.open(f"{guestbook.url}/sign-in?next=/admin")
    enter(tab, "Grace")
    assert tab.path == "/admin"
    assert address_of("Rude") in tab.text
    tab.evaluate("[...document.querySelectorAll('tr')].find(each => each.innerText.includes('rude@')).id = 'it'")
    tab.click("#it button")
    assert "The guest is signed out on all devices." in tab.text
    assert rude.get("/account").status_code == 303
    tab.open(f"{guestbook.url}/?q=something+rude")
    tab.click("#entries details button")
    assert "The entry is removed." in tab.text
    assert "0 entries" in tab.text
    rude.register("Rude again")
    assert rude.get("/admin").status_code == 403


def test_the_book_without_scripts(guestbook: Guestbook) -> None:
    """Everything can be done without a script: by links and forms."""
    guest = guestbook.guest("Plain")
    guest.sign("Plain HTML", ("me.png", PICTURE, "image/png"))
    (entry,) = guest.entries("plain html")
    page = guest.get("/", params={"q": "plain html"}).text
    assert f'<form method="post" action="/entries/{entry["id"]}/remove">' in page
    assert f'<a class="picture" href="{entry["picture"]}">' in page
    assert '<form class="search" role="search">' in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read(guestbook: Guestbook, new_tab: NewTab, scheme: str) -> None:
    """Text, controls and the mark of the focus have a contrast of 4.5:1 on every page, with and without errors."""
    name = f"Reader {scheme}"
    guest = guestbook.guest(name)
    guest.sign("To be read", ("me.png", PICTURE, "image/png"))
    guestbook.appoint(name)
    tab = new_tab(dark=scheme == "dark", width=390, height=844)
    found = []
    for path in ("/", "/?q=nothing+of+the+kind", "/register", "/nowhere", "/sign-in?next=/sign"):
        found += [f"{path} {each}" for each in faint_parts(tab, f"{guestbook.url}{path}")]
    tab.type("#email", "nobody@example.org")
    tab.type("#password", "wrong")
    tab.click(".sheet button")
    assert "is not that of this address" in tab.text
    found += faint_parts(tab)
    enter(tab, name)
    for path in ("/sign", "/account", "/admin", f"/?q={name}"):
        found += [f"{path} {each}" for each in faint_parts(tab, f"{guestbook.url}{path}")]
    assert found == []
