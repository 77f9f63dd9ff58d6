"""The parts of a request, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import BadRequest, ContentTooLarge, HTTPError, NoSuchURL, UnsupportedMediaType
from fanlight.message.body_policy import FormLimits
from fanlight.message.content import SpooledContent
from fanlight.message.request import Request
from fanlight.testing import FakeHead

FORM = "application/x-www-form-urlencoded"


contents: list[SpooledContent] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close all content when its test ends, as the server does after the response."""
    yield
    while contents:
        contents.pop().close()


def made(target: str = "/", content: bytes | None = None, kind: str = "", **fields: str) -> Request:
    body = None
    if content is not None:
        body = SpooledContent()
        body.write(content)
        contents.append(body)
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Request(FakeHead("POST", target, named | ({"content-type": kind} if kind else {})), "127.0.0.1", body)


def test_the_target_is_taken_apart() -> None:
    """Path, query and URL are available decoded and raw."""
    request = made("/caf%C3%A9?q=a+b&q=c%26&empty=")
    assert (request.path, request.raw_path) == ("/café", "/caf%C3%A9")
    assert request.query.get_all("q") == ["a b", "c&"]
    assert request.query["q"] == "c&"
    assert request.query.get("empty", "x") == ""
    assert request.query.get("nothing", "x") == "x"
    assert request.url == "http://testserver/caf%C3%A9?q=a+b&q=c%26&empty="
    assert (request.method, request.host, request.client, request.http_version) == (
        "POST",
        "testserver",
        "127.0.0.1",
        "1.1",
    )


def test_a_part_of_a_request_is_parsed_once() -> None:
    """Lazy parts are kept."""
    request = made("/?a=1")
    assert request.query is request.query
    assert request.headers is request.headers


def test_cookies_are_read_leniently() -> None:
    """The first of a name counts, quotes are taken off, and what is no pair is passed over."""
    assert made(cookie='a=1; b="2 3"; a=4; nonsense; =5; c=').cookies == {"a": "1", "b": "2 3", "c": ""}


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=10))
def test_a_form_comes_back_as_it_was_sent(pairs: list[tuple[str, str]]) -> None:
    """Any names and values survive the way through an urlencoded form, and through a query."""
    pairs = [(a.encode("utf-8", "ignore").decode(), b.encode("utf-8", "ignore").decode()) for a, b in pairs]
    text = urlencode(pairs)
    grouped = sorted(pairs)
    assert sorted(made("/", text.encode(), FORM).form.pairs()) == grouped
    assert sorted(made(f"/?{text}").query.pairs()) == grouped


def test_a_bad_form_is_a_bad_request() -> None:
    """What is no UTF-8, or has bytes that should be encoded, is refused; too many fields are too large."""
    with pytest.raises(BadRequest):
        made("/", b"a=%ff", FORM).form
    with pytest.raises(BadRequest):
        made("/", b"a=\xff", FORM).form
    with pytest.raises(ContentTooLarge):
        made("/", b"a=1&" * 20, FORM).read_form(FormLimits(fields=10))
    with pytest.raises(UnsupportedMediaType):
        made("/", b"{}", "application/json").form


def test_json_is_read_or_refused() -> None:
    """JSON is read by its media type; what is broken, or too deep, is a bad request."""
    assert made("/", b'{"a": [1]}', "application/json; charset=utf-8").json == {"a": [1]}
    assert made("/", b"1", "application/vnd.api+json").json == 1
    with pytest.raises(BadRequest):
        made("/", b"{", "application/json").json
    with pytest.raises(BadRequest):
        made("/", b"[" * 100_000, "application/json").json
    with pytest.raises(UnsupportedMediaType):
        made("/", b"a=1", FORM).json


def test_text_is_in_the_charset_it_claims() -> None:
    """The default is UTF-8; content that is invalid in its charset is refused."""
    assert made("/", "é".encode(), "text/plain").text == "é"
    assert made("/", b"\xe9", "text/plain; charset=latin-1").text == "é"
    with pytest.raises(BadRequest):
        made("/", b"\xe9", "text/plain").text
    with pytest.raises(BadRequest):
        made("/", b"x", "text/plain; charset=nonsense").text


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("application/*;q=0.9, text/html;q=0.8", "application/json"),
        ("text/*, application/json;q=0.1", "text/html"),
        ("image/png", None),
        ("text/html;q=0, */*", "application/json"),
        ("text/html;q=nonsense, application/json;q=0.1", "application/json"),
        ("text/html;q=1_0, application/json;q=0.1", "application/json"),
        ("text/html;q=.2, application/json;q=.1", "text/html"),
        (",, application/json ,", "application/json"),
        (" , ,", "text/html"),  # a list without members says no more than no list
    ],
)
def test_the_client_gets_the_media_type_it_prefers(accept: str, best: str | None) -> None:
    """The most specific range decides, then its quality, then the order of the offers (RFC 9110 12.5.1)."""
    assert made(accept=accept).accepts("text/html", "application/json") == best


def part(name: str, content: bytes, filename: str | None = None, kind: str = "") -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    media = f"\r\nContent-Type: {kind}" if kind else ""
    return f"--x\r\nContent-Disposition: {disposition}{media}\r\n\r\n".encode() + content + b"\r\n"


MULTIPART = "multipart/form-data; boundary=x"


def test_a_multipart_form_has_texts_and_files() -> None:
    """Text fields are text, files are uploads with name, media type, size and content."""
    body = part("name", "Ada é".encode()) + part("file", b"\x00" * 2_000_000, "a.bin", "application/x") + b"--x--\r\n"
    form = made("/", body, MULTIPART).form
    assert form["name"] == "Ada é"
    upload = form["file"]
    assert not isinstance(upload, str)
    assert (upload.filename, upload.media_type, upload.size) == ("a.bin", "application/x", 2_000_000)
    assert upload.file.read() == b"\x00" * 2_000_000
    contents[0].close()
    assert upload.file.closed


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\x\\\\a.txt", "a.txt"),
        (".htaccess", "htaccess"),
        ("..", ""),
        ("a/", ""),
        ("n" * 300, "n" * 255),
    ],
)
def test_a_clients_file_name_is_never_a_path(sent: str, kept: str) -> None:
    """Of what a client calls its file only a harmless last segment is left."""
    upload = made("/", part("f", b"x", sent) + b"--x--\r\n", MULTIPART).form["f"]
    assert not isinstance(upload, str)
    assert upload.filename == kept


def test_an_upload_is_saved_at_the_path_of_the_app(tmp_path: Path) -> None:
    """save_to writes the file, and never over another one."""
    upload = made("/", part("f", b"abc", "x") + b"--x--\r\n", MULTIPART).form["f"]
    assert not isinstance(upload, str)
    assert upload.save_to(tmp_path / "kept").read_bytes() == b"abc"
    with pytest.raises(FileExistsError):
        upload.save_to(tmp_path / "kept")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"nonsense", MULTIPART),
        (part("a", b"1"), MULTIPART),
        (part("a", b"1") + b"--x--\r\n", "multipart/form-data"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", MULTIPART),
        (part("a", b"\xff") + b"--x--\r\n", MULTIPART),
    ],
)
def test_a_broken_multipart_form_is_a_bad_request(body: bytes, kind: str) -> None:
    """A form without end, without boundary, without names or with broken text is refused, not guessed at."""
    with pytest.raises(BadRequest):
        made("/", body, kind).form


@pytest.mark.parametrize("charset", ["iso-8859-1", '"windows-1252"', "ISO-8859-15"])
def test_an_urlencoded_form_is_in_the_charset_it_claims(charset: str) -> None:
    """As clients from before UTF-8 send it; what has no % in it is the same in each."""
    form = made("/", b"gr%FCn=%FC+a&b=c", f"{FORM}; charset={charset}").form
    assert form.pairs() == [("grün", "ü a"), ("b", "c")]


@pytest.mark.parametrize("content", [b"_charset_=iso-8859-1&t=%FC", b"t=%FC&_charset_=iso-8859-1"])
def test_an_urlencoded_form_may_name_its_charset_itself(content: bytes) -> None:
    """The field `_charset_` sets the charset; that of the content type takes precedence."""
    assert made("/", content, FORM).form["t"] == "ü"
    with pytest.raises(BadRequest, match="not valid text in its charset"):
        made("/", content, f"{FORM}; charset=utf-8").form


@pytest.mark.parametrize("charset", ["nonsense", "punycode", "zlib", "utf-7"])
def test_an_urlencoded_form_in_no_charset_is_refused(charset: str) -> None:
    """It is never guessed."""
    for content, kind in ((b"t=%FC", f"{FORM}; charset={charset}"), (f"_charset_={charset}&t=%FC".encode(), FORM)):
        with pytest.raises(BadRequest, match="is not a supported charset"):
            made("/", content, kind).form


@pytest.mark.parametrize("kind", [MULTIPART, "multipart/form-data", "application/x-www-form-urlencoded", ""])
def test_a_form_without_content_is_empty(kind: str) -> None:
    """Where nothing came, the form has no fields, as it is for the parameters of a view."""
    for body in (b"", None):
        request = made("/", b"", kind)
        if body is None:
            request.content_source = None
        assert request.form.pairs() == []


@pytest.mark.parametrize("limits", [FormLimits(field_bytes=3), FormLimits(files=0), FormLimits(fields=1, files=0)])
def test_a_multipart_form_over_a_limit_is_refused(limits: FormLimits) -> None:
    """A field too long, or too many parts, end with an error for the client."""
    body = part("a", b"12345") + part("b", b"1") + part("f", b"x", "x") + b"--x--\r\n"
    with pytest.raises(HTTPError):
        made("/", body, MULTIPART).read_form(limits)


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "zlib", "unicode_escape", "rot13", "nowhere", "utf-8\x00", "x" * 99]
)
def test_a_charset_is_one_of_the_web(charset: str) -> None:
    """A codec of Python's that is no charset is refused, before it has seen the content."""
    with pytest.raises(BadRequest, match="is not a supported charset"):
        _ = made(content=b"a" * 100_000, kind=f"text/plain; charset={charset}").text


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "latin-1", "windows-1252", "utf-16", "shift_jis", "ascii", "gbk"])
def test_a_charset_is_read(charset: str) -> None:
    """The charsets of the web are read by all of their names."""
    assert made(content="abc".encode(charset), kind=f'text/plain; charset="{charset}"').text == "abc"


def test_the_origin_stands_before_the_path() -> None:
    """Scheme and host make a whole URL of a path."""
    assert made("/a").origin == "http://testserver"


def test_a_request_without_an_app_has_no_url_for() -> None:
    """A request that no app got has no way back."""
    with pytest.raises(NoSuchURL, match="without an app"):
        made().url_for("home")


def test_an_urlencoded_form_has_a_limit_of_its_own() -> None:
    """However much a route takes, texts are held in memory, so they have their own limit."""
    request = made(content=b"a=" + b"x" * 100, kind=FORM)
    with pytest.raises(ContentTooLarge, match="the form is over 50 bytes"):
        request.read_form(FormLimits(text_bytes=50))
