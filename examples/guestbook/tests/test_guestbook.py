"""What guests do, and what they can't."""

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from guestbook import settings

PASSWORD = "correct horse battery"
DOT = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=")  # a GIF of one pixel


def register(client, name="Ada", password=PASSWORD):
    form = {"name": name, "email": f"{name.lower()}@example.org", "password": password}
    return client.post("/register", form=form, follow_redirects=True)


def test_an_empty_book(client):
    page = client.get("/")
    assert page.status == 200
    assert "0 entries" in page.text
    assert "Will you be the first?" in page.text


def test_a_guest_registers_and_gets_a_letter(client):
    assert "Welcome, Ada." in register(client).text
    client.close()  # the letter is sent after the page
    letters = [message_from_bytes(each.read_bytes(), policy=policy.default) for each in Path(settings.MAIL).iterdir()]
    letter = next(each for each in letters if each["To"] == "ada@example.org")
    assert isinstance(letter, EmailMessage)
    assert letter.get_content().startswith("Dear Ada,")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "must have at least 1 character"),
        ("name", "x" * 61, "must have at most 60 characters"),
        ("email", "ada", "is not an e-mail address"),
        ("password", "short", "must have at least 10 characters"),
    ],
)
def test_a_form_is_shown_again_with_what_is_wrong(client, field, value, message):
    form = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD, field: value}
    page = client.post("/register", form=form)
    assert page.status == 422
    assert message in page.text
    assert 'aria-invalid="true"' in page.text


def test_an_address_has_one_account(client):
    register(client)
    page = register(client.beside())
    assert page.status == 422
    assert "has an account already" in page.text


def test_a_guest_signs_in_and_out(client, book):
    book.guest("Ada")
    form = {"email": "ADA@example.org", "password": PASSWORD}
    assert client.post("/sign-in", form={**form, "password": "wrong"}).status == 422
    assert "Welcome, Ada." in client.post("/sign-in", form=form, follow_redirects=True).text
    assert "You are signed out." in client.post("/sign-out", follow_redirects=True).text
    assert "Sign in" in client.get("/").text


def test_the_way_to_the_page_leads_through_the_sign_in_page_and_back(client, book):
    book.guest("Ada")
    page = client.get("/sign", headers={"accept": "text/html"}, follow_redirects=True)
    assert page.url.endswith("/sign-in?next=/sign")
    form = {"email": "ada@example.org", "password": PASSWORD}
    assert "Sign the book" in client.post("/sign-in?next=/sign", form=form, follow_redirects=True).text


def test_a_guest_signs_with_a_picture(client):
    register(client)
    page = client.post(
        "/sign", form={"text": "Grüezi & <b>merci</b>"}, files={"picture": ("me.gif", DOT)}, follow_redirects=True
    )
    assert "Thank you. Your entry is in the book." in page.text
    assert "Grüezi &amp; &lt;b&gt;merci&lt;/b&gt;" in page.text
    (path,) = {part.partition('"')[0] for part in page.text.split('src="') if part.startswith("/pictures/")}
    picture = client.get(path)
    assert (picture.content, picture.headers["content-type"]) == (DOT, "image/gif")


def test_what_is_no_picture_is_refused_beside_its_field(client):
    register(client)
    page = client.post("/sign", form={"text": "Look"}, files={"picture": ("me.gif", b"<script>alert(1)</script>")})
    assert page.status == 422
    assert 'id="picture-error"' in page.text
    assert "Look</textarea>" in page.text


def test_pages_and_search(client, book):
    ada = book.guest("Ada")
    for number in range(1, 17):
        book.entry(ada, f"Visit no. {number}" if number % 2 else f"100% ÉTÉ {number}")
    page = client.get("/")
    assert "16 entries" in page.text
    assert "100% ÉTÉ 16" in page.text
    assert "Page 1 of 3" in page.text
    assert "Visit no. 1<" in client.get("/?page=3").text
    assert client.get("/?page=4").status == 404
    assert "8 entries" in client.get("/", query={"q": "0% été"}).text
    assert "0 entries" in client.get("/", query={"q": "_"}).text
    assert "16 entries" in client.get("/", query={"q": "ADA"}).text


def test_a_guest_removes_its_own_entries_only(client, book):
    ada, bob = book.guest("Ada"), book.guest("Bob")
    hers, his = book.entry(ada, "Hers"), book.entry(bob, "His")
    client.sign_in(ada.id)
    assert client.post(f"/entries/{his.id}/remove").status == 403
    assert "The entry is removed." in client.post(f"/entries/{hers.id}/remove", follow_redirects=True).text
    assert "1 entry" in client.get("/").text


def test_the_keeper_removes_any_entry_and_sends_guests_out(client, book):
    keeper, bob = book.guest("Grace", role="admin"), book.guest("Bob")
    entry, guest = book.entry(bob, "Rude"), client.beside()
    guest.sign_in(bob.id)
    assert guest.get("/admin").status == 403
    client.sign_in(keeper.id)
    assert "bob@example.org" in client.get("/admin").text
    assert client.post(f"/entries/{entry.id}/remove").status == 303
    assert "The guest is signed out" in client.post(f"/admin/{bob.id}/sign-out", follow_redirects=True).text
    assert "Sign in" in guest.get("/").text


def test_a_guest_signs_out_everywhere(client, book):
    ada, other = book.guest("Ada"), client.beside()
    client.sign_in(ada.id)
    other.sign_in(ada.id)
    assert "Sign out everywhere" in other.get("/account").text
    client.post("/sign-out", form={"everywhere": "yes"})
    assert "Sign in" in other.get("/").text


def test_pages_learn_what_is_new(client, book):
    ada = book.guest("Ada")
    client.sign_in(ada.id)
    with client.beside().stream("GET", "/live") as response:
        events = response.events()
        first = next(events).data
        client.post("/sign", form={"text": "Hello"})
        assert next(events).data != first


def test_the_api(client, book):
    ada = book.guest("Ada")
    assert client.post("/api/entries", json={"text": "Hello"}).status == 401
    client.sign_in(ada.id)
    made = client.post("/api/entries", json={"text": "Hello"})
    assert made.status == 201
    assert client.get(f"/api/entries/{made.json()['id']}").json() == made.json()
    assert client.get("/api/entries", query={"q": "hell"}).json()["entries"] == [made.json()]
    assert client.get("/api/entries/0").status == 404
    assert "/api/entries/{id}" in client.get("/openapi.json").json()["paths"]


def test_errors_have_the_pages_of_the_book(client):
    page = client.get("/nowhere", headers={"accept": "text/html"})
    assert page.status == 404
    assert "There is no such page" in page.text
    assert client.get("/api/nowhere").json()["status"] == 404
