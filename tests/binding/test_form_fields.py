"""Parameters that a posted form fills."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanlight.message.request import Request
from fanlight.message.upload import Upload
from fanlight.testing import LiveServer

Make = Callable[..., Any]


def send(name: str, age: int, news: bool = False) -> str:
    return f"{name!r} {age} {news}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_form_fills_the_parameters(site: Make, method: str) -> None:
    """POST, PUT and PATCH fill parameters from the form, not from the query."""
    client = site({"POST|PUT|PATCH /": send})
    assert client.send(method, "/?name=no&age=0", form={"name": "Ä b", "age": 3, "news": "on"}).text == "'Ä b' 3 True"


def test_a_multipart_form_fills_the_parameters(site: Make) -> None:
    """A view can't tell the two kinds of forms apart."""
    client = site({"POST /": send})
    assert client.post("/", parts=[("name", None, "x"), ("age", None, "4")]).text == "'x' 4 False"


def test_every_bad_field_of_a_form_is_listed(site: Make) -> None:
    """Missing, blank and invalid fields are listed at once."""
    bad = [
        ("form", "name", "is missing"),
        ("form", "age", "is missing"),
        ("form", "news", "'x' is not true or false"),
    ]
    assert site({"POST /": send}).post("/", form={"age": "", "news": "x"}).bad == bad


@pytest.mark.parametrize("fields", [{}, {"content-type": "application/x-www-form-urlencoded"}])
def test_no_content_is_an_empty_form(site: Make, fields: dict[str, str]) -> None:
    """A POST without content misses the required fields, and is fine if there are none."""
    client = site({"POST /": send, "POST /free": lambda name="none": name})
    assert client.post("/", fields=fields).bad == [("form", "name", "is missing"), ("form", "age", "is missing")]
    assert client.post("/free", fields=fields).text == "none"


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "image/png", ""])
def test_content_of_another_type_is_415(site: Make, kind: str) -> None:
    """Content that is neither a form nor JSON is rejected, with the types that are accepted."""
    response = site({"POST /": send}).post("/", content=b"name=x&age=1", fields={"content-type": kind})
    assert response.status == 415
    assert "send JSON or a form" in response.text


@pytest.mark.parametrize("content", [b"name=\xff", b"name=%FF&age=1"])
def test_a_malformed_form_is_400(site: Make, content: bytes) -> None:
    """A form that can't be decoded is not read in part."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert site({"POST /": send}).post("/", content=content, fields=kind).status == 400


class Contact(msgspec.Struct, kw_only=True, rename="camel"):
    full_name: str
    age: int = 0
    tags: list[str] = []
    note: str | None = None


@dataclass
class Range:
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is over high" + "!" * self.low)


def contact(contact: Contact, notify: bool = False) -> str:
    return f"{contact} {notify}"


def between(range_: Range) -> str:
    return f"{range_.low}..{range_.high}"


def test_a_struct_is_the_whole_form(site: Make) -> None:
    """Its fields, by their names outside, are those of the form; other parameters come from the query."""
    said = "Contact(full_name='A', age=0, tags=['x', 'y'], note=None) True"
    client = site({"POST /": contact})
    assert client.post("/?notify=1", form={"fullName": "A", "tags": ["x", "y"], "age": ""}).text == said


def test_all_errors_of_a_whole_form_are_listed(site: Make) -> None:
    """Fields of the form and of the query are in one response, by the names they are sent by."""
    bad = [
        ("form", "age", "'x' is not an integer"),
        ("form", "fullName", "is missing"),
        ("query", "notify", "'y' is not true or false"),
    ]
    response = site({"POST /": contact}).post("/?notify=y", form={"age": "x"})
    assert sorted(response.bad) == bad


def test_a_value_error_of_a_class_is_a_bad_body(site: Make) -> None:
    """A ValueError of `__post_init__` is a 422, and not a 500."""
    client = site({"POST /": between})
    assert client.post("/", form={"low": 1, "high": 2}).text == "1..2"
    assert client.post("/", form={"low": 3, "high": 2}).bad == [("form", "", "low is over high!!!")]
    ((_, _, message),) = client.post("/", form={"low": 100_000, "high": 2}).bad
    assert len(message) < 400


def maybe(contact: Contact | None) -> str:
    return str(contact)


def usual(contact: Contact = Contact(full_name="nobody")) -> str:  # noqa: B008 - it is never changed
    return contact.full_name


def test_a_whole_body_may_be_optional(site: Make) -> None:
    """If nothing is sent, it is None, or the default."""
    client = site({"POST /a": maybe, "POST /b": usual})
    assert [client.post("/a").text, client.post("/b").text] == ["None", "nobody"]
    assert client.post("/b", form={"fullName": "A"}).text == "A"
    assert client.post("/b", form={"age": 1}).bad == [("form", "fullName", "is missing")]


def album(title: str, photos: list[Upload], cover: Upload | None, sizes: list[int]) -> object:
    sent = [[each.filename, each.file.read().decode()] for each in photos]
    return {"title": title, "photos": sent, "cover": cover and cover.filename, "sizes": sizes}


def test_curl_sends_files_and_fields(site: Make, tmp_path: Path) -> None:
    """Through a socket: several files, an optional one, repeated fields, and all errors at once."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name * 2)

    def curl(*fields: str) -> Any:
        options = [part for each in fields for part in ("-F", each)]
        command = ["curl", "-s", "-H", "accept: application/json", "-w", "\n%{http_code} %{content_type}", *options]
        done = subprocess.run([*command, server.url], cwd=tmp_path, capture_output=True, text=True, check=True)
        text, _, status = done.stdout.rpartition("\n")
        return msgspec.json.decode(text), status

    with LiveServer(site({"POST /": album}).app) as server:
        response = curl("title=Sea", "photos=@a.txt", "photos=@b.txt", "sizes=1", "sizes=2")
        photos = [["a.txt", "a.txta.txt"], ["b.txt", "b.txtb.txt"]]
        assert response == ({"title": "Sea", "photos": photos, "cover": None, "sizes": [1, 2]}, "200 application/json")
        messages, status = curl("photos=no file", "cover=@b.txt", "sizes=1", "sizes=x")
        assert status == "422 application/problem+json"
        assert [(each["name"], each["detail"]) for each in messages["errors"]] == [
            ("title", "is missing"),
            ("photos", "must be a file, not text"),
            ("sizes", "'x' is not an integer"),
        ]


def photo(photo: Upload, title: str, more: list[Upload]) -> str:
    return f"{photo.filename} {photo.file.read()!r} {title} {[each.filename for each in more]}"


def test_files_are_parameters(site: Make) -> None:
    """An Upload is an uploaded file, a list of them all files with that name."""
    parts = [("photo", "a.png", "PNG"), ("title", None, "T"), ("more", "b.txt", "b"), ("more", "c.txt", "c")]
    assert site({"POST /": photo}).post("/", parts=parts).text == "a.png b'PNG' T ['b.txt', 'c.txt']"


def avatar(photo: Upload | None = None) -> str:
    return "none" if photo is None else photo.filename


def test_an_empty_file_field_is_not_sent(site: Make) -> None:
    """A browser sends an empty part for a file field without a file."""
    client = site({"POST /": photo, "POST /avatar": avatar})
    assert client.post("/avatar", parts=[("photo", "", "")]).text == "none"
    bad = client.post("/", parts=[("photo", "", ""), ("title", None, "T"), ("more", "", "")]).bad
    assert bad == [("form", "photo", "is missing")]


def test_a_file_is_not_accepted_as_text(site: Make) -> None:
    """Nor text as a file."""
    bad = site({"POST /": photo}).post("/", parts=[("photo", None, "text"), ("title", "t.txt", "T")]).bad
    assert bad == [
        ("form", "photo", "must be a file, not text"),
        ("form", "title", "must be text, not a file"),
    ]


def test_a_view_with_files_rejects_json(site: Make) -> None:
    """JSON has no files, so it is a 415."""
    response = site({"POST /": photo}).post("/", json={"title": "T"})
    assert response.status == 415
    assert "send a form, not application/json" in response.text


def pictured(photo: Upload, contact: Contact | None = None) -> str:
    return f"{photo.filename} {contact}"


def test_a_class_beside_files_may_be_optional(site: Make) -> None:
    """If nothing is sent, only the file is missing."""
    client = site({"POST /": pictured})
    assert client.post("/").bad == [("form", "photo", "is missing")]


def described(contact: Contact, photo: Upload) -> str:
    return f"{contact.full_name} {photo.filename}"


def test_a_class_and_files_share_a_form(site: Make) -> None:
    """A whole body and the files beside it come from one form."""
    client = site({"POST /": described})
    assert client.post("/", parts=[("fullName", None, "A"), ("photo", "a.png", "PNG")]).text == "A a.png"
    assert client.post("/", parts=[("x", None, "A")]).bad == [
        ("form", "photo", "is missing"),
        ("form", "fullName", "is missing"),
    ]


def both(request: Request, name: str = "none") -> str:
    return f"{request.method} {name}"


def test_each_method_of_a_view_has_its_source(site: Make) -> None:
    """GET shows the form with fields of the query, POST reads those of the form."""
    client = site({"GET|POST /": both})
    assert client.get("/?name=a").text == "GET a"
    assert client.post("/?name=a", form={"name": "b"}).text == "POST b"
    assert client.send("HEAD", "/?name=a").text == "HEAD a"


def test_a_form_with_very_many_fields_is_rejected(site: Make) -> None:
    """The number of fields in a form is limited."""
    content = b"&".join([b"a=1"] * 2000)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert site({"POST /": send}).post("/", content=content, fields=kind).status == 413
