"""Attacks on the guestbook over the network: what is sent, and that it gets nothing."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

import httpx
import pytest
from tests.guestbook.conftest import PASSWORD, PICTURE, Guest, Guestbook, Serve, address_of
from tests.sockets import read_all
from tests.speed import PATIENCE

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><script>alert(1)</script>"
GIF_WITH_SCRIPT = b"GIF89a/*\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;*/=1;alert(1)"


def raw(book: Guestbook, data: bytes) -> bytes:
    """Send bytes on a connection of their own; return the response."""
    with socket.create_connection(("127.0.0.1", book.port), timeout=PATIENCE) as sock:
        sock.sendall(data)
        return read_all(sock, or_reset=True)


@pytest.fixture(scope="module")
def ada(guestbook: Guestbook) -> Guest:
    """Return a guest that is signed in, for tests that do not care who it is: hashing a password takes its time."""
    return guestbook.guest("Ada")


# --- whose session it is --------------------------------------------------------------------------------


def test_a_session_is_another_one_after_each_sign_in(guestbook: Guestbook) -> None:
    """A session that an attacker has put into a browser is not the one of the user that signs in with it."""
    attacker, victim = guestbook.guest("Fixer"), guestbook.guest()
    guestbook.guest("Fixed")
    form = {"email": address_of("Fixed"), "password": PASSWORD}
    planted = attacker.session
    response = victim.post("/sign-in", data=form, headers={"cookie": f"session={planted}"})
    assert response.status_code == 303
    assert response.cookies["session"] != planted
    assert "fixed@" in victim.get("/account").text
    assert "fixed@" not in attacker.get("/account").text


def test_a_copied_session_ends_with_the_sign_out(guestbook: Guestbook) -> None:
    """Who has copied a cookie has nothing after its owner has signed out."""
    owner, thief = guestbook.guest("Owner"), guestbook.guest()
    thief.headers["cookie"] = f"session={owner.session}"
    assert thief.get("/account").status_code == 200
    owner.post("/sign-out")
    assert thief.get("/account").status_code == 303


@pytest.mark.parametrize("change", ["cut", "flip", "other", "many"])
def test_a_forged_session_is_nobody(guestbook: Guestbook, ada: Guest, change: str) -> None:
    """A session that was changed, or invented, is that of a visitor who is not signed in; no page fails."""
    value = ada.session
    forged = {
        "cut": f"session={value[:-1]}",
        "flip": f"session={value[:10]}{'A' if value[10] != 'A' else 'B'}{value[11:]}",
        "other": "session=eyJ1c2VyX2lkIjoxfQ.aaaa.bbbb",
        "many": "; ".join(f"session={value}{number}" for number in range(60)),
    }[change]
    page = guestbook.guest().get("/account", headers={"cookie": forged})
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/account")


# --- what belongs to others -----------------------------------------------------------------------------


def test_nobody_removes_the_entry_of_another(guestbook: Guestbook) -> None:
    """Only its writer removes an entry, whatever id is in the address; others get 403, visitors the sign-in page."""
    owner, other, nobody = guestbook.guest("Writer"), guestbook.guest("Stranger"), guestbook.guest()
    owner.sign("Stays where it is")
    (entry,) = owner.entries("stays where it is")
    path = f"/entries/{entry['id']}/remove"
    assert other.post(path).status_code == 403
    assert nobody.post(path).headers["location"].startswith("/sign-in")
    assert other.post("/admin/1/sign-out").status_code == 403
    assert nobody.get("/admin").status_code == 303
    assert len(owner.entries("stays where it is")) == 1
    assert owner.get("/account").status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "99999999999999999999", "1.5", "1;drop table entries", "1%00"])
def test_an_id_that_is_none_is_a_404(ada: Guest, number: str) -> None:
    """An entry that does not exist is not found, and nothing fails in the database."""
    assert ada.post(f"/entries/{number}/remove").status_code in (400, 404)
    assert ada.get(f"/api/entries/{number}").status_code in (400, 404)


@pytest.mark.parametrize("words", ["'", '"', "%", "_", "!", "\\", "' or 1=1 --", "\0", "%00", "x' union select 1"])
def test_words_are_no_sql(guestbook: Guestbook, words: str) -> None:
    """What is searched for is text, never SQL or a pattern."""
    page = guestbook.guest().get("/", params={"q": words})
    assert page.status_code == 200
    assert "0 entries" in page.text or "\0" in words


# --- where a redirect leads -----------------------------------------------------------------------------

FOREIGN = [
    "//evil.example", "/\\evil.example", "https://evil.example", "https:evil.example",
    "/%09/evil.example", "\\\\evil.example",
    "/.//evil.example", "///evil.example", " //evil.example", "javascript:alert(1)", "http://localhost@evil.example",
    "/\t/evil.example", "data:text/html,x", "http://localhost.evil.example",
]  # fmt: skip


def test_no_redirect_leaves_the_site(guestbook: Guestbook) -> None:
    """`?next=` leads to a path of this site, or to the front page."""
    guest, found = guestbook.guest("Traveller"), []
    for target in FOREIGN:
        form = {"email": address_of("Traveller"), "password": PASSWORD}
        by_query = guestbook.guest().post("/sign-in", params={"next": target}, data=form)
        entry = guest.post("/api/entries", json={"text": "To be removed"}).json()
        by_form = guest.post(f"/entries/{entry['id']}/remove", data={"next": target})
        for response in (by_query, by_form):
            assert response.status_code == 303
            if not re.match(r"/(?![/\\])", response.headers["location"]):
                found.append((target, response.headers["location"]))
    assert found == []


# --- files ----------------------------------------------------------------------------------------------


FILES = {
    "SVG as PNG": ("me.png", SVG),
    "SVG": ("me.svg", SVG),
    "HTML as PNG": ("me.png", HTML),
    "three bytes of a JPEG": ("me.jpg", b"\xff\xd8\xff"),
    "nothing": ("me.gif", b""),
}


@pytest.mark.parametrize("what", sorted(FILES))
def test_only_pictures_are_taken(ada: Guest, what: str) -> None:
    """HTML, SVG, half a picture and nothing are refused beside the field, whatever their name and their type say."""
    name, content = FILES[what]
    page = ada.sign("A file", (name, content, "image/png"))
    assert page.status_code == 422
    assert 'id="picture-error"' in page.text
    assert ada.entries("A file") == []


FILE_NAMES = [
    "../../../../evil.png", "..\\..\\evil.png", "/etc/cron.d/evil", "evil.png\0.html",
    "evil.html", "evil.svg", ".htaccess", "x" * 5000 + ".png", "con.png", "evil.php",
    "http://evil.example/x.png", "\u202egnp.html", "evil.png/", ".", "..", "%2e%2e%2fevil.png",
]  # fmt: skip


def test_the_name_of_a_file_is_no_path(guestbook: Guestbook) -> None:
    """A picture gets a name of the site's own, in its folder; its extension is that of what it is."""
    guest = guestbook.guest("Namer")
    before = {each for each in guestbook.folder.rglob("*") if "state" not in each.parts}
    for number, name in enumerate(FILE_NAMES):
        guest.sign(f"File no. {number}", (name, GIF_WITH_SCRIPT, "text/html"))
    made = {each for each in guestbook.folder.rglob("*") if "state" not in each.parts} - before
    # The database and the e-mail to the keeper are the site's own, and may be written meanwhile.
    made = {each for each in made if not each.name.startswith("book.sqlite") and "mail" not in each.parts}
    made.discard(guestbook.folder / "uploads")
    assert made
    for each in made:
        assert each.parent == guestbook.folder / "uploads"
        assert re.fullmatch(r"[0-9a-f]{32}\.gif", each.name)
    picture = guest.get(f"/pictures/{min(made).name}")
    assert picture.headers["content-type"] == "image/gif"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in picture.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/../book.sqlite",
        "/..%2fbook.sqlite",
        "/%2e%2e/book.sqlite",
        "/..%5cbook.sqlite",
        "/....//book.sqlite",
        "/",
        "//etc/passwd",
        "/%00",
    ],
)
@pytest.mark.parametrize("folder", ["/pictures", "/static"])
def test_no_path_leaves_a_folder(guestbook: Guestbook, folder: str, path: str) -> None:
    """What is not in the folders of pictures and of static files is not served; nor is a list of what is."""
    response = raw(guestbook, f"GET {folder}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert response.split(b" ", 2)[1] in (b"400", b"404")
    assert b"SQLite format" not in response


# --- too much of everything -----------------------------------------------------------------------------


def registering(**changed: str) -> Callable[[Guest], httpx.Response]:
    form = {"name": "A", "email": "a@example.org", "password": PASSWORD, **changed}
    return lambda guest: guest.post("/register", data=form)


def signing(**data: object) -> Callable[[Guest], httpx.Response]:
    return lambda guest: guest.post("/sign", **data)  # type: ignore[arg-type]  # what httpx takes


def calling(content: bytes) -> Callable[[Guest], httpx.Response]:
    return lambda guest: guest.post("/api/entries", content=content, headers={"content-type": "application/json"})


def reading(**options: object) -> Callable[[Guest], httpx.Response]:
    return lambda guest: guest.get("/", **options)  # type: ignore[arg-type]  # what httpx takes


LARGE_FILE = ("a.png", PICTURE + bytes(12 * 1024**2), "image/png")
COOKIES = "; ".join(f"c{number}=x" for number in range(1000))
TOO_MUCH: dict[str, tuple[Callable[[Guest], httpx.Response], set[int]]] = {
    "a long name": (registering(name="x" * 100_000), {422}),
    "a long e-mail address": (registering(email="x" * 100_000 + "@example.org"), {422}),
    "a long password": (registering(password="x" * 1_000_000), {413, 422}),
    "a long text": (signing(data={"text": "x" * 900_000}), {422}),
    "a huge text": (signing(data={"text": "x" * 15_000_000}), {413}),
    "10,000 fields": (signing(data={f"f{number}": "xxx" for number in range(10_000)}), {413}),
    "10,000 values": (signing(data={"text": ["xxx"] * 10_000}), {413}),
    "20 files": (signing(data={"text": "xxx"}, files=[("picture", ("a.png", PICTURE))] * 20), {413, 422}),
    "a huge file": (signing(data={"text": "xxx"}, files={"picture": LARGE_FILE}), {413}),
    "a deep document": (calling(b'{"text":' + b"[" * 100_000), {400, 422}),
    "a long document": (calling(b'{"text":"%s"}' % (b"x" * 2_000_000)), {413}),
    "a long query": (reading(params={"q": "x" * 8_000}), {414, 422}),
    "a longer query": (reading(params={"q": "x" * 60_000}), {414, 431}),
    "a high page": (reading(params={"page": 10**30}), {404, 422}),
    "many cookies": (reading(headers={"cookie": COOKIES}), {200, 431}),
}


@pytest.mark.parametrize("what", sorted(TOO_MUCH))
def test_too_much_is_refused(ada: Guest, what: str) -> None:
    """What is too long, too large or too much of it gets an error of the client's, and the next page comes at once."""
    send, statuses = TOO_MUCH[what]
    assert send(ada).status_code in statuses
    assert ada.get("/").status_code == 200
    assert ada.entries("xxx") == []


def test_characters_that_nothing_can_store(guestbook: Guestbook) -> None:
    """NUL, half of a surrogate pair, invalid UTF-8: no error of the server's, and the page can be shown."""
    guest = guestbook.guest("Odd characters")
    for data in (b"text=odd%00one", b"text=odd%ED%A0%80two", b"text=odd%FFthree", "text=odd\u202efour".encode()):
        response = guest.post("/sign", content=data, headers={"content-type": "application/x-www-form-urlencoded"})
        assert response.status_code in (303, 400, 422)
    document = json.dumps({"text": "odd \ud800"}).encode()
    response = guest.post("/api/entries", content=document, headers={"content-type": "application/json"})
    assert response.status_code in (201, 400, 422)
    assert guest.get("/", params={"q": "odd"}).status_code == 200


# --- names and headers ----------------------------------------------------------------------------------


def test_a_letter_has_one_receiver(guestbook: Guestbook) -> None:
    """A line end in an address or in a name adds no field to the letter, and no receiver."""
    for number, end in enumerate(("\r\n", "\n", "\r", "%0a", "\u2028")):
        guest = guestbook.guest()
        form = {"name": f"Bob{end}Bcc: all@evil.example", "email": f"bob{number}@example.org", "password": PASSWORD}
        assert guest.post("/register", data=form).status_code == 303
        form["email"] = f"rob{number}@example.org{end}Bcc: all@evil.example"
        assert guest.post("/register", data=form).status_code == 422
        form["email"] = f"tom{number}@example.org{end}"
        assert guest.post("/register", data=form).status_code in (303, 422)
    guestbook.guest("Last letter")
    for letter in (guestbook.folder / "mail").iterdir():
        head = letter.read_text().replace("\r\n", "\n").partition("\n\n")[0]
        assert "evil" not in head
        assert head.count("\nTo: ") == 1


def test_too_many_tries_get_a_429(serve_guestbook: Serve) -> None:
    """Who tries passwords has to wait, before they are verified; a page says for how long. So has who registers."""
    book = serve_guestbook()
    book.guest("Target")
    form = {"email": address_of("Target"), "password": "guess"}
    thief = book.guest()
    statuses = [thief.post("/sign-in", data=form).status_code for _ in range(14)]
    assert set(statuses) == {422, 429}
    refused = thief.post("/sign-in", data={**form, "password": PASSWORD})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "One moment, please" in refused.text
    statuses = [thief.post("/register", data={}).status_code for _ in range(61)]
    assert statuses[-1] == 429


def test_a_foreign_host_gets_a_421(serve_guestbook: Serve) -> None:
    """With --hosts, a request for another name gets nothing of the site."""
    book = serve_guestbook("--hosts", "localhost")
    hosts = {"localhost": b"200", "evil.example": b"421", "localhost.evil.example": b"421", "127.0.0.1": b"421"}
    for host, status in hosts.items():
        response = raw(book, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert response.split(b" ", 2)[1] == status
        assert (b"Lovely to have had you" in response) == (status == b"200")


def test_passwords_and_sessions_are_not_in_the_log(serve_guestbook: Serve) -> None:
    """What was sent as a password, and the cookie, are nowhere in the log, and the database has no password."""
    book = serve_guestbook()
    guest = book.guest("Secret")
    guest.get("/nowhere", params={"password": PASSWORD})
    cookie = guest.session
    log = book.close()
    assert "/register" in log
    assert cookie not in log
    assert quote(PASSWORD) not in log.replace("+", "%20")
    with closing(sqlite3.connect(book.folder / "book.sqlite")) as connection:
        assert PASSWORD not in str(connection.execute("select * from accounts").fetchall())
