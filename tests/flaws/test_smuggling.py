"""Request smuggling, by class: what two parsers could take for different messages is refused, and the connection ends.

In most tests a second request follows the first, or is hidden in it. It must never get a response.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Statuses = Callable[..., list[int]]
Send = Callable[..., bytes]
Get = Callable[..., tuple[int, str, bytes]]
SECRET = b"GET /secret HTTP/1.1\r\nHost: site.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: site.example\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def hidden(length: bytes) -> bytes:
    return POST + length + b"\r\n\r\n" + SECRET


def test_cl_te(statuses: Statuses) -> None:
    """A message with Content-Length and Transfer-Encoding is refused, in either order."""
    for lines in (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4",
    ):
        assert statuses(POST + lines + b"\r\n\r\n0\r\n\r\n" + SECRET) == [400]


def test_te_cl(statuses: Statuses) -> None:
    """A Transfer-Encoding that is not known is refused, and never falls back to Content-Length."""
    for coding in (b"identity", b"xchunked", b"gzip", b"chunked, identity"):
        found = statuses(POST + b"Transfer-Encoding: " + coding + b"\r\nContent-Length: 4\r\n\r\nabcd" + SECRET)
        assert found in ([400], [501])


@pytest.mark.parametrize(
    "lines",
    [
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked, gzip",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked\x0c",
        b"Transfer-Encoding: chunked\x85",
        b"Transfer-Encoding: \xa0chunked",
        b"Transfer-Encoding: chunked123",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding : chunked",
        b" Transfer-Encoding: chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer_Encoding: chunked\r\nTransfer-Encoding: x",
        "Transfer-Encoding: chun\u212aed".encode(),
    ],
)
def test_te_te(statuses: Statuses, lines: bytes) -> None:
    """A Transfer-Encoding that one parser sees and another does not is refused, however it is hidden."""
    found = statuses(POST + lines + b"\r\n\r\n0\r\n\r\n" + SECRET)
    assert len(found) == 1
    assert found[0] in (400, 501)


def test_cl_0(send: Send) -> None:
    """Content that the view does not read is discarded as content, and not parsed as the next request."""
    response = send(b"GET /secret HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(SECRET) + SECRET)
    assert response.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "lines",
    [b"Content-Length: 0\r\nContent-Length: 44", b"Content-Length: 44\r\nContent-Length: 0", b"Content-Length: 0, 44"],
)
def test_cl_cl(statuses: Statuses, lines: bytes) -> None:
    """Two lengths that differ are refused: neither the first nor the last wins."""
    assert statuses(hidden(lines)) == [400]


@pytest.mark.parametrize(
    "size", [b"+44", b"-44", b"4_4", b"0x2c", b"44.0", b"44 ", b"4 4", b"", b"\xb24", "\u0664\u0664".encode()]
)
def test_lax_content_length(statuses: Statuses, size: bytes) -> None:
    """A length consists of ASCII digits; other text that int() accepts is refused."""
    found = statuses(hidden(b"Content-Length: " + size))
    if size.strip() == b"44":
        assert found == [200]  # whitespace around a value is not part of it (RFC 9110 section 5.5)
    else:
        assert found == [400]


@pytest.mark.parametrize("size", [b"+1", b"-1", b"0x1", b"1_0", b" 1", b"", b"g", b"1" * 17, "\u0661".encode()])
def test_lax_chunk_size(statuses: Statuses, size: bytes) -> None:
    """A chunk size consists of hexadecimal digits, and is bounded."""
    found = statuses(CHUNKED + size + b"\r\na\r\n0\r\n\r\n" + SECRET)
    assert len(found) == 1
    assert found[0] in (400, 413)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\nX: b\r\n\r\n",
        CHUNKED + b"1\na\r\n0\r\n\r\n",
        CHUNKED + b"1\r\na\n0\r\n\r\n",
        CHUNKED + b"1\r\na\r\n0\n\n",
    ],
)
def test_bare_line_ends(statuses: Statuses, data: bytes) -> None:
    """A line ends in CR LF: a bare LF or CR, which other parsers skip or take for a line end, is refused."""
    assert statuses(data + SECRET) == [400]


def test_obs_fold(statuses: Statuses) -> None:
    """A folded line is refused: implementations differ on the field that it belongs to."""
    for fold in (b" ", b"\t"):
        assert statuses(b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n" + fold + b"Y: c\r\n\r\n" + SECRET) == [400]


def test_space_before_the_colon(statuses: Statuses) -> None:
    """A name with a space after it is refused, not stripped."""
    assert statuses(POST + b"Content-Length : 44\r\n\r\n" + SECRET) == [400]


@pytest.mark.parametrize("extension", [b";a\nb", b";a\rb", b";a\x00", b";" + b"x" * 100_000])
def test_chunk_extension(statuses: Statuses, extension: bytes) -> None:
    """A chunk extension has no line end in it, and its length is bounded."""
    assert statuses(CHUNKED + b"1" + extension + b"\r\na\r\n0\r\n\r\n" + SECRET) == [400]


@pytest.mark.parametrize("behind", [b"xx", b"\n\r", b"\r\r", b"", b"\r\n\r\n"])
def test_what_follows_a_chunk(statuses: Statuses, behind: bytes) -> None:
    """The data of a chunk is followed by CR LF, and not by any two bytes."""
    assert statuses(CHUNKED + b"1\r\na" + behind + b"0\r\n\r\n" + SECRET) == [400]


def test_truncated_chunks(send: Send) -> None:
    """Content that ends before its last chunk is not passed to the view."""
    assert send(CHUNKED + b"5\r\nhello\r\n") == b""


def test_trailers_merged_into_fields(send: Send) -> None:
    """A trailer does not become a field of the request; one that frames or routes is refused."""
    head = b"POST /fields HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n"
    response = send(head + b"X-User: admin\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 200")
    assert b"admin" not in response
    for line in (b"Content-Length: 44", b"Transfer-Encoding: chunked", b"Host: b", b"Authorization: x"):
        assert send(head + line + b"\r\n\r\n" + SECRET).startswith(b"HTTP/1.1 400")


def test_trailers_are_consumed(send: Send) -> None:
    """The next request begins after the trailers."""
    response = send(CHUNKED + b"0\r\nX: GET /secret HTTP/1.1\r\n\r\nGET /query HTTP/1.1\r\nHost: a\r\n\r\n")
    assert response.count(b"HTTP/1.1 200") == 2
    assert b"secret" not in response


def test_a_request_behind_one_that_is_refused(statuses: Statuses) -> None:
    """After a message that is refused nothing more of its connection is parsed."""
    assert statuses(b"GET / HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n" + SECRET) == [400]


def test_responses_are_in_the_order_of_the_requests(send: Send) -> None:
    """Responses to pipelined requests are in order, a slow one before a fast one."""
    requests = [f"GET /segment/{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for number in range(50)]
    response = send(b"".join(requests))
    found = [json.loads(part.partition(b"\r\n\r\n")[2])["name"] for part in response.split(b"HTTP/1.1 200 OK")[1:]]
    assert found == [str(number) for number in range(50)]


def test_transfer_encoding_in_http_1_0(statuses: Statuses) -> None:
    """HTTP/1.0 has no Transfer-Encoding: a message with both is refused."""
    data = b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert statuses(data + SECRET) == [400]


def test_the_case_of_a_method(statuses: Statuses) -> None:
    """`get` is not GET: the case of a method is not changed."""
    assert statuses(b"get /secret HTTP/1.1\r\nHost: a\r\n\r\n")[0] in (405, 501)


@pytest.mark.parametrize(
    "version", [b"HTTP/1.1.1", b"HTTP/11", b"HTTP/+1.1", b"HTTP/1.1x", b"http/1.1", b"HTTP/0.9", b"HTTP/3.0"]
)
def test_odd_versions(statuses: Statuses, version: bytes) -> None:
    """A version that is invalid, or not supported, is refused."""
    assert statuses(b"GET /secret " + version + b"\r\nHost: a\r\n\r\n")[0] in (400, 505)


@pytest.mark.parametrize(
    "line", [b"X\x00: a", b"X[: a", b"X(y): a", b"\xffX: a", b": a", b"X: a\x00b", b"X: a\x07b", b"X: a\x7fb"]
)
def test_lax_characters(statuses: Statuses, line: bytes) -> None:
    """A name is a token, and a value has no NUL and no control characters."""
    assert statuses(b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n" + SECRET) == [400]


@pytest.mark.parametrize("method", [b"GE\x00T", b"GE(T", b"G\xcbT", b"GET\x0b"])
def test_lax_method(statuses: Statuses, method: bytes) -> None:
    """A method is a token too."""
    assert statuses(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n" + SECRET)[0] == 400


def test_several_hosts(statuses: Statuses) -> None:
    """Two Host fields are refused, even if they are equal; so is a request without one."""
    for lines in (b"Host: a\r\nHost: b\r\n", b"Host: a\r\nHost: a\r\n", b""):
        assert statuses(b"GET / HTTP/1.1\r\n" + lines + b"\r\n" + SECRET) == [400]


def test_a_limit_evaded_by_fragments(statuses: Statuses) -> None:
    """A line that is too long is refused, however small the pieces in which it comes."""
    assert statuses(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", pieces=500) == [414]
    assert statuses(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", pieces=900) == [431]


def test_fields_with_underscores(get: Get) -> None:
    """`X_Forwarded_For` is a field of its own, and never X-Forwarded-For or Content-Length."""
    status, _, content = get("/fields", "X_Forwarded_For: 6.6.6.6", "Content_Length: 3", "X_User: admin")
    seen: dict[str, Any] = json.loads(content)
    names = {name for name, _ in seen["fields"]}
    assert (status, seen["client"]) == (200, "127.0.0.1")
    assert not names & {"x-forwarded-for", "x-user", "content-length"}


def test_an_upgrade_to_http_2_in_the_clear(send: Send) -> None:
    """`Upgrade: h2c` is ignored: a proxy that forwards it gets a response in HTTP/1.1."""
    wish = b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n"
    response = send(b"GET /query HTTP/1.1\r\nHost: a\r\n" + wish)
    assert response.startswith(b"HTTP/1.1 200")
