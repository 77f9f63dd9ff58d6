"""Which answers are compressed, and what is told of it."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import App
from fanlight.compression.codecs import CODECS, CODINGS
from fanlight.compression.negotiation import COMPRESSIBLE
from fanlight.compression.options import Compression, uncompressed
from fanlight.errors import NotFound, SetupError
from fanlight.message.file_response import file_response
from fanlight.message.response import Response
from fanlight.message.with_middleware import middleware
from fanlight.testing import Client, ClientResponse

TEXT = "".join(f"<p>line {number} of a page that is worth it</p>\n" for number in range(100))
BIG = TEXT * 60
ALL = {"accept-encoding": "gzip, deflate, br, zstd"}
COOKIE = {"cookie": "session=secret"}


def page() -> str:
    return TEXT


def ask(view: Any, headers: dict[str, str] | None = None, *, method: str = "GET", **settings: Any) -> ClientResponse:
    """Return what an app that has a single view answers."""
    with Client(App({f"{method} /" if method != "HEAD" else "/": view}, **settings)) as client:
        return client.request(method, "/", headers=ALL if headers is None else headers)


def is_left_alone(answer: ClientResponse) -> bool:
    return "content-encoding" not in answer.headers and "vary" not in answer.headers


# --- what is compressed -----------------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODINGS)
def test_a_page_is_compressed_as_the_client_asks(coding: str) -> None:
    """The page comes smaller, with its coding, its length and `vary`, and is the same when it is decoded."""
    answer = ask(page, {"accept-encoding": coding})
    assert answer.text == TEXT
    assert answer.headers["content-encoding"] == coding
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(answer.raw_content) < len(TEXT) / 5
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "view",
    [
        lambda: {"list": ["item"] * 500},
        lambda: (TEXT, 404),
        lambda: Response(TEXT, media_type="image/svg+xml"),
        lambda: Response(TEXT.encode(), media_type="text/plain"),
        Response(TEXT),
    ],
)
def test_every_answer_that_is_text_is_compressed(view: Any) -> None:
    """JSON, errors, SVG, constants: what a site answers is compressed by its media type, not by who made it."""
    assert ask(view).headers["content-encoding"] == "zstd"


def test_error_pages_are_compressed() -> None:
    """The page of an error is one like any other."""

    def failing() -> None:
        raise NotFound

    answer = ask(failing, errors={404: lambda: TEXT})
    assert (answer.status, answer.headers["content-encoding"], answer.text) == (404, "zstd", TEXT)


def test_what_a_client_does_not_take_varies_too() -> None:
    """A client that asks for nothing gets the content as it is, and caches learn that another would not."""
    answer = ask(page, {})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.raw_content == TEXT.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cookie", "cookie, accept-encoding"),
        ("Accept-Encoding", "Accept-Encoding"),
        ("accept, accept-encoding", "accept, accept-encoding"),
        ("*", "*"),
        ("cookie,, origin ,", "cookie, origin, accept-encoding"),  # no empty members (RFC 9110 section 5.6.1.1)
        (",", "accept-encoding"),
    ],
)
def test_vary_is_added_to(before: str, after: str) -> None:
    """What the answer varies by already stays, and nothing stands there twice."""
    assert ask(lambda: Response(TEXT, headers={"vary": before})).headers.get_all("vary") == [after]


def test_a_response_that_is_shared_stays_as_it_is() -> None:
    """A response that a view gives again and again is compressed for each client anew, and never changed."""
    shared = Response(TEXT, headers={"etag": '"1"', "accept-ranges": "bytes"})
    with Client(App({"/": lambda: shared})) as client:
        assert client.get("/", headers=ALL).headers["content-encoding"] == "zstd"
        assert client.get("/", headers={"accept-encoding": "br"}).headers["content-encoding"] == "br"
        plain = client.get("/")
    assert (plain.text, plain.headers["etag"], plain.headers["accept-ranges"]) == (TEXT, '"1"', "bytes")
    assert shared.content == TEXT.encode()
    assert "vary" not in shared.headers


def test_steps_see_the_content_as_it_is() -> None:
    """Compression is outside of everything: a step reads and changes what the view has made."""

    def shout() -> Generator[None, Any]:
        response = yield
        response.content = response.content.upper()

    answer = ask(page, middleware=(shout,))
    assert (answer.text, answer.headers["content-encoding"]) == (TEXT.upper(), "zstd")


# --- what is not ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "response",
    [
        Response(b"x" * 5000, media_type="image/png"),
        Response(b"x" * 5000),
        Response("x" * 1023),
        Response(TEXT, headers={"content-encoding": "br"}),
        Response(TEXT, 206, headers={"content-range": "bytes 0-5/10"}),
        Response(TEXT, headers={"content-range": "bytes 0-5/10"}),
        Response(TEXT, headers={"cache-control": "public, No-Transform"}),
        Response(TEXT, headers={"content-digest": "sha-256=:x:"}),
        Response(TEXT, media_type="text/event-stream"),
        Response(b"", 204),
    ],
    ids=lambda response: f"{response.status} {len(response.content)} {response.fields()}",
)
def test_an_answer_that_is_not_to_be_touched_is_not(response: Response) -> None:
    """Images, small content, parts, what is encoded, digested or must not be transformed: they stay, byte for byte."""
    answer = ask(lambda: response)
    assert "vary" not in answer.headers
    assert answer.headers.get("content-encoding") == response.headers.get("content-encoding")
    assert answer.raw_content == response.content


def test_the_threshold_is_exact() -> None:
    """Content of `least_bytes` is compressed, a byte less is not."""
    setting = Compression(least_bytes=500)
    assert ask(lambda: "x" * 500, compression=setting).headers["content-encoding"] == "zstd"
    assert is_left_alone(ask(lambda: "x" * 499, compression=setting))


def test_what_would_not_become_smaller_is_sent_as_it_is() -> None:
    """Content that does not shrink is sent as it is; it was negotiated all the same."""
    token = secrets.token_bytes(2000)
    answer = ask(lambda: Response(token, media_type="text/plain"))
    assert "content-encoding" not in answer.headers
    assert (answer.headers["vary"], answer.raw_content) == ("accept-encoding", token)


def test_it_can_be_off_everywhere() -> None:
    """`compression=None`: nothing is compressed."""
    assert is_left_alone(ask(page, compression=None))


def test_it_can_be_off_for_a_view_and_for_a_table() -> None:
    """`middleware(uncompressed)` has the answers of a view, or of a part of URLS, sent as they are."""

    @middleware(uncompressed)
    def plain() -> str:
        return TEXT

    async def of_a_loop() -> str:
        return TEXT

    urls = {"/": page, "/plain": plain, "/part": middleware(uncompressed)({"/": page, "/async": of_a_loop})}
    with Client(App(urls)) as client:
        assert client.get("/", headers=ALL).headers["content-encoding"] == "zstd"
        for path in ("/plain", "/part", "/part/async"):
            assert is_left_alone(client.get(path, headers=ALL)), path


def test_the_settings_say_which_and_how() -> None:
    """A site chooses its codings, their order and its media types."""
    assert ask(page, compression=Compression(encodings=("gzip", "br"))).headers["content-encoding"] == "gzip"
    assert is_left_alone(ask(page, compression=Compression(encodings=())))
    mine = Compression(media_types=(*COMPRESSIBLE, "application/x-mine"))
    answer = ask(lambda: Response(TEXT, media_type="application/x-mine"), compression=mine)
    assert answer.headers["content-encoding"] == "zstd"


@pytest.mark.parametrize("media_type", ["text/html\r\nx: y", 5, ["text/html"]])
def test_what_can_not_be_sent_is_told_as_ever(media_type: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A media type that is none is a 500 and a line in the log, compressed or not."""
    assert ask(lambda: Response(TEXT, media_type=media_type)).status == 500
    assert "can't be answered" in caplog.text


# --- HEAD, tags, parts --------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [TEXT, BIG])
def test_head_has_the_fields_of_get(content: str) -> None:
    """HEAD is answered like GET, without content; where the length of GET is unknown, that of HEAD is too."""
    with Client(App({"/": lambda: Response(content, headers={"etag": '"1"'})})) as client:
        get, head = client.get("/", headers=ALL), client.head("/", headers=ALL)
    assert get.text == content
    assert head.content == b""
    unlike = {"date"}
    assert {pair for pair in head.headers.pairs() if pair[0] not in unlike} == {
        pair for pair in get.headers.pairs() if pair[0] not in unlike
    }


def test_a_strong_tag_becomes_weak() -> None:
    """The compressed content has other bytes, so its tag says no more than that it means the same."""
    view = lambda: Response(TEXT, headers={"etag": '"abc"', "accept-ranges": "bytes"})  # noqa: E731
    answer = ask(view)
    assert answer.headers["etag"] == 'W/"abc"'
    assert "accept-ranges" not in answer.headers
    plain = ask(view, {})
    assert plain.headers["etag"] == '"abc"'
    assert plain.headers["accept-ranges"] == "bytes"
    assert ask(lambda: Response(TEXT, headers={"etag": 'W/"abc"'})).headers["etag"] == 'W/"abc"'


@pytest.mark.parametrize(
    ("media_type", "whole", "vary"),
    [
        ("text/css", "5000", "accept-encoding"),
        ("text/css", "9000000", ""),
        ("text/css", "10", ""),
        ("image/png", "5000", ""),
    ],
)
def test_a_part_is_never_compressed_and_varies_as_the_whole(media_type: str, whole: str, vary: str) -> None:
    """A part goes as it is, with the strong tag of the whole, and with its `vary`."""
    fields = {"content-range": f"bytes 0-1999/{whole}", "etag": '"abc"', "accept-ranges": "bytes"}
    answer = ask(lambda: Response(iter([b"x" * 2000]), 206, media_type=media_type, length=2000, headers=fields))
    assert (answer.status, answer.raw_content) == (206, b"x" * 2000)
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == ('"abc"', "bytes")
    assert answer.headers.get("vary") == vary
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(("asked", "etag"), [('W/"abc"', 'W/"abc"'), ('"abc"', '"abc"'), ('"x", W/"abc"', 'W/"abc"')])
def test_a_304_says_what_the_200_has_said(asked: str, etag: str) -> None:
    """Who has the compressed content hears of the tag under which it was sent, and both of `vary`."""
    answer = ask(lambda: Response(b"", 304, headers={"etag": '"abc"'}), ALL | {"if-none-match": asked})
    assert (answer.status, answer.headers["etag"], answer.headers["vary"]) == (304, etag, "accept-encoding")


# --- streams ------------------------------------------------------------------------------------------


def lines() -> Iterator[str]:
    yield ""
    for number in range(3):
        yield f"line {number}\n"


async def async_lines() -> AsyncIterator[bytes]:
    yield b""
    for number in range(3):
        yield b"line %d\n" % number
    yield b"x" * 200_000


@pytest.mark.parametrize("coding", CODINGS)
def test_streams_are_compressed(coding: str) -> None:
    """Generators of both kinds are compressed piece by piece, without a length."""
    for view, expected in (
        (lines, "line 0\nline 1\nline 2\n"),
        (async_lines, "line 0\nline 1\nline 2\n" + "x" * 200_000),
    ):
        answer = ask(view, {"accept-encoding": coding})
        assert answer.text == expected
        assert answer.headers["content-encoding"] == coding
        assert "content-length" not in answer.headers


def test_a_stream_that_fails_is_cut_off() -> None:
    """An iterator that fails half-way cuts the connection, compressed or not: no client takes a part for the whole."""

    def broken() -> Iterator[str]:
        yield "begun"
        raise ValueError("lost")

    with Client(App({"/": broken})) as client, pytest.raises(http.client.IncompleteRead):
        client.get("/", headers=ALL)


def test_what_is_no_piece_is_told_to_its_author(caplog: pytest.LogCaptureFixture) -> None:
    """A stream of numbers is refused as it is without compression."""

    def numbers() -> Iterator[Any]:
        yield 1

    with Client(App({"/": numbers})) as client, pytest.raises(http.client.IncompleteRead):
        client.get("/", headers=ALL)
    assert "a stream's pieces are bytes or str, not int" in caplog.text


@pytest.mark.parametrize("coding", CODINGS)
def test_big_content_is_compressed_on_its_way(coding: str) -> None:
    """What would hold up others is compressed in a thread, piece by piece; it is the same when it is decoded."""
    answer = ask(lambda: BIG, {"accept-encoding": coding})
    assert answer.text == BIG
    assert answer.headers["content-encoding"] == coding
    assert len(answer.raw_content) < len(BIG) / 10


def test_files_are_compressed_up_to_a_size(tmp_path: Path) -> None:
    """A small file of text is compressed, and not padded for anybody; a big one, and an image, are sent as they are."""
    for name, size in (("small.css", 50_000), ("big.css", 50_001), ("tiny.css", 100), ("image.png", 40_000)):
        (tmp_path / name).write_bytes(b"a {}\n" * (size // 5) + b"\n" * (size % 5))
    urls = {"/{name}": lambda name: file_response(tmp_path / name)}
    with Client(App(urls, compression=Compression(file_bytes=50_000))) as client:
        small = client.get("/small.css", headers=ALL | COOKIE)
        assert small.headers["content-encoding"] == "zstd"
        assert small.content == (tmp_path / "small.css").read_bytes()
        assert small.raw_content == client.get("/small.css", headers=ALL | COOKIE).raw_content
        for name in ("big.css", "tiny.css", "image.png"):
            answer = client.get(f"/{name}", headers=ALL)
            assert is_left_alone(answer), name
            assert answer.headers["content-length"] == str((tmp_path / name).stat().st_size)


# --- what is wrong with settings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (True, "give Compression(...), or None to turn it off"),
        ("gzip", "compression is 'gzip'"),
        (Compression(encodings=("gzip", "zst")), "unknown encoding 'zst'"),
        (Compression(encodings=("brr",)), 'did you mean "br"?'),
        (Compression(encodings=("deflate",)), "the encodings are zstd, br, gzip"),
        (Compression(encodings="gzip"), "encodings is 'gzip'"),  # type: ignore[arg-type]  # the mistake
        (Compression(media_types="text/html"), "media_types is 'text/html'"),  # type: ignore[arg-type]  # the mistake
        (Compression(least_bytes=-1), "least_bytes is -1"),
        (Compression(padding_bytes=1.5), "padding_bytes is 1.5"),  # type: ignore[arg-type]  # the mistake
        (Compression(gzip_level=10), "gzip_level is 10"),
        (Compression(br_level=12), "give a whole number from 0 to 11"),
        (Compression(zstd_level=20), "zstd_level is 20"),
    ],
)
def test_bad_settings_are_told_before_the_port_opens(setting: Any, told: str) -> None:
    """What can't be a setting is a mistake of the site, with what to write instead."""
    with pytest.raises(SetupError) as caught:
        App({"/": page}, compression=setting)
    assert told in str(caught.value)


def test_a_package_that_is_missing_is_told_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names br must have it installed; who names nothing gets what there is."""
    monkeypatch.delitem(CODECS, "br")
    with pytest.raises(SetupError) as caught:
        App({"/": page}, compression=Compression(encodings=("br", "gzip")))
    assert "br needs the package brotli" in str(caught.value)
    assert "pip install 'fanlight[compression]'" in str(caught.value)
    assert ask(page, {"accept-encoding": "br, gzip"}).headers["content-encoding"] == "gzip"
