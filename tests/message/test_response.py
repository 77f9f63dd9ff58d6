"""What a response is, by what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fanlight.errors import AppError, InvalidResponse
from fanlight.message.content import SpooledContent
from fanlight.message.file_response import FileResponse, file_response
from fanlight.message.handler import Lane
from fanlight.message.lane import LANE_ATTRIBUTE, lane
from fanlight.message.response import Response, json_response, redirect


@pytest.mark.parametrize(
    ("response", "content", "media_type"),
    [
        (Response("é"), "é".encode(), "text/html; charset=utf-8"),
        (Response(b"x"), b"x", "application/octet-stream"),
        (Response(), b"", ""),
        (Response("x", media_type="text/css"), b"x", "text/css"),
        (json_response({"a": [1, None]}), b'{"a":[1,null]}', "application/json"),
    ],
)
def test_content_has_its_media_type(response: Response, content: bytes, media_type: str) -> None:
    """Text is HTML in UTF-8, bytes are just bytes, nothing has no type, and a given type is kept."""
    assert (response.content, response.media_type) == (content, media_type)
    assert list(response.fields()) == ([("content-type", media_type)] if media_type else [])


@pytest.mark.parametrize(
    "length",
    [-1, -5, 5.5, 5.0, True, False, float("nan"), float("inf"), "5", b"5", 2**63, 10**30, 10**5000, [5]],
    ids=lambda each: "10**5000" if each == 10**5000 else None,
)
def test_a_length_that_no_content_can_have_is_refused_when_it_is_set(length: Any) -> None:
    """It is an int of at least 0 and below 2**63: as an argument, as an attribute, and of a response of a file."""
    with pytest.raises(InvalidResponse, match="the length of a response can't be"):
        Response(iter([b"x"]), length=length)
    for response in (Response(iter([b"x"])), FileResponse(b"x")):
        with pytest.raises(InvalidResponse, match="number of bytes"):
            response.length = length
        assert response.length is None


@pytest.mark.parametrize("length", [None, 0, 5, 2**63 - 1])
def test_a_length_is_kept(length: int | None) -> None:
    """What content can have is taken, and is what a copy has too."""
    response = Response(iter([b"x"]), length=length)
    assert (response.length, response.copy().length) == (length, length)
    response.length = None
    assert response.length is None


def test_plain_pages_share_their_fields() -> None:
    """Two pages without fields of their own have one tuple between them."""
    assert Response("a").fields() is Response("b").fields()


def test_fields_are_copied_on_access() -> None:
    """Setting a field of one response changes no other."""
    one, other = Response("a"), Response("b")
    one.headers["x"] = "1"
    assert list(one.fields()) == [("content-type", "text/html; charset=utf-8"), ("x", "1")]
    assert list(other.fields()) == [("content-type", "text/html; charset=utf-8")]


def test_a_copy_has_fields_of_its_own() -> None:
    """What is set on a copy is not on the original."""
    original = redirect("/new")
    copy = original.copy()
    copy.headers["x"] = "1"
    assert "x" not in original.headers
    assert copy.headers["location"] == "/new"


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/new", "/new"),
        ("/a b", "/a%20b"),
        ("/café?q=ü", "/caf%C3%A9?q=%C3%BC"),
        ("https://x.org/%20", "https://x.org/%20"),
    ],
)
def test_a_redirect_names_its_target(to: str, location: str) -> None:
    """The default is 303; characters that are not ASCII are percent-encoded, encoded ones are kept."""
    response = redirect(to)
    assert (response.status, response.headers["location"]) == (303, location)


def test_a_redirect_for_ever_is_308() -> None:
    """`permanent` and `status` choose the kind; what is no redirect is refused."""
    assert redirect("/", permanent=True).status == 308
    assert redirect("/", status=302).status == 302
    with pytest.raises(InvalidResponse):
        redirect("/", status=200)


def test_a_redirects_page_escapes_its_target() -> None:
    """The little page behind a redirect runs no script of the target's."""
    content = redirect('/"><script>alert(1)</script>').content
    assert isinstance(content, bytes)
    assert b"<script>" not in content


def test_the_default_attributes_of_a_cookie_are_safe() -> None:
    """A cookie is HttpOnly and SameSite=Lax for the whole site; deleting it ends its life."""
    response = Response("x")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", same_site="None", http_only=False, max_age=60)
    response.delete_cookie("c")
    assert response.headers.get_all("set-cookie") == [
        "a=1; Path=/; HttpOnly; SameSite=Lax",
        "b=2; Path=/; Max-Age=60; Secure; SameSite=None",
        "c=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
    ]


@pytest.mark.parametrize(
    ("name", "value", "options"),
    [
        ("a b", "x", {}),
        ("a", "x", {"path": "/; Secure"}),
        ("a", "x" * 5000, {}),
        ("__Host-a", "x", {"path": "/sub"}),
    ],
)
def test_what_is_no_cookie_is_refused(name: str, value: str, options: dict[str, str]) -> None:
    """A name, value or path that a browser would read as something else can't be set."""
    with pytest.raises(InvalidResponse):
        Response("x").set_cookie(name, value, **options)


def test_what_is_no_json_is_refused() -> None:
    """A value that JSON can't represent raises InvalidResponse."""
    with pytest.raises(InvalidResponse):
        json_response({"a": object()})


def test_a_file_is_sent_in_pieces(tmp_path: Path) -> None:
    """A file has its length, its media type, and its date; it is closed when it was read."""
    path = tmp_path / "a.css"
    path.write_bytes(b"x" * 150_000)
    response = file_response(path)
    assert (response.length, response.media_type) == (150_000, "text/css; charset=utf-8")
    assert "last-modified" in response.headers
    assert b"".join(response.content) == b"x" * 150_000  # type: ignore[arg-type]  # an iterator of bytes


@pytest.mark.parametrize("sizes", [[10], [600_000, 600_000], [1] * 1000, [2_000_000, 5]])
def test_content_is_the_same_in_memory_and_on_disk(sizes: list[int]) -> None:
    """What is written comes back whole, read at once or as a file, again and again."""
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    content = SpooledContent()
    for piece in pieces:
        content.write(piece)
    assert content.size == sum(sizes)
    for _ in range(2):
        assert content.read() == b"".join(pieces)
        assert content.open().read() == b"".join(pieces)
    content.close()


def test_lane_marks_a_view() -> None:
    """@lane pins a sync view, and refuses an async one and a lane that there is not."""

    def view() -> str:
        return ""

    async def async_view() -> str:
        return ""

    assert getattr(lane("thread")(view), LANE_ATTRIBUTE) is Lane.THREAD
    with pytest.raises(AppError, match="async"):
        lane("inline")(async_view)
    with pytest.raises(AppError, match="no lane"):
        lane("fast")(view)  # type: ignore[arg-type]  # that is the point


class Loud(str):
    """A kind of text with a method of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@pytest.mark.parametrize("content", [bytearray(b"abc"), memoryview(b"abc"), memoryview(b"a_b_c")[::2]])
def test_whatever_holds_bytes_is_sent_as_bytes(content: Any) -> None:
    """As a view may return it; as an iterable it would be numbers."""
    sent = Response(content).content
    assert (type(sent), sent) == (bytes, b"abc")


def test_a_kind_of_text_is_text() -> None:
    """It is HTML, and what it holds."""
    response = Response(Loud("<b>"))
    assert (response.content, response.media_type) == (b"<b>", "text/html; charset=utf-8")


def test_a_dict_is_no_content() -> None:
    """Its keys would be sent."""
    with pytest.raises(InvalidResponse, match="return the dict itself"):
        Response({"a": "b"})


class Marked(Response):
    """A response of an app's own class."""

    __slots__ = ("mark",)

    mark: str


def test_a_copy_is_of_its_own_class() -> None:
    """With all that it adds; the fields of one are not those of the other."""
    original = Marked("x", 201, headers={"a": "b"})
    original.mark = "m"
    copy = original.copy()
    copy.headers["a"] = "c"
    assert (type(copy), copy.mark, copy.status, original.headers["a"]) == (Marked, "m", 201, "b")
