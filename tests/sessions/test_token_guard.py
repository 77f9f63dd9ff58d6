"""A token is needed only where nothing else says from which page a request comes; and the view does not see it."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from fanlight import ContentStream, FormErrors, Request, Security, Upload, cross_site, limits, render
from fanlight.message.form_reader import FormReader
from fanlight.sessions.token_guard import TokenMissing
from fanlight.testing import Client

MakeSite = Callable[..., Any]
FIELD = re.compile(r'name="_csrf" value="([\w-]+)"')
HOST = "http://testserver"
ran: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    name: str


def pay() -> str:
    ran.append("pay")
    return "paid"


async def pay_async() -> str:
    return pay()


def strict(data: Strict) -> str:
    ran.append(data.name)
    return data.name


async def strict_async(data: Strict) -> str:
    return strict(data)


def whole(request: Request) -> dict[str, Any]:
    return {"form": dict(request.form)}


def photo(name: str, picture: Upload) -> str:
    return f"{name} {picture.filename} {picture.size}"


def again(errors: FormErrors, name: Annotated[str, Meta(min_length=3)]) -> Any:
    ran.append(name)
    return f"{errors['name']}|{errors['']}|{errors.posted.get('name')}|{'_csrf' in errors.posted}"


@limits(file_bytes=10)
def small(errors: FormErrors, name: str, picture: Upload) -> str:
    return f"shown again: {errors.posted.get('name')}"


async def stream(content: ContentStream) -> str:
    ran.append("stream")
    return str(len(await content.read()))


async def files_async(request: Request) -> dict[str, Any]:
    ran.append(threading.get_ident())
    return {"names": sorted(request.form)}


URLS = {
    "/": lambda: render("form.html"),
    "GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE|MKCOL /pay": pay,
    "POST /pay-async": pay_async,
    "POST /strict": strict,
    "POST /strict-async": strict_async,
    "POST /whole": whole,
    "POST /photo": photo,
    "POST /again": again,
    "POST /small": small,
    "POST /stream": stream,
    "POST /files-async": files_async,
    "POST /text": "thanks",
    "POST /page": "thanks.html",
    "POST /hook": cross_site(pay),
    "POST /friend": cross_site(origins=["https://app.example"])(pay),
}


@pytest.fixture
def site(make_site: MakeSite, tmp_path: Path) -> Any:
    """Return a site with tokens."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "form.html").write_text("{{ csrf_field() }}")
    (folder / "thanks.html").write_text("thank you")
    return make_site(URLS, security=Security(tokens=True))


@pytest.fixture
def client(site: Any) -> Client:
    """Return a browser that has the cookie."""
    made: Client = site.client()
    made.get("/")
    return made


@pytest.fixture
def token(client: Client) -> str:
    """Return a token of this browser."""
    found = FIELD.search(client.get("/").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/pay", "/pay-async"])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": HOST}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"referer": f"{HOST}/form"}, 200),
        ({"referer": "https://evil.example/"}, 403),
        ({"referer": "about:blank"}, 403),
        ({"referer": ""}, 403),
        ({"referer": "/form"}, 403),
    ],
)
def test_it_is_needed_where_nothing_else_decides(
    client: Client, path: str, fields: dict[str, str], status: int
) -> None:
    """What a browser says of its page counts first; with a cookie and nothing else, there must be a token."""
    assert client.post(path, headers=fields).status == status
    assert len(ran) == (status == 200)


def test_a_token_does_not_open_what_is_of_another_site(client: Client, token: str) -> None:
    """A token is no excuse for an origin that is foreign."""
    for fields in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post("/pay", headers={**fields, "x-csrf-token": token}).status == 403


def test_without_a_cookie_none_is_needed(site: Any) -> None:
    """A program has no cookies, and no one's rights to be misused."""
    assert site.client().post("/pay").status == 200
    assert site.client().post("/pay", headers={"authorization": "Bearer x"}).status == 200


def test_any_cookie_counts(site: Any) -> None:
    """Also one that the site makes itself, by which it may know a user."""
    assert site.client().post("/pay", headers={"cookie": "own=1"}).status == 403
    assert site.client().post("/pay", headers={"cookie": ""}).status == 403


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("PUT", 403), ("DELETE", 403), ("MKCOL", 403)]
)
def test_it_is_needed_by_unsafe_methods(client: Client, method: str, status: int) -> None:
    """By every one but GET, HEAD and OPTIONS."""
    assert client.request(method, "/pay").status == status


def test_exempt_routes_need_none(client: Client) -> None:
    """A webhook has a signature of its own; a route that names an origin is checked for all others."""
    assert client.post("/hook").status == 200
    assert client.post("/friend").status == 403
    assert client.post("/friend", headers={"origin": "https://app.example"}).status == 200


@pytest.mark.parametrize("path", ["/pay", "/pay-async", "/text", "/page"])
def test_what_reads_no_form_has_a_token_in_it(client: Client, token: str, path: str) -> None:
    """The form of a sign-out has nothing but its token, and its view takes nothing."""
    assert client.post(path, form={"_csrf": token}).status == 200
    assert client.post(path, files={"_csrf": ("", b"")}).status == 403
    assert client.post(path, form={"_csrf": "wrong"}).status == 403


@pytest.mark.parametrize("fields", [{}, {"sec-fetch-site": "same-origin"}])
@pytest.mark.parametrize("path", ["/strict", "/strict-async"])
def test_a_strict_form_does_not_get_it(client: Client, token: str, path: str, fields: dict[str, str]) -> None:
    """A class that forbids unknown fields takes the form, also where the token was not needed."""
    assert client.post(path, form={"name": "Ann", "_csrf": token}, headers=fields).text == "Ann"


@pytest.mark.parametrize("fields", [{}, {"origin": HOST}])
def test_the_form_of_the_request_does_not_have_it(client: Client, token: str, fields: dict[str, str]) -> None:
    """`request.form` is what the visitor has filled in."""
    response = client.post("/whole", form={"a": "1", "_csrf": token}, headers=fields)
    assert response.json() == {"form": {"a": "1"}}


def test_a_site_without_tokens_has_a_field_of_that_name(make_site: MakeSite) -> None:
    """Nothing is taken out of its forms, and nothing is needed."""
    client = make_site({"POST /whole": whole}).client()
    client.cookies["own"] = "1"
    assert client.post("/whole", form={"_csrf": "1"}).json() == {"form": {"_csrf": "1"}}


def test_a_form_with_files_arrives_whole(client: Client, token: str) -> None:
    """The token is one part, and the file, which is larger than what is kept in memory, another."""
    picture = ("a.png", bytes(700_000))
    sent = client.post("/photo", form={"name": "Ann", "_csrf": token}, files={"picture": picture})
    assert sent.text == "Ann a.png 700000"
    assert client.post("/photo", form={"name": "Ann"}, files={"picture": picture}).status == 403


def test_a_form_is_shown_again(client: Client, token: str) -> None:
    """With its messages, and with what was typed; the token is not among it."""
    response = client.post("/again", form={"name": "A", "_csrf": token})
    assert (response.status, response.text.split("|")[2:]) == (422, ["A", "False"])


def test_a_form_that_is_too_large_is_shown_again(client: Client, token: str) -> None:
    """If its token comes before the part that is too large; else it is a 413 without the view."""
    files = {"picture": ("a.png", b"x" * 11)}
    shown = client.post("/small", form={"name": "Ann", "_csrf": token}, files=files)
    assert (shown.status, shown.text) == (413, "shown again: Ann")
    unseen = client.post("/small", form={"name": "Ann"}, files=files)
    assert unseen.status == 413
    assert "shown again" not in unseen.text
    wrong = client.post("/small", form={"name": "Ann", "_csrf": "wrong"}, files=files)
    assert wrong.status == 403


def test_a_form_that_cannot_be_read_is_refused_as_such(client: Client) -> None:
    """As the view would have it: a form that is malformed is 400, one that is too large 413; the view does not run."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/pay", content=b"a=%ff", headers=kind).status == 400
    assert client.post("/pay", content=b"a=" + b"x" * 2_000_000, headers=kind).status == 413
    assert client.post("/strict", content=b"a=" + b"x" * 2_000_000, headers=kind).status == 413
    assert ran == []


def test_a_stream_has_it_in_a_field(client: Client, token: str) -> None:
    """Its content is not read before the view reads it: so a token in it does not count."""
    assert client.post("/stream", content=b"12345", headers={"x-csrf-token": token}).text == "5"
    assert client.post("/stream", form={"_csrf": token}).status == 403
    assert client.post("/stream", files={"a": ("a", b"")}, form={"_csrf": token}).status == 403
    assert ran == ["stream"]


def test_files_are_not_parsed_on_the_event_loop(client: Client, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they were not parsed while they were received, an async view waits, and the others go on."""
    parsed: list[int] = []
    feed = FormReader.feed

    def noted(reader: FormReader, piece: bytes | bytearray) -> None:
        parsed.append(threading.get_ident())
        feed(reader, piece)

    monkeypatch.setattr(FormReader, "feed", noted)
    response = client.post("/files-async", form={"_csrf": token, "b": "1"}, files={"a": ("a", b"x" * 100)})
    assert response.json() == {"names": ["a", "b"]}
    assert len(parsed) == 1
    assert parsed != ran


def test_a_refusal_is_logged_once_for_a_route(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Anyone can provoke it."""
    with caplog.at_level(logging.WARNING, "fanlight.protection"):
        for _ in range(3):
            client.post("/pay")
    (record,) = [each for each in caplog.records if "token" in each.getMessage()]
    assert "POST|PUT" in record.getMessage()
    assert "and no token; logged once" in record.getMessage()


def test_the_page_of_the_refusal_is_for_the_visitor(client: Client) -> None:
    """It says what to do, and not how the site is made."""
    page = client.post("/pay", headers={"accept": "text/html"}).text
    assert "Load the page with the form again" in page
    assert "Sec-Fetch" not in page
    assert "csrf" not in page


def test_in_development_it_says_what_to_write() -> None:
    """Into the form, or into a script, or into a test."""
    steps = TokenMissing("a reason").steps
    assert "{{ csrf_field() }}" in steps[0]
    assert "X-CSRF-Token" in steps[1]
    assert "Sec-Fetch-Site: same-origin" in steps[2]
