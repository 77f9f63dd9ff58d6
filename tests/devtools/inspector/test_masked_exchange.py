"""What pages and exports show of an exchange: everything but its secrets."""

from __future__ import annotations

import gzip
import time

import pytest
from msgspec import json
from msgspec.structs import replace
from tests.devtools.inspector import samples
from tests.devtools.inspector.test_marks import exchange_of
from tests.speed import seconds
from tests.wire.test_vectors import EXPECTED, vector

from fanlight.devtools.inspector.exchange_record import Candidate, ErrorReport, Exchange, Parameter, Span
from fanlight.devtools.inspector.masked_exchange import hidden_ranges, masked

SECRET = "hunter2-is-a-secret"


def received(data: bytes, **facts: object) -> bytes:
    """Return the received bytes of a masked exchange, however they came."""
    refusal = exchange_of(data).refusal
    halves = samples.pieces((0.0, data[: len(data) // 2]), (0.1, data[len(data) // 2 :]))
    shown = masked(samples.exchange(1, halves, [], refusal=refusal, **facts))
    return b"".join(piece.data for piece in shown.received)


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer {}",
        "authorization: {}",
        "Authorization:{}",
        "Proxy-Authorization: Basic {}",
        "Authorization : Bearer {}",
        "Authorization: Basic\r\n {}",
        "Author\0ization: Bearer {}",
        "Authorization Bearer {}",
        "Cookie: theme=dark; session={}; x=y",
        "Cookie: a={}",
        "X-Api-Key: {}",
        "X-Auth-Token: {}",
        "Referer: http://localhost/?token={}&x=y",
        "X: a\nAuthorization: Bearer {}",
    ],
)
def test_a_secret_field_has_its_value_masked(line: str) -> None:
    """The value of a secret field never shows, also where the line is malformed, and nothing moves."""
    data = f"GET / HTTP/1.1\r\nHost: a\r\n{line.format(SECRET)}\r\nX-Last: seen\r\n\r\n".encode("latin-1")
    shown = received(data)
    assert SECRET.encode() not in shown
    assert b"*" * len(SECRET) in shown
    assert (len(shown), b"X-Last: seen" in shown) == (len(data), True)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-www-form-urlencoded", "name=anna&password={}&x=y"),
        ("application/x-www-form-urlencoded", "password={}"),
        ("application/json", '{{"name": "anna", "password": "{}", "x": "y"}}'),
        ("application/json", '{{"card": {{"pin":"{}"}}, "name": "anna"}}'),
        ("application/json", '{{"api_key":\n  "{}'),
        (
            "multipart/form-data; boundary=b",
            '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{}\r\n--b--\r\n',
        ),
        ("text/plain", "http://a/?access_token={}"),
    ],
)
@pytest.mark.parametrize("framing", ["length", "chunks", "refused"])
def test_a_secret_in_content_is_masked(kind: str, content: str, framing: str) -> None:
    """The values of secret fields of a form, of JSON and of parts never show, also where chunks cut them."""
    body = content.format(SECRET).encode()
    head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n".encode()
    if framing == "chunks":
        chunks = b"".join(b"1\r\n%b\r\n" % body[at : at + 1] for at in range(len(body)))
        data = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    else:
        length = len(body) if framing == "length" else -1
        data = head + b"Content-Length: %d\r\n\r\n" % length + body
    shown = received(data, request_content=body)
    assert SECRET.encode() not in shown.replace(b"\r\n1\r\n", b"")
    assert len(shown) == len(data)
    assert shown.count(b"*") >= len(SECRET)


def test_a_secret_of_the_target_is_masked() -> None:
    """A token in the query is masked in the bytes and in the target."""
    exchange = samples.exchange(1, samples.pieces((0.0, b"GET /a?token=hunter2&b=c HTTP/1.1\r\nHost: a\r\n\r\n")), [])
    shown = masked(exchange)
    assert shown.target == "/a?token=***&b=c"
    assert shown.received[0].data.startswith(b"GET /a?token=*******&b=c HTTP/1.1\r\n")


def test_no_secret_is_left_anywhere_in_the_record() -> None:
    """Neither the password of a form, nor a cookie, is in any part of a masked exchange."""
    exchange = samples.login()
    text = json.encode(exchange).decode()
    assert samples.PASSWORD in text
    shown = masked(exchange)
    for part in (json.encode(shown), *(piece.data for piece in (*shown.received, *shown.sent)), shown.request_content):
        assert samples.PASSWORD.encode() not in part
        assert b"8b1d00c7a9e24f55" not in part
        assert b"0d1f7c52b6a94e0f" not in part
    assert b"set-cookie: session=****************; HttpOnly; Path=/" in shown.sent[0].data
    assert exchange.received == samples.login().received


def test_compressed_content_with_a_secret_is_masked_whole() -> None:
    """Compressed bytes can't be searched, so all of them are masked where the plain content has a secret."""
    plain = b'{"token": "%b"}' % SECRET.encode()
    body = gzip.compress(plain)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    exchange = samples.exchange(
        1,
        samples.pieces((0.0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
        samples.pieces((0.1, head + body)),
        response_content=plain,
        encoded_bytes=len(body),
    )
    shown = masked(exchange)
    assert shown.sent[0].data == head + b"*" * len(body)
    assert SECRET.encode() not in shown.response_content


@pytest.mark.parametrize("make", [*samples.REALISTIC, samples.hostile, samples.huge])
def test_masking_changes_no_size(make: object) -> None:
    """Every piece has as many bytes as before."""
    exchange: Exchange = make()  # type: ignore[operator]
    shown = masked(exchange)
    for before, after in ((exchange.received, shown.received), (exchange.sent, shown.sent)):
        assert [len(piece.data) for piece in before] == [len(piece.data) for piece in after]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_message_without_secrets_is_unchanged(name: str) -> None:
    """Where nothing is secret, every byte shows."""
    data = vector(name)
    if (
        b"ookie" not in data
        and b"uthorization" not in data
        and b"@" not in data
        and b"\\a.ex" not in data
        and len(data) < 1000
    ):
        assert received(data) == data


@pytest.mark.parametrize(
    ("text", "shown", "hidden"),
    [
        ("abc", "abc", ""),
        ("a=1&b=2", "a=***&b=2", "1"),
        ("secret", "***", "secret"),
        ("a secret word", "a *** word", "secret"),
        ("a; b=1; b=2; b=3", "a; b=***; b=***; b=***", "1; b=2; b=3"),
        ("x y", "z ***", "x y"),
    ],
)
def test_what_is_hidden_is_found_again(text: str, shown: str, hidden: str) -> None:
    """The ranges are those of the asterisks, and all of the rest where that is not certain."""
    assert "".join(text[start:end] for start, end in hidden_ranges(text, shown)) == hidden


@pytest.mark.parametrize(
    "content", [b'"' * 65536, b"&a=" * 20000, b'name="' * 10000, b'"a":"' * 13000, b"a" * 65536, b'"\\' * 30000]
)
def test_masking_takes_time_in_proportion(content: bytes) -> None:
    """Content that is made to be slow to search is masked in a moment."""
    data = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    began = time.thread_time()
    received(data, request_content=content)
    assert time.thread_time() - began < seconds(1.0)


def test_what_only_looks_random_is_kept_where_it_has_a_meaning() -> None:
    """The boundary of parts, an entity tag and a policy are no secrets, and parts between boundaries are masked."""
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="pin"\r\n\r\n{SECRET}\r\n--{boundary}--\r\n'
    data = (
        f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n"
        f'If-None-Match: "0123456789abcdef0123456789abcdef"\r\nContent-Length: {len(body)}\r\n\r\n{body}'
    ).encode()
    assert received(data) == data.replace(SECRET.encode(), b"*" * len(SECRET))


def test_what_a_stage_wrote_about_a_secret_is_masked() -> None:
    """Reasons of routes, complaints, statements, exceptions, stacks and notes show no secret beside its name."""
    text = f"token='{SECRET}'"
    exchange = samples.failed()
    assert exchange.run is not None
    exchange = replace(
        exchange,
        candidates=[Candidate("GET", "/{token}", "main.reset", "main.py:1", text)],
        parameters=[Parameter("token", "query", "int", SECRET, "", f"{SECRET} is not an int")],
        spans=[Span("query", "SELECT", 0.0, 0.1, detail={"sql": f"SELECT 1 WHERE {text}"}, error=text)],
        error=ErrorReport("ValueError", text, text),
        run=replace(exchange.run, stacks=[text]),
        note=text,
    )
    assert SECRET in json.encode(exchange).decode()
    assert SECRET not in json.encode(masked(exchange)).decode()


def test_the_code_of_an_error_is_no_secret() -> None:
    """`code` in JSON mostly is that of an error; in a form it is what a person got to sign in."""
    json_head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\n"
    assert received(json_head + b'{"code":"E-1234"}') == json_head + b'{"code":"E-1234"}'
    assert received(json_head + b"code=1234567&b=cd") == json_head + b"code=*******&b=cd"
