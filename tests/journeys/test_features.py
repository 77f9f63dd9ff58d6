"""One site with all that a view needs, served by the command and requested by httpx and curl."""

from __future__ import annotations

import email
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.speed import PATIENCE

SITE = """\
import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from fanlight import (
    App,
    ContentStream,
    Cookie,
    FormErrors,
    Header,
    NotAcceptable,
    Request,
    Response,
    State,
    Upload,
    check_preconditions,
    file_response,
    limits,
    middleware,
    redirect,
    redirect_back,
)

HERE = Path(__file__).parent
NOTES = {"version": 1, "text": "first"}
EVENTS = []


def shown(request: Request):
    return {
        "fields": request.headers.get_all("x-many"),
        "query": request.query.pairs(),
        "cookies": request.cookies,
        "id": request.id,
        "client": request.client,
        "scheme": request.scheme,
        "url": request.url,
        "back": request.url_for("negotiated"),
    }


def negotiated(request: Request):
    match request.accepts("text/html", "application/json"):
        case "text/html":
            return "<p>page</p>"
        case "application/json":
            return {"data": True}
    raise NotAcceptable("there is text/html and application/json")


@dataclass
class Line:
    what: Annotated[str, Meta(min_length=2, pattern="^[a-z]+$")]
    count: Annotated[int, Meta(ge=1, le=10)]


@dataclass
class Order:
    lines: Annotated[list[Line], Meta(max_length=3)]
    at: datetime
    price: Decimal
    id: UUID


class Receipt(msgspec.Struct):
    order: Order
    done: bool = True


def order(order: Order):
    return Receipt(order)


def named(agent: Annotated[str, Header("user-agent")], session: Cookie[int] = 0):
    return {"agent": agent, "session": session}


def join(errors: FormErrors, name: Annotated[str, Meta(min_length=2)], age: int):
    if errors:
        posted = errors.posted
        return "|".join([posted.get("name"), errors["name"], posted.get("age"), errors["age"]])
    return redirect("/joined")


def photos(photos: list[Upload], title: str):
    return [[each.filename, each.safe_name, each.media_type, each.size] for each in photos] + [title]


@limits(files=1, file_bytes=100)
def one(photo: Upload):
    return str(photo.size)


async def streamed(stream: ContentStream):
    return {"length": stream.length, "sizes": len([piece async for piece in stream]) > 0}


def cookies():
    response = Response("set")
    response.set_cookie("plain", "1")
    response.set_cookie("__Host-key", "2")
    response.set_cookie("open", "3", http_only=False, same_site="Strict", max_age=60)
    return response


def back(request: Request):
    return redirect_back(request)


def elsewhere(to: str):
    return redirect("/found?" + to)


def file():
    return HERE / "file.bin"


def download():
    return file_response(HERE / "file.bin", download_as="Größe \\u20ac.bin")


def write(request: Request, text: str):
    check_preconditions(request, etag=f'"{NOTES["version"]}"')
    NOTES.update(version=NOTES["version"] + 1, text=text)
    return NOTES


def later(request: Request):
    request.after(lambda: EVENTS.append("after"))
    return "now"


def events():
    return EVENTS


def timing(request: Request):
    EVENTS.append("app in")
    response = yield
    response.headers["x-app"] = "1"
    EVENTS.append("app out")


async def guard(request: Request):
    EVENTS.append("table in")
    yield
    EVENTS.append("table out")


def own():
    EVENTS.append("view in")
    yield
    EVENTS.append("view out")


def database(state: State):
    EVENTS.append(f"open {state['name']}")
    try:
        yield state["name"]
    finally:
        EVENTS.append("close")


@middleware(own)
def inner(connection: Annotated[str, database]):
    EVENTS.append("view")
    return connection


def lifespan(app):
    app.state["name"] = "db"
    yield
    print("lifespan is over", flush=True)


URLS = {
    "/shown": shown,
    "/negotiated": negotiated,
    "POST /order": order,
    "/named": named,
    "GET|POST /join": join,
    "POST /photos": photos,
    "POST /one": one,
    "PUT /streamed": streamed,
    "/cookies": cookies,
    "/back": back,
    "/elsewhere": elsewhere,
    "/file": file,
    "/download": download,
    "PUT /notes": write,
    "/later": later,
    "/events": events,
    "/inner": middleware(guard)({"/": inner}),
    "/seen": "seen",
}
app = App(URLS, middleware=[timing], lifespan=lifespan)
"""
CONTENT = bytes(range(256)) * 1000
Run = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site."""
    folder = tmp_path_factory.mktemp("features")
    (folder / "main.py").write_text(SITE)
    (folder / "file.bin").write_bytes(CONTENT)
    return folder


@pytest.fixture
def site(serve: Any, folder: Path) -> Any:
    """Serve the site."""
    return serve(folder)


@pytest.fixture
def client(site: Any) -> Iterator[httpx.Client]:
    """Return an httpx client of the site."""
    with httpx.Client(base_url=site.url, timeout=PATIENCE) as client:
        yield client


def test_the_attributes_of_a_request(client: httpx.Client) -> None:
    """A view sees repeated fields, the query, cookies, client, method and URL of a request."""
    fields = [("x-many", "1"), ("X-MANY", "2"), ("cookie", "a=1; b=2"), ("x-request-id", "of-httpx")]
    said = client.get("/shown?x=1&x=%C3%A4&y", headers=fields).json()
    assert said == {
        "fields": ["1", "2"],
        "query": [["x", "1"], ["x", "ä"], ["y", ""]],
        "cookies": {"a": "1", "b": "2"},
        "id": "of-httpx",
        "client": "127.0.0.1",
        "scheme": "http",
        "url": f"{client.base_url}/shown?x=1&x=%C3%A4&y".replace("//shown", "/shown"),
        "back": "/negotiated",
    }


@pytest.mark.parametrize(
    ("accept", "status", "text"),
    [
        ("text/html", 200, "<p>page</p>"),
        ("application/json;q=0.9, text/html;q=0.1", 200, '{"data":true}'),
        ("*/*", 200, "<p>page</p>"),
        ("image/png", 406, "there is text/html and application/json"),
    ],
)
def test_content_negotiation(client: httpx.Client, accept: str, status: int, text: str) -> None:
    """A response has the media type that the client prefers, and is 406 where there is none."""
    response = client.get("/negotiated", headers={"accept": accept})
    assert response.status_code == status
    assert text in response.text


ORDER = {
    "lines": [{"what": "tea", "count": 2}],
    "at": "2026-11-23T10:00:00Z",
    "price": "2.50",
    "id": "12345678-1234-5678-1234-567812345678",
}


def test_json_is_parsed_and_sent(client: httpx.Client) -> None:
    """Dataclasses, Structs, dates, decimals and UUIDs are validated and sent back as JSON."""
    response = client.post("/order", json=ORDER)
    assert (response.status_code, response.json()) == (200, {"order": ORDER, "done": True})
    assert response.headers["content-type"] == "application/json"


def test_invalid_json_is_reported_by_pointers(client: httpx.Client) -> None:
    """Each invalid field is listed by its JSON pointer in a response of application/problem+json."""
    bad = ORDER | {"lines": [{"what": "tea", "count": 2}, {"what": "T", "count": 11}], "price": "much", "at": 3.5}
    response = client.post("/order", json=bad, headers={"accept": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")
    pointers = {each["pointer"] for each in response.json()["errors"]}
    assert {"/lines/1/what", "/lines/1/count", "/price"} <= pointers


def test_header_fields_and_cookies_are_parameters(client: httpx.Client) -> None:
    """A header field and a cookie are converted as annotated, or reported as invalid."""
    assert client.get("/named", headers={"user-agent": "me", "cookie": "session=7"}).json() == {
        "agent": "me",
        "session": 7,
    }
    refused = client.get("/named", headers={"cookie": "session=x", "accept": "application/json"})
    assert refused.status_code == 422
    assert [(each["in"], each["name"]) for each in refused.json()["errors"]] == [("cookie", "session")]


def test_a_bad_form_is_shown_again(client: httpx.Client) -> None:
    """An invalid form is shown again with its values and messages; a valid one is accepted."""
    response = client.post("/join", data={"name": "A", "age": "old"})
    assert response.status_code == 422
    name, name_error, age, age_error = response.text.split("|")
    assert (name, age) == ("A", "old")
    assert name_error
    assert "integer" in age_error
    good = client.post("/join", data={"name": "Ada", "age": "36"})
    assert (good.status_code, good.headers["location"]) == (303, "/joined")


def test_a_form_has_files(client: httpx.Client) -> None:
    """Several files of one name arrive with their metadata; the limits of the route apply."""
    files = [
        ("photos", ("../../a b.png", b"123", "image/png")),
        ("photos", ("b.txt", b"", "text/plain")),
    ]
    response = client.post("/photos", files=files, data={"title": "Two"})
    assert response.json() == [
        ["a b.png", "a_b.png", "image/png", 3],
        ["b.txt", "b.txt", "text/plain", 0],
        "Two",
    ]
    assert client.post("/one", files={"photo": ("a", b"x" * 100)}).text == "100"
    assert client.post("/one", files={"photo": ("a", b"x" * 101)}).status_code == 413
    assert client.post("/one", files=[("photo", ("a", b"x")), ("photo", ("b", b"x"))]).status_code == 413


def test_content_is_read_as_it_comes(client: httpx.Client) -> None:
    """Content that httpx sends in chunks is read piece by piece."""
    assert client.put("/streamed", content=iter([b"a" * 70_000, b"b" * 70_000])).json() == {
        "length": None,
        "sizes": True,
    }


def test_cookies_have_safe_attributes(client: httpx.Client) -> None:
    """Attributes are safe by default, and a `__Host-` prefix has the attributes that it requires."""
    lines = client.get("/cookies").headers.get_list("set-cookie")
    assert lines == [
        "plain=1; Path=/; HttpOnly; SameSite=Lax",
        "__Host-key=2; Path=/; Secure; HttpOnly; SameSite=Lax",
        "open=3; Path=/; Max-Age=60; SameSite=Strict",
    ]
    assert client.get("/shown").json()["cookies"] == {"plain": "1", "open": "3"}


def test_a_redirect_to_a_given_target_stays_on_the_site(client: httpx.Client) -> None:
    """A target given by a client is followed on this site only, and a line end in it is refused."""
    assert client.get("/back?next=/seen").headers["location"] == "/seen"
    for evil in ("https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)"):
        assert client.get("/back", params={"next": evil}).headers["location"] == "/"
    assert client.get("/elsewhere", params={"to": "a\r\nset-cookie: x=1"}).status_code == 500
    assert client.get("/back?next=/seen", follow_redirects=True).text.count("<h1>seen</h1>") == 1


def test_a_file_in_every_form(client: httpx.Client) -> None:
    """Whole, 304, a range, several ranges, If-Range, 412 and 416."""
    whole = client.get("/file")
    assert whole.content == CONTENT
    date = whole.headers["last-modified"]
    assert client.get("/file", headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    assert client.get("/file", headers={"if-modified-since": date}).status_code == 304
    assert client.get("/file", headers={"if-none-match": '"other"', "if-modified-since": date}).status_code == 200
    part = client.get("/file", headers={"range": "bytes=-300"})
    assert (part.status_code, part.content) == (206, CONTENT[-300:])
    several = client.get("/file", headers={"range": "bytes=0-9,1000-1009"})
    head = f"content-type: {several.headers['content-type']}\n\n".encode()
    parts = [each.get_payload(decode=True) for each in email.message_from_bytes(head + several.content).walk()][1:]
    assert parts == [CONTENT[:10], CONTENT[1000:1010]]
    stale = client.get("/file", headers={"range": "bytes=0-9", "if-range": '"other"'})
    assert (stale.status_code, len(stale.content)) == (200, len(CONTENT))
    assert client.get("/file", headers={"if-match": '"other"'}).status_code == 412
    over = client.get("/file", headers={"range": "bytes=9999999-"})
    assert (over.status_code, over.headers["content-range"]) == (416, f"bytes */{len(CONTENT)}")


def test_curl_saves_a_download_by_its_file_name(site: Any, run: Run, tmp_path: Path) -> None:
    """The plain file name is for clients that read no other; an interrupted download is resumed."""
    subprocess.run(["curl", "-sSOJ", f"{site.url}/download"], cwd=tmp_path, check=True)
    (saved,) = tmp_path.iterdir()
    assert saved.read_bytes() == CONTENT
    (tmp_path / "half").write_bytes(CONTENT[:100_000])
    run("curl", "-sS", "-C", "-", "-o", str(tmp_path / "half"), f"{site.url}/file")
    assert (tmp_path / "half").read_bytes() == CONTENT
    printed = run("curl", "-sSI", f"{site.url}/download")
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%82%AC.bin" in printed


def test_a_change_to_another_version_is_412(client: httpx.Client) -> None:
    """A change based on another version is refused with 412, and nothing is changed."""
    assert client.put("/notes", headers={"if-match": '"1"'}, data={"text": "second"}).json()["version"] == 2
    assert client.put("/notes", headers={"if-match": '"1"'}, data={"text": "third"}).status_code == 412


def test_middleware_and_dependencies_run_in_order(client: httpx.Client) -> None:
    """App, table, view, then the dependency; each is closed in reverse, and background work runs last."""
    assert client.get("/inner").text == "db"
    assert client.get("/later").headers["x-app"] == "1"
    while "after" not in (events := client.get("/events").json()):
        pass
    first = events[: events.index("app out") + 1]
    assert first == [
        "app in",
        "table in",
        "view in",
        "open db",
        "view",
        "close",
        "view out",
        "table out",
        "app out",
    ]


def test_the_lifespan_ends_with_the_site(site: Any) -> None:
    """What stands after the yield of a lifespan runs when the site stops."""
    site.process.terminate()
    assert "lifespan is over" in site.rest()
    assert site.wait_for_exit() == 0
