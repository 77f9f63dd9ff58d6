"""Raw bytes against the wire: one case per file in `vectors/`, named by it.

Every one is fed whole, a byte at a time, and with the next request behind it, and must come out the
same. The ideas are those on which servers and proxies have disagreed before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.wire.feeding import LIMITS

from fanlight.errors import ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead

VECTORS = Path(__file__).parent / "vectors"
NEXT = b"GET /next HTTP/1.1\r\nHost: example.org\r\n\r\n"

ALL_BYTES = bytes(range(256)).decode("latin-1")

# A status: the message is refused with it. A text: method, target and content of the request.
EXPECTED: dict[str, str | int] = {
    "plain-get": "GET / ",
    "query": "GET /a?b=c&d=%20 ",
    "query-with-question-marks": "GET /a?b?c ",
    "percent-encoded-path": "GET /caf%C3%A9/%2F ",
    "unusual-target-characters": 'GET /a|b[c]{d}^`"<>\\ ',
    "double-slash-path": "GET //evil.example/x ",
    "absolute-form": "GET http://other.example:81/p?q ",
    "absolute-form-without-path": "GET http://other.example ",
    "absolute-form-with-query-and-no-path": "GET http://other.example?q=/x ",
    "absolute-form-in-upper-case": "GET HTTP://other.example/ ",
    "asterisk-form": "OPTIONS * ",
    "unknown-method": "BREW / ",
    "lower-case-method": "get / ",
    "method-of-odd-token-characters": "M-SEARCH!#$%&'*+.^_`|~9 / ",
    "http-1.0-without-host": "GET / ",
    "http-1.0-keep-alive": "GET / ",
    "http-1.2": "GET / ",
    "empty-line-first": "GET / ",
    "four-empty-lines-first": "GET / ",
    "field-without-value": "GET / ",
    "field-with-tabs-around": "GET / ",
    "field-without-space": "GET / ",
    "field-with-latin-1": "GET / ",
    "field-name-of-odd-token-characters": "GET / ",
    "field-with-colons": "GET / ",
    "repeated-field": "GET / ",
    "two-cookies": "GET / ",
    "host-with-port": "GET / ",
    "host-with-empty-port": "GET / ",
    "host-ipv4": "GET / ",
    "host-ipv6": "GET / ",
    "host-with-underscore": "GET / ",
    "content-length-zero": "POST / ",
    "content-length": "POST / hello",
    "content-length-with-leading-zeros": "POST / hello",
    "content-length-with-5000-leading-zeros": "POST / hello",
    "content-length-of-5000-zeros": "POST / ",
    "host-with-the-last-port": "GET / ",
    "content-that-looks-like-a-request": "POST / GET /x HTTP/1.1\r\nHost: a\r\n\r",
    "get-with-content": "GET / hi",
    "http-1.0-with-content": "POST / hi",
    "chunked": "POST / hello world",
    "chunked-in-upper-case": "POST / ",
    "chunked-empty": "POST / ",
    "chunked-hexadecimal-sizes": "POST / 01234567890123456789",
    "chunked-with-extension": "POST / hello",
    "chunked-data-with-line-ends": "POST / \r\n\r\n",
    "chunked-with-trailer": "POST / x",
    "expect-continue": "POST / hi",
    "connection-close": "GET / ",
    "connection-upgrade-is-ignored": "GET / ",
    "chunked-with-space-before-the-extension": "POST / hello",
    "chunked-with-quoted-extension": "POST / hello",
    "chunked-with-several-extensions": "POST / hello",
    "chunked-size-with-leading-zeros": "POST / hello",
    "chunked-one-byte-at-a-time": "POST / abc",
    "chunked-get": "GET / hi",
    "chunked-data-that-looks-like-the-end": "POST / 0\r\n\r\n",
    "chunked-coding-with-tabs-around": "POST / hi",
    "trailer-without-value": "POST / hi",
    "content-length-with-spaces-around": "POST / hello",
    "content-length-that-looks-octal": "POST / helloworld",
    "content-length-of-two-zeros": "POST / ",
    "content-length-in-odd-case": "POST / hello",
    "post-without-length": "POST / ",
    "head-with-content": "HEAD / hi",
    "delete-with-content": "DELETE / hi",
    "options-with-content": "OPTIONS * hi",
    "empty-line-after-content": "POST / hello",
    "content-of-all-bytes": "POST / " + ALL_BYTES,
    "asterisk-form-as-a-url": "OPTIONS http://example.org ",
    "absolute-form-of-ipv6": "GET http://[::1]:81/p ",
    "absolute-form-with-empty-port": "GET http://other.example:/ ",
    "dot-segments-path": "GET /a/../../b/./c ",
    "percent-encoded-null-in-path": "GET /%00 ",
    "broken-percent-encoding-in-path": "GET /%zz% ",
    "path-that-looks-like-a-url": "GET /http://other.example/ ",
    "query-without-path-slash": "GET /? ",
    "request-line-of-8000-bytes": f"GET /{'a' * 7986} ",
    "hundred-fields": "GET / ",
    "field-names-in-upper-case": "GET / ",
    "field-with-commas-in-quotes": "GET / ",
    "field-with-high-bytes": "GET / ",
    "field-with-underscore-is-another": "POST / ",
    "connection-close-in-a-list": "GET / ",
    "connection-close-in-a-second-field": "GET / ",
    "connection-with-empty-members": "GET / ",
    "connection-close-in-other-spaces-is-not": "GET / ",
    "connection-that-names-content-length": "POST / hi",
    "connection-that-names-host": "GET / ",
    "http-1.0-keep-alive-and-close": "GET / ",
    "http-1.0-with-host": "GET / ",
    "http-1.0-expect-is-ignored": "POST / hi",
    "http-1.0-upgrade-is-ignored": "GET / ",
    "http-1.9": "GET / ",
    "upgrade-h2c-is-ignored": "GET / ",
    "upgrade-without-connection-is-ignored": "GET / ",
    "upgrade-with-content": "POST / hi",
    "te-field-is-no-framing": "GET / ",
    "trailer-field-is-no-framing": "POST / hi",
    "expect-continue-without-content": "GET / ",
    "expect-continue-in-odd-case": "POST / hi",
    "host-with-a-dot-at-the-end": "GET / ",
    "expectation-empty": "POST / hi",
    "expectation-with-empty-members": "POST / hi",
    "expectation-twice": "POST / hi",
    "te-with-tab-before-the-value": "POST / ",
    "te-name-in-upper-case": "POST / ",
    "chunk-extension-with-tabs": "POST / hello",
    "trailer-value-that-looks-like-a-request": "POST / ",
    "percent-encoded-line-ends-in-path": "GET /%0d%0aX:%20y ",
    "overlong-utf-8-in-path": "GET /%c0%af ",
    "range-of-overlaps": "GET / ",
    "both-lengths": 400,
    "both-lengths-the-other-way-round": 400,
    "content-length-twice": 400,
    "content-length-twice-different": 400,
    "content-length-list": 400,
    "content-length-with-plus": 400,
    "content-length-negative": 400,
    "content-length-hexadecimal": 400,
    "content-length-with-space-inside": 400,
    "content-length-with-underscore": 400,
    "content-length-with-other-digits": 400,
    "content-length-empty": 400,
    "content-length-word": 400,
    "content-length-float": 400,
    "content-length-huge": 413,
    "content-length-of-5000-digits": 413,
    "host-with-port-over-65535": 400,
    "absolute-form-with-port-over-65535": 400,
    "chunk-size-with-200-leading-zeros": 400,
    "te-of-empty-members": 400,
    "te-with-empty-members-around": 400,
    "content-length-over-64-bits": 413,
    "content-length-over-the-limit": 413,
    "te-in-http-1.0": 400,
    "te-in-http-1.0-keep-alive": 400,
    "te-gzip-chunked": 501,
    "te-chunked-twice": 400,
    "te-two-fields": 400,
    "te-two-different-fields": 400,
    "te-chunked-not-last": 400,
    "te-identity": 400,
    "te-xchunked": 400,
    "te-chunked-with-parameter": 400,
    "te-quoted": 400,
    "te-empty": 400,
    "te-comma-first": 501,
    "te-vertical-tab": 400,
    "te-space-before-colon": 400,
    "te-folded": 400,
    "te-name-with-null": 400,
    "cl-name-with-space": 400,
    "host-missing": 400,
    "host-missing-among-others": 400,
    "host-twice": 400,
    "host-twice-the-same": 400,
    "host-empty": 400,
    "host-with-space": 400,
    "host-with-slash": 400,
    "host-with-userinfo": 400,
    "host-with-comma": 400,
    "host-with-bad-port": 400,
    "host-with-two-ports": 400,
    "host-with-broken-ipv6": 400,
    "absolute-form-still-needs-host": 400,
    "absolute-form-with-userinfo": 400,
    "absolute-form-without-host": 400,
    "absolute-form-of-another-scheme": 400,
    "obs-fold": 400,
    "obs-fold-with-tab": 400,
    "obs-fold-in-the-first-field": 400,
    "space-before-colon": 400,
    "tab-before-colon": 400,
    "no-colon": 400,
    "empty-field-name": 400,
    "field-name-with-space": 400,
    "field-name-with-bracket": 400,
    "field-name-not-ascii": 400,
    "null-in-value": 400,
    "bell-in-value": 400,
    "delete-in-value": 400,
    "bare-cr-in-value": 400,
    "bare-cr-then-field": 400,
    "bare-lf-in-value": 400,
    "bare-lf-everywhere": 400,
    "bare-lf-at-the-end-of-the-head": 400,
    "bare-lf-after-the-request-line": 400,
    "two-spaces-in-the-request-line": 400,
    "space-in-the-target": 400,
    "space-after-the-version": 400,
    "space-first": 400,
    "tab-in-the-request-line": 400,
    "fragment-in-the-target": 400,
    "null-in-the-target": 400,
    "high-byte-in-the-target": 400,
    "delete-in-the-target": 400,
    "relative-target": 400,
    "backslash-target": 400,
    "asterisk-form-with-get": 400,
    "connect-without-port": 400,
    "connect-with-path": 400,
    "authority-form": 501,
    "no-target": 400,
    "http-0.9": 400,
    "no-method": 400,
    "method-with-colon": 400,
    "method-too-long": 501,
    "http-2.0": 505,
    "http-0.8": 505,
    "http-2-preface": 505,
    "lower-case-version": 400,
    "version-with-two-digits": 400,
    "version-without-minor": 400,
    "not-http-at-all": 400,
    "tls-client-hello": 400,
    "five-empty-lines-first": 400,
    "bare-cr-first": 400,
    "bare-lf-first": 400,
    "expectation-unknown": 417,
    "chunk-size-with-plus": 400,
    "chunk-size-negative": 400,
    "chunk-size-with-0x": 400,
    "chunk-size-with-underscore": 400,
    "chunk-size-with-leading-space": 400,
    "chunk-size-with-trailing-space": 400,
    "chunk-size-empty": 400,
    "chunk-size-not-hexadecimal": 400,
    "chunk-size-overflow": 400,
    "chunk-size-over-the-limit": 413,
    "chunk-size-bare-lf": 400,
    "chunk-size-bare-cr": 400,
    "chunk-extension-bare-lf": 400,
    "chunk-extension-with-null": 400,
    "chunk-extension-too-long": 400,
    "chunk-longer-than-its-size": 400,
    "chunk-shorter-than-its-size": 400,
    "chunk-end-bare-lf": 400,
    "chunk-end-missing": 400,
    "trailer-content-length": 400,
    "trailer-transfer-encoding": 400,
    "trailer-host": 400,
    "trailer-authorization": 400,
    "trailer-without-colon": 400,
    "trailer-folded": 400,
    "trailer-bare-lf": 400,
    "trailers-too-long": 431,
    "request-line-too-long": 414,
    "head-too-long": 431,
    "too-many-fields": 431,
    "content-length-minus-zero": 400,
    "content-length-octal": 400,
    "content-length-quoted": 400,
    "content-length-semicolon": 400,
    "content-length-comma-last": 400,
    "content-length-tab-inside": 400,
    "content-length-no-break-space": 400,
    "content-length-exponent": 400,
    "content-length-sign-behind": 400,
    "content-length-in-another-case-twice": 400,
    "content-length-first-empty": 400,
    "both-lengths-in-http-1.0": 400,
    "both-lengths-with-zero": 400,
    "te-value-gzip": 400,
    "te-value-deflate-chunked": 501,
    "te-value-comma-last": 400,
    "te-value-semicolon": 400,
    "te-value-no-break-space": 400,
    "te-value-form-feed": 400,
    "te-value-null": 400,
    "te-value-two-words": 400,
    "te-value-no-comma": 400,
    "te-value-identity-chunked": 501,
    "te-value-plus": 400,
    "te-value-utf-8": 400,
    "te-second-field-empty": 400,
    "te-tab-before-colon": 400,
    "te-behind-a-space": 400,
    "te-behind-a-bare-cr": 400,
    "te-behind-a-bare-lf": 400,
    "chunk-size-with-tab": 400,
    "chunk-size-with-null": 400,
    "chunk-size-with-dot": 400,
    "chunk-size-with-comma": 400,
    "chunk-size-with-minus-zero": 400,
    "chunk-size-of-16-digits": 400,
    "chunk-size-with-l": 400,
    "chunk-extension-without-name": 400,
    "chunk-extension-without-value": 400,
    "chunk-extension-of-two-words": 400,
    "chunk-extension-with-open-quote": 400,
    "chunk-extension-with-text-behind-a-quote": 400,
    "chunk-extension-with-bare-cr": 400,
    "chunk-extension-with-delete": 400,
    "chunk-extension-with-comma": 400,
    "chunk-space-behind-the-extension": 400,
    "chunk-end-cr-alone": 400,
    "chunk-end-lf-cr": 400,
    "chunk-end-twice": 400,
    "chunk-end-with-space": 400,
    "chunk-last-bare-lf": 400,
    "chunk-last-with-sign": 400,
    "trailer-that-looks-like-a-request": 400,
    "trailer-with-null": 400,
    "trailer-with-space-before-colon": 400,
    "trailer-without-name": 400,
    "trailer-bare-cr": 400,
    "trailer-content-encoding": 400,
    "trailer-cookie": 400,
    "trailers-too-many": 431,
    "host-value-tab-inside": 400,
    "host-value-backslash": 400,
    "host-value-fragment": 400,
    "host-value-query": 400,
    "host-value-scheme": 400,
    "host-value-negative-port": 400,
    "host-value-port-too-long": 400,
    "host-value-high-byte": 400,
    "host-value-percent": 400,
    "host-value-quotes": 400,
    "host-value-semicolon": 400,
    "host-value-ipv6-without-brackets": 400,
    "host-value-ipv6-with-zone": 400,
    "host-value-newline-of-unicode": 400,
    "host-value-port-with-space": 400,
    "host-value-port-alone": 400,
    "host-value-empty-brackets": 400,
    "host-twice-in-http-1.0": 400,
    "host-in-two-cases": 400,
    "host-folded": 400,
    "absolute-form-https": 421,
    "absolute-form-https-without-host": 400,
    "absolute-form-two-hosts": 400,
    "absolute-form-backslash": 400,
    "absolute-form-port-word": 400,
    "absolute-form-one-slash": 400,
    "absolute-form-no-slash": 400,
    "absolute-form-fragment": 400,
    "absolute-form-query-in-the-host": 400,
    "absolute-form-percent-host": 400,
    "absolute-form-empty-host-with-port": 400,
    "authority-form-with-get": 400,
    "asterisk-form-with-more": 400,
    "connect-bad-port": 400,
    "connect-empty-port": 400,
    "connect-userinfo": 400,
    "connect-url": 400,
    "connect-port-alone": 400,
    "connect-asterisk": 400,
    "request-line-vertical-tab": 400,
    "request-line-form-feed": 400,
    "request-line-no-break-space": 400,
    "request-line-bare-cr": 400,
    "request-line-tab-at-the-end": 400,
    "request-line-two-versions": 400,
    "request-line-no-spaces": 400,
    "request-line-empty-target": 400,
    "request-line-version-alone": 400,
    "request-line-escape": 400,
    "version-leading-zero": 400,
    "version-space-inside": 400,
    "version-sign": 400,
    "version-comma": 400,
    "version-letter-behind": 400,
    "version-other-digits": 400,
    "version-https": 400,
    "version-of-another-protocol": 400,
    "version-dot-behind": 400,
    "http-3.0": 505,
    "http-0.9-spelled-out": 505,
    "method-with-null": 400,
    "method-with-high-byte": 400,
    "method-with-slash": 400,
    "method-with-quotes": 400,
    "method-with-tab": 400,
    "method-with-brackets": 400,
    "method-with-equals": 400,
    "method-with-at": 400,
    "field-name-containing-tab": 400,
    "field-name-containing-quote": 400,
    "field-name-containing-null": 400,
    "field-name-containing-semicolon": 400,
    "field-name-containing-equals": 400,
    "field-name-containing-slash": 400,
    "field-name-containing-at": 400,
    "field-name-containing-delete": 400,
    "field-name-containing-backslash": 400,
    "field-name-containing-comma": 400,
    "field-value-escape": 400,
    "field-value-vertical-tab": 400,
    "field-value-form-feed": 400,
    "field-value-unit-separator": 400,
    "field-value-null-at-the-end": 400,
    "field-value-cr-at-the-end": 400,
    "field-value-cr-alone": 400,
    "field-value-lf-at-the-start": 400,
    "field-of-a-space-alone": 400,
    "field-of-a-colon-alone": 400,
    "field-line-end-twice-cr": 400,
    "head-ends-in-cr-cr-lf": 400,
    "head-ends-in-a-space": 400,
    "content-type-twice": 400,
    "expectation-in-a-list": 417,
    "byte-order-mark-first": 400,
    "null-first": 400,
    "ssh-banner": 400,
    "smtp-greeting": 400,
    "redis-command": 400,
    "rtsp-request": 400,
    "proxy-header-of-text": 400,
    "proxy-header-of-bytes": 400,
    "answer-instead-of-a-request": 400,
    "json-instead-of-a-request": 400,
    "field-name-next-line-at-the-end": 400,
    "field-name-no-break-space-at-the-end": 400,
    "field-name-on-two-lines": 400,
    "field-name-behind-a-tab-first": 400,
    "field-with-space-for-a-colon": 400,
    "field-name-with-a-line-feed": 400,
    "field-of-two-line-feeds": 400,
    "field-behind-a-cr-at-the-line-start": 400,
    "field-first-without-name": 400,
    "host-value-null-inside": 400,
    "content-length-with-letter-behind": 400,
    "content-length-plus-underscore": 400,
    "content-length-different-case-different-value": 400,
    "both-lengths-one-invalid": 400,
    "both-lengths-with-comma-first": 400,
    "both-lengths-with-unknown-coding": 400,
    "chunk-size-with-words-behind": 400,
    "chunk-size-of-a-letter": 400,
    "chunk-size-with-cr-before-the-extension": 400,
    "chunk-size-with-cr-between": 400,
    "chunk-size-empty-at-once": 400,
    "chunk-size-minus-zero-x": 400,
    "chunk-extension-of-64-kilobytes": 400,
    "trailer-content-type": 400,
    "trailer-transfer-encoding-in-upper-case": 400,
    "request-line-with-a-line-feed": 400,
    "request-line-of-spaces": 400,
    "request-line-exclamation-target": 400,
    "version-of-two-minor-digits": 400,
    "version-of-many-digits": 400,
    "method-of-many-odd-characters": 400,
}


def feeds(data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    yield [data[index : index + 1] for index in range(len(data))]
    yield [data + NEXT]
    yield [data[: len(data) // 2], data[len(data) // 2 :]]


def read(pieces: list[bytes]) -> tuple[str | int, Http1Connection, RequestHead | None]:
    """Return what a feed comes to, the wire, and the head."""
    wire = Http1Connection(LIMITS)
    head, content, is_complete = None, b"", False
    try:
        for piece in pieces:
            wire.receive(piece)
            while not is_complete and (event := wire.next_event()) is not None:
                if isinstance(event, RequestHead):
                    head = event
                    is_complete = event.content_length == 0
                elif isinstance(event, Content):
                    content += event.data
                else:
                    is_complete = True
    except ProtocolError as refusal:
        return refusal.status, wire, head
    if head is None or not is_complete:
        return "incomplete", wire, head
    return f"{head.method} {head.target} {content.decode('latin-1')}", wire, head


def vector(name: str) -> bytes:
    return (VECTORS / f"{name}.http").read_bytes()


def test_every_vector_has_its_expectation() -> None:
    """No file is without a line in the table, and no line without a file."""
    assert {path.stem for path in VECTORS.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("feed", range(4), ids=["whole", "bytewise", "with-next", "halves"])
@pytest.mark.parametrize("name", EXPECTED)
def test_each_vector_comes_to_the_same_however_it_arrives(name: str, feed: int) -> None:
    """A message is accepted, or refused with its status, whatever the pieces it comes in."""
    pieces = list(feeds(vector(name)))[feed]
    assert read(pieces)[0] == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if isinstance(expected, int)])
def test_a_refused_message_ends_the_connection(name: str) -> None:
    """After a refusal nothing of what follows is ever taken for a request."""
    _, wire, _ = read([vector(name)])
    refusal = type("_", (ProtocolError,), {"status": EXPECTED[name]})("the reason")
    response = wire.refuse(refusal, b"")
    assert response.startswith(f"HTTP/1.1 {EXPECTED[name]} ".encode())
    assert b"connection: close\r\n" in response
    assert response.endswith(b"\r\n\r\nthe reason\n")
    wire.receive(NEXT)
    assert wire.next_event() is None
    assert wire.must_close


ACCEPTED = [name for name, expected in EXPECTED.items() if isinstance(expected, str)]
LAST = {
    *("connection-close", "http-1.0-without-host", "http-1.0-with-content", "http-1.0-with-host"),
    *("connection-close-in-a-list", "connection-close-in-a-second-field", "connection-with-empty-members"),
    *("http-1.0-keep-alive-and-close", "http-1.0-expect-is-ignored", "http-1.0-upgrade-is-ignored"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_next_request_follows_an_accepted_one(name: str) -> None:
    """Behind an accepted message the next one begins exactly where it ended, or the connection closes."""
    _, wire, _ = read([vector(name) + NEXT])
    response = wire.send_response(200, (), b"ok", b"")
    if name in LAST:
        assert wire.must_close
        assert b"connection: close\r\n" in response
        assert wire.next_event() is None
    else:
        head = wire.next_event()
        assert isinstance(head, RequestHead)
        assert head.target == "/next"


@pytest.mark.parametrize(
    ("name", "path", "query", "authority"),
    [
        ("query", "/a", "b=c&d=%20", "example.org"),
        ("query-with-question-marks", "/a", "b?c", "example.org"),
        ("absolute-form", "/p", "q", "other.example:81"),
        ("absolute-form-without-path", "/", "", "other.example"),
        ("absolute-form-with-query-and-no-path", "/", "q=/x", "other.example"),
        ("double-slash-path", "//evil.example/x", "", "example.org"),
        ("asterisk-form", "*", "", "example.org"),
        ("host-ipv6", "/", "", "[::1]:8000"),
        ("http-1.0-without-host", "/", "", ""),
    ],
)
def test_a_target_is_taken_apart(name: str, path: str, query: str, authority: str) -> None:
    """Path, query and authority come from the target; its authority overrides Host (RFC 9112 3.2.2)."""
    head = read([vector(name)])[2]
    assert head is not None
    assert (head.path, head.query, head.authority) == (path, query, authority)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("field-without-value", "x-empty", ""),
        ("field-with-tabs-around", "x", "a b"),
        ("field-without-space", "host", "example.org"),
        ("field-with-latin-1", "x-name", "caf\xe9"),
        ("field-with-colons", "x", "a:b:c"),
        ("repeated-field", "x", "1, 2"),
        ("two-cookies", "cookie", "a=1; b=2"),
    ],
)
def test_a_field_has_its_value(name: str, field: str, value: str) -> None:
    """Values are stripped, decoded as Latin-1, and joined where a name is repeated."""
    head = read([vector(name)])[2]
    assert head is not None
    assert head.values[field] == value


def test_trailers_are_kept_apart() -> None:
    """Trailers come with the end of the message, and are never among the fields."""
    wire = Http1Connection(LIMITS)
    wire.receive(vector("chunked-with-trailer"))
    head, content, end = wire.next_event(), wire.next_event(), wire.next_event()
    assert isinstance(head, RequestHead)
    assert "x-sum" not in head.values
    assert content == Content(b"x")
    assert end == EndOfMessage([("x-sum", "42"), ("x-more", "y")])


def test_a_cached_line_has_the_same_value() -> None:
    """A head of cached lines has the same meaning, and a refused line is never cached."""
    for _ in range(3):
        head = read([vector("two-cookies")])[2]
        assert head is not None
        assert head.values == {"host": "example.org", "cookie": "a=1; b=2"}
        assert read([vector("host-with-slash")])[0] == 400
        assert read([vector("null-in-value")])[0] == 400


def test_a_known_name_without_a_colon_is_refused() -> None:
    """A line that is nothing but a name is refused, also if a field of this name was received before."""
    for _ in range(3):
        assert read([b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-: x\r\n\r\n"])[0] == "POST / "
        assert read([vector("field-name-on-two-lines")])[0] == 400


def test_the_memory_of_lines_is_bounded() -> None:
    """However many different lines come, no more than the bound are kept, and they mean the same."""
    from fanlight.wire.http1 import header_fields

    for number in range(20_000):
        for _ in range(2):
            head = read([b"GET / HTTP/1.1\r\nHost: h%d\r\nX-%d: %d\r\n\r\n" % (number, number, number)])[2]
            assert head is not None
            assert head.fields == [("host", f"h{number}"), (f"x-{number}", str(number))]
    assert 0 < len(header_fields._KNOWN) <= header_fields.MAX_KNOWN_LINES
    assert len(header_fields._SEEN) <= header_fields.MAX_SEEN
    assert len(header_fields._NAMES) <= header_fields.MAX_KNOWN_NAMES


def test_many_tiny_chunks_cost_no_more_than_their_bytes() -> None:
    """Content in chunks of one byte is as many bytes, in an event for each piece that came."""
    wire = Http1Connection(LIMITS)
    wire.receive(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert isinstance(wire.next_event(), RequestHead)
    size = events = 0
    for _ in range(32):
        wire.receive(b"1\r\nx\r\n" * 4096)
        while (event := wire.next_event()) is not None:
            assert isinstance(event, Content)
            size, events = size + len(event.data), events + 1
    assert (size, events) == (128 * 1024, 32)


def test_pipelined_requests_come_one_by_one() -> None:
    """The next head is not returned before the response to this one is complete."""
    wire = Http1Connection(LIMITS)
    wire.receive(NEXT * 3)
    for _ in range(3):
        assert isinstance(wire.next_event(), RequestHead)
        assert wire.next_event() is None
        wire.send_response(200, (), b"", b"")
    assert wire.is_idle
