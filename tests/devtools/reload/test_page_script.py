"""The script that is put into pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from tests.speed import seconds

from fanlight.devtools.reload.content_policy import FIELD, admit
from fanlight.devtools.reload.page_script import Injector, position, with_script
from fanlight.message.headers import MutableHeaders
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.testing import FakeHead

FOLDER = "http://localhost:8000/__fanlight__/"
TAG = b'<script async src="/__fanlight__/static/reload.js" data-version="7"></script>'
DOCUMENTS = [
    (b"<!doctype html>", b"<p>text"),
    (b"<!DOCTYPE HTML>\n", b"<p>text"),
    (b"\xef\xbb\xbf\n <!-- a comment -->\n<!doctype html><html lang=en>\n<head>", b"<title>x</title>"),
    (b"<!doctype html>\n<html lang='en'>\n<!-- built --><head class=a>", b"<meta charset=utf-8>"),
    (b"<html>", b"<body>text"),
    (b"<!doctype html>", b"<header>text"),
    (b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://www.w3.org/TR/xhtml1.dtd"><html>', b"<p>text"),
]
FRAGMENTS = [
    b"",
    b"<p>text</p>",
    b"text <!doctype html>",
    b"<htmlx>",
    b"<!-- <!doctype html> --> text",
    b"<head></head>",
]
UNTOUCHED: list[Callable[[], Response]] = [
    lambda: Response("<!doctype html>x", media_type="text/plain"),
    lambda: Response("<!doctype html>x", 206),
    lambda: Response("<!doctype html>x", headers={"content-disposition": "attachment; filename=a.html"}),
    lambda: Response("<!doctype html>x", headers={"content-encoding": "gzip"}),
    lambda: Response("<!doctype html>x".encode("utf-16"), media_type="text/html; charset=utf-16"),
    lambda: Response("<p>x"),
    lambda: Response(b""),
]


def request(method: str = "GET", **fields: str) -> Request:
    return Request(FakeHead(method, "/", {"host": "localhost:8000", **fields}), "127.0.0.1", None)


@pytest.mark.parametrize(("before", "behind"), DOCUMENTS)
def test_the_script_is_the_first_in_the_head(before: bytes, behind: bytes) -> None:
    """In a complete document the script stands where the head begins, before everything that the site has there."""
    assert position(before + behind) == len(before)
    response = with_script(Response(before + behind, media_type="text/html"), request(), "7")
    assert response.content == before + TAG + behind


@pytest.mark.parametrize("content", FRAGMENTS)
def test_a_fragment_is_left_alone(content: bytes) -> None:
    """What is no complete document is sent as it is."""
    assert position(content) is None


@pytest.mark.parametrize("content", FRAGMENTS)
def test_a_fragment_that_is_shown_as_a_page_begins_with_the_script(content: bytes) -> None:
    """Where a browser opens it, a view that returns "<h1>Hello</h1>" refreshes itself, too; a fetched one does not."""
    opened = request(**{"sec-fetch-dest": "document"})
    assert with_script(Response(content, media_type="text/html"), opened, "7").content == TAG + content
    marked = b"\xef\xbb\xbf"
    assert with_script(Response(marked + content, media_type="text/html"), opened, "7").content[3:] == TAG + content  # type: ignore[index]  # bytes
    assert b"".join([(injector := Injector(TAG, is_page=True)).encode(content), injector.finish()]) == TAG + content
    fetched = Response(content, media_type="text/html")
    assert with_script(fetched, request(**{"sec-fetch-dest": "empty"}), "7") is fetched


@pytest.mark.parametrize("make", UNTOUCHED)
def test_what_is_no_page_is_left_alone(make: Callable[[], Response]) -> None:
    """Downloads, parts, encoded content and other types are sent as they are."""
    response = make()
    content = response.content
    assert with_script(response, request(), "7") is response
    assert response.content == content


def test_many_comments_take_no_time() -> None:
    """A fragment behind many comments is told from a document at once: the search never tries twice."""
    began = time.monotonic()
    assert position(b"<!-- a --> " * 5000 + b"<p>text") is None
    assert position(b"<!-- a " * 5000) is None
    assert time.monotonic() - began < seconds(1)


def test_the_original_is_not_changed() -> None:
    """A response may be sent again, so a copy is changed."""
    response = Response("<!doctype html>x", headers={"etag": '"1"', "cache-control": "max-age=60"})
    changed = with_script(response, request(), "7")
    assert response.content == b"<!doctype html>x"
    assert dict(response.headers.pairs())["etag"] == '"1"'
    assert "etag" not in changed.headers
    assert changed.headers["cache-control"] == "no-store"


def test_a_page_that_came_from_a_form_is_marked() -> None:
    """The script of a response to POST has a mark, as refreshing would send the form again."""
    assert b'data-form="true"' in bytes(with_script(Response("<!doctype html>x"), request("POST"), "7").content)  # type: ignore[arg-type]  # it is bytes
    assert b"data-form" not in bytes(with_script(Response("<!doctype html>x"), request("HEAD"), "7").content)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_stream_gets_the_script(size: int) -> None:
    """A document that comes in pieces, of whatever size, gets the script at the same place."""
    text = b"<!doctype html>\n<html lang=en><head><title>x</title></head><body>text</body></html>"
    injector = Injector(TAG)
    pieces = [injector.encode(text[start : start + size]) for start in range(0, len(text), size)]
    got = b"".join([*pieces, injector.finish()])
    assert got == text.replace(b"<head>", b"<head>" + TAG)
    assert size > 3 or len([each for each in pieces if each]) > 3  # not all of it was held back


@pytest.mark.parametrize(
    ("pieces", "sent"),
    [
        ([b"<p>"], b"<p>"),
        ([b"text"], b"text"),
        ([b"<!doctype html><t"], b"<!doctype html>" + TAG + b"<t"),
        ([b"<!doctype html>", b"<header>"], b"<!doctype html>" + TAG + b"<header>"),
        ([b"<html><head>"], b""),
        ([b"<html><head>", b"<"], b""),
        ([b"<html><head><title"], b"<html><head>" + TAG + b"<title"),
        ([b"<!doc"], b""),
        ([b"<!doctype html><html lang="], b""),
        ([b" <!-- built"], b""),
        ([b"<!-- x --><p>"], b"<!-- x --><p>"),
    ],
)
def test_a_stream_is_held_back_no_longer_than_needed(pieces: list[bytes], sent: bytes) -> None:
    """A piece is sent as soon as it is certain where the script goes, or that there is no place for it."""
    injector = Injector(TAG)
    assert b"".join(map(injector.encode, pieces)) == sent


@pytest.mark.parametrize("text", [b"<p>a fragment", b"<!doctype html>x", b""])
def test_a_short_stream_is_whole(text: bytes) -> None:
    """A stream that ends early is sent whole."""
    injector = Injector(TAG)
    got = injector.encode(text) + injector.finish()
    assert got.replace(TAG, b"") == text


def test_a_streamed_response_has_no_length() -> None:
    """The length of a stream is not what was announced for it."""

    def pieces() -> Iterator[str]:
        yield "<!doctype html>x"

    changed = with_script(Response(pieces(), media_type="text/html", length=16), request(), "7")
    assert changed.length is None
    assert b"".join(changed.content) == b"<!doctype html>" + TAG + b"x"  # type: ignore[arg-type]  # a stream of bytes


POLICIES = [
    ("script-src 'self'", "", "script-src 'self'"),
    ("img-src 'self'", "", "img-src 'self'"),
    ("script-src 'nonce-abc'", "abc", "script-src 'nonce-abc'"),
    ("default-src 'self'", "", "default-src 'self'"),
    ("script-src 'none'", "", f"script-src 'none'; script-src-elem {FOLDER}"),
    ("script-src https://a.example 'unsafe-inline'", "", None),
    (
        "default-src 'none'; img-src data:",
        "",
        f"default-src 'none'; img-src data:; script-src-elem {FOLDER}; connect-src {FOLDER}",
    ),
    ("script-src 'self'; connect-src 'none'", "", f"script-src 'self'; connect-src {FOLDER}"),
    ("script-src *, default-src 'self'", "", "script-src *, default-src 'self'"),
    ("SCRIPT-SRC 'nonce-x';; script-src 'self'", "x", "script-src 'nonce-x'"),
]


@pytest.mark.parametrize(("policy", "nonce", "expected"), POLICIES)
def test_a_policy_admits_the_script(policy: str, nonce: str, expected: str | None) -> None:
    """A site's policy is widened by the folder of the tools where that is needed, and its own nonce is used."""
    fields = MutableHeaders({FIELD: policy})
    assert admit(fields, FOLDER) == nonce
    if expected is not None:
        assert fields[FIELD] == expected
    else:
        assert f"script-src-elem https://a.example 'unsafe-inline' {FOLDER}" in fields[FIELD]


def test_a_policy_without_sources_gets_a_nonce() -> None:
    """Where only a nonce counts, and the page has none, it gets one."""
    fields = MutableHeaders({FIELD: "script-src 'strict-dynamic' 'sha256-AAA='"})
    nonce = admit(fields, FOLDER)
    assert nonce
    assert f"'nonce-{nonce}'" in fields[FIELD]


def test_each_of_several_policies_admits_the_script() -> None:
    """A browser enforces all policies of a page, so all are widened."""
    fields = MutableHeaders([(FIELD, "script-src 'nonce-a'"), (FIELD, "script-src https://b.example")])
    assert admit(fields, FOLDER) == "a"
    assert (
        fields[FIELD]
        == f"script-src 'nonce-a', script-src https://b.example; script-src-elem https://b.example {FOLDER}"
    )


def test_a_page_without_a_policy_gets_none() -> None:
    """No field is added."""
    fields = MutableHeaders()
    assert admit(fields, FOLDER) == ""
    assert FIELD not in fields
