"""Which responses are compressed, and their header fields."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import App
from fanlight.compression.codecs import CODECS, CODINGS
from fanlight.compression.compression_settings import DEFAULT_COMPRESSION, Compression, uncompressed
from fanlight.compression.compressor import Compressor
from fanlight.compression.negotiation import COMPRESSIBLE
from fanlight.errors import NotFound, SetupError
from fanlight.message.file_response import PrebuiltResponse, file_response
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.with_middleware import middleware
from fanlight.testing import Client, ClientResponse, FakeHead

TEXT = "".join(f"<p>line {number} of a page that is worth it</p>\n" for number in range(100))
BIG = TEXT * 60
ALL = {"accept-encoding": "gzip, deflate, br, zstd"}
COOKIE = {"cookie": "session=secret"}


def page() -> str:
    return TEXT


def ask(view: Any, headers: dict[str, str] | None = None, *, method: str = "GET", **settings: Any) -> ClientResponse:
    """Return the response of an app with a single view."""
    with Client(App({f"{method} /" if method != "HEAD" else "/": view}, **settings)) as client:
        return client.request(method, "/", headers=ALL if headers is None else headers)


def is_left_alone(answer: ClientResponse) -> bool:
    return "content-encoding" not in answer.headers and "vary" not in answer.headers


# --- what is compressed -----------------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODINGS)
def test_a_page_is_compressed_as_the_client_asks(coding: str) -> None:
    """The response is smaller, has the coding, its length and `vary`, and decodes to the page."""
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
def test_every_text_response_is_compressed(view: Any) -> None:
    """JSON, errors, SVG, constants: the media type decides, not what made the response."""
    assert ask(view).headers["content-encoding"] == "zstd"


def test_error_pages_are_compressed() -> None:
    """An error page is compressed like any other."""

    def failing() -> None:
        raise NotFound

    answer = ask(failing, errors={404: lambda: TEXT})
    assert (answer.status, answer.headers["content-encoding"], answer.text) == (404, "zstd", TEXT)


def test_an_uncompressed_response_varies_too() -> None:
    """A client without `accept-encoding` gets the content as it is, with `vary` for caches."""
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
    """The names in `vary` stay, and none is listed twice."""
    assert ask(lambda: Response(TEXT, headers={"vary": before})).headers.get_all("vary") == [after]


def test_a_shared_response_is_not_changed() -> None:
    """A response that a view returns again is compressed for each client, and never changed."""
    shared = Response(TEXT, headers={"etag": '"1"', "accept-ranges": "bytes"})
    with Client(App({"/": lambda: shared})) as client:
        assert client.get("/", headers=ALL).headers["content-encoding"] == "zstd"
        assert client.get("/", headers={"accept-encoding": "br"}).headers["content-encoding"] == "br"
        plain = client.get("/")
    assert (plain.text, plain.headers["etag"], plain.headers["accept-ranges"]) == (TEXT, '"1"', "bytes")
    assert shared.content == TEXT.encode()
    assert "vary" not in shared.headers


def test_middleware_sees_uncompressed_content() -> None:
    """Compression comes after all middleware, which reads and changes the content of the view."""

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
def test_some_responses_are_never_compressed(response: Response) -> None:
    """Images, small content, parts, and content that is encoded, digested or `no-transform`, stay byte for byte."""
    answer = ask(lambda: response)
    assert "vary" not in answer.headers
    assert answer.headers.get("content-encoding") == response.headers.get("content-encoding")
    assert answer.raw_content == response.content


def test_the_threshold_is_exact() -> None:
    """Content of `least_bytes` is compressed, a byte less is not."""
    setting = Compression(least_bytes=500)
    assert ask(lambda: "x" * 500, compression=setting).headers["content-encoding"] == "zstd"
    assert is_left_alone(ask(lambda: "x" * 499, compression=setting))


def test_content_that_does_not_shrink_is_sent_as_it_is() -> None:
    """Content that would not become smaller is sent as it is, with `vary`: it was negotiated."""
    token = secrets.token_bytes(2000)
    answer = ask(lambda: Response(token, media_type="text/plain"))
    assert "content-encoding" not in answer.headers
    assert (answer.headers["vary"], answer.raw_content) == ("accept-encoding", token)


def test_it_can_be_off_everywhere() -> None:
    """`compression=None`: nothing is compressed."""
    assert is_left_alone(ask(page, compression=None))


def test_it_can_be_off_for_a_view_and_for_a_table() -> None:
    """`middleware(uncompressed)` turns compression off for a view or a part of URLS."""

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


def test_the_settings_choose_codings_and_media_types() -> None:
    """A site chooses its codings, their order and its media types."""
    assert ask(page, compression=Compression(encodings=("gzip", "br"))).headers["content-encoding"] == "gzip"
    assert is_left_alone(ask(page, compression=Compression(encodings=())))
    mine = Compression(media_types=(*COMPRESSIBLE, "application/x-mine"))
    answer = ask(lambda: Response(TEXT, media_type="application/x-mine"), compression=mine)
    assert answer.headers["content-encoding"] == "zstd"


@pytest.mark.parametrize("media_type", ["text/html\r\nx: y", 5, ["text/html"]])
def test_a_response_that_can_not_be_sent_is_reported_as_ever(media_type: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An invalid media type is a 500 and a line in the log, compressed or not."""
    assert ask(lambda: Response(TEXT, media_type=media_type)).status == 500
    assert "can't be sent" in caplog.text


# --- HEAD, tags, parts --------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [TEXT, BIG])
def test_head_has_the_fields_of_get(content: str) -> None:
    """HEAD has the fields of GET; where the length of GET is unknown, that of HEAD is too."""
    with Client(App({"/": lambda: Response(content, headers={"etag": '"1"'})})) as client:
        get, head = client.get("/", headers=ALL), client.head("/", headers=ALL)
    assert get.text == content
    assert head.content == b""
    unlike = {"date"}
    assert {pair for pair in head.headers.pairs() if pair[0] not in unlike} == {
        pair for pair in get.headers.pairs() if pair[0] not in unlike
    }


def test_a_strong_tag_becomes_weak() -> None:
    """Compressed content has other bytes, so its ETag is weak."""
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
    """A part is sent as it is, with the strong ETag and the `vary` of the whole."""
    fields = {"content-range": f"bytes 0-1999/{whole}", "etag": '"abc"', "accept-ranges": "bytes"}
    answer = ask(lambda: Response(iter([b"x" * 2000]), 206, media_type=media_type, length=2000, headers=fields))
    assert (answer.status, answer.raw_content) == (206, b"x" * 2000)
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == ('"abc"', "bytes")
    assert answer.headers.get("vary") == vary
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(("asked", "etag"), [('W/"abc"', 'W/"abc"'), ('"abc"', '"abc"'), ('"x", W/"abc"', 'W/"abc"')])
def test_a_304_has_the_fields_of_the_200(asked: str, etag: str) -> None:
    """A 304 has the ETag that the client sent, weak or strong, and `vary`."""
    answer = ask(lambda: Response(b"", 304, headers={"etag": '"abc"'}), ALL | {"if-none-match": asked})
    assert (answer.status, answer.headers["etag"], answer.headers["vary"]) == (304, etag, "accept-encoding")


@pytest.mark.parametrize("asked", ['"abc"', 'W/"abc"'])
def test_a_shared_304_stays_as_it_was_made(asked: str) -> None:
    """It is sent again and again, with the fields that were made for it once."""
    shared = PrebuiltResponse(b"", (("etag", '"abc"'),), media_type="text/css", length=0, modified=0, status=304)
    request = Request(FakeHead(fields=ALL | {"if-none-match": asked}), None, None)
    answer = Compressor(DEFAULT_COMPRESSION).encode(shared, request, False)
    assert dict(answer.fields()) == {"etag": asked, "vary": "accept-encoding"}
    assert shared.has_shared_fields


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
    """Sync and async generators are compressed piece by piece, without a length."""
    for view, expected in (
        (lines, "line 0\nline 1\nline 2\n"),
        (async_lines, "line 0\nline 1\nline 2\n" + "x" * 200_000),
    ):
        answer = ask(view, {"accept-encoding": coding})
        assert answer.text == expected
        assert answer.headers["content-encoding"] == coding
        assert "content-length" not in answer.headers


def test_a_stream_that_fails_is_cut_off() -> None:
    """An iterator that fails half-way cuts the connection: no client takes a part for the whole."""

    def broken() -> Iterator[str]:
        yield "begun"
        raise ValueError("lost")

    with Client(App({"/": broken})) as client, pytest.raises(http.client.IncompleteRead):
        client.get("/", headers=ALL)


def test_a_piece_of_the_wrong_type_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A stream of numbers is refused, as it is without compression."""

    def numbers() -> Iterator[Any]:
        yield 1

    with Client(App({"/": numbers})) as client, pytest.raises(http.client.IncompleteRead):
        client.get("/", headers=ALL)
    assert "a stream's pieces are bytes or str, not int" in caplog.text


@pytest.mark.parametrize("coding", CODINGS)
def test_big_content_is_compressed_while_it_is_sent(coding: str) -> None:
    """Content that would block the loop is compressed in a thread, piece by piece, and decodes to the same."""
    answer = ask(lambda: BIG, {"accept-encoding": coding})
    assert answer.text == BIG
    assert answer.headers["content-encoding"] == coding
    assert len(answer.raw_content) < len(BIG) / 10


def test_files_are_compressed_up_to_a_size(tmp_path: Path) -> None:
    """A small text file is compressed, without padding; a big one, and an image, are sent as they are."""
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
def test_bad_settings_are_reported_at_start_up(setting: Any, told: str) -> None:
    """An invalid setting is a mistake with a hint."""
    with pytest.raises(SetupError) as caught:
        App({"/": page}, compression=setting)
    assert told in str(caught.value)


def test_a_missing_package_is_reported_if_its_coding_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that name br need its package; by default the installed codings are used."""
    monkeypatch.delitem(CODECS, "br")
    with pytest.raises(SetupError) as caught:
        App({"/": page}, compression=Compression(encodings=("br", "gzip")))
    assert "br needs the package brotli" in str(caught.value)
    assert "pip install 'fanlight[compression]'" in str(caught.value)
    assert ask(page, {"accept-encoding": "br, gzip"}).headers["content-encoding"] == "gzip"
