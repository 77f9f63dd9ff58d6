"""Heads that are almost plain, read by both readers: whatever the bytes are, both must come to the same.

    python -m tests.compiled.mutated_heads SECONDS [SEED]

Run by `make fuzz` and `make sanitize`, and with a bounded number of heads by the tests.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.wire.readers import reading_with

from fanlight.errors import ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import RequestHead
from fanlight.wire.http1.wire_limits import WireLimits

LIMITS = [
    WireLimits(head_bytes=16 * 1024, content_bytes=100),
    WireLimits(head_bytes=120, content_bytes=100, field_count=3),
]
BROWSER = (
    b"GET /user/7?page=2&q=%20 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    b"Accept: text/html,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, br\r\n"
    b'Cookie: session=eyJ1c2VyIjox; theme=dark\r\nConnection: keep-alive\r\nSec-Ch-Ua: "Chromium";v="130"\r\n\r\n'
)
SHORT = b"HEAD / HTTP/1.1\r\nhost:a\r\nX-Empty:\r\n\r\n"
PIECES = [
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b"\0",
        b"\x7f",
        b"\x80",
        b"\xff",
        b"#",
        b"?",
        b"/",
        b"\x1f",
    ),
    *(
        b"Host: b\r\n",
        b"host:\r\n",
        b"content-length: 1\r\n",
        b"Content-Length:0\r\n",
        b"Expect: x\r\n",
        b"expect:\r\n",
    ),
    *(b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"Connection: keep-alive\r\n", b"Keep-Alive"),
    *(b"HTTP/1.0", b"HTTP/1.2", b"[::1]", b":65535", b":65536", b":00080", b"x" * 64, b"y" * 65, b"a" * 256),
    *(b"X-Empty: 2\r\n", b"x-a: b\r\n" * 70, b"GET ", b"CONNECT ", b"BREW ", b"http://a/", b"*"),
]


def seeds() -> list[bytes]:
    """Return the vectors, in the order of their names, and a few heads that are plain, often enough to be drawn."""
    vectors = sorted((Path(__file__).parents[1] / "wire" / "vectors").iterdir())
    return [each.read_bytes()[:2000] for each in vectors] + [BROWSER, SHORT] * 400


def mutated(rng: random.Random, heads: list[bytes]) -> bytes:
    """Return a head with up to three changes, now and then with another one behind it."""
    data = bytearray(rng.choice(heads))
    for _ in range(rng.randrange(4)):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[place:place] = rng.choice(PIECES)
            case 1:
                del data[place : place + rng.randrange(1, 4)]
            case 2 if data:
                data[place : place + 1] = bytes([rng.randrange(256)])
            case _ if data:
                place = min(place, len(data) - 1)
                data[place] ^= 0x20  # often another case
    return bytes(data) + (rng.choice(heads) if rng.randrange(4) == 0 else b"")


def understood(data: bytes, limits: WireLimits) -> Iterator[object]:
    """Yield all that can be seen of the requests in some bytes."""
    wire = Http1Connection(limits)
    wire.receive(data)
    try:
        while not wire.must_close and (event := wire.next_event()) is not None:
            if not isinstance(event, RequestHead):
                yield event
                continue
            yield event.method, event.target, event.path, event.query, event.minor, event.authority
            yield event.fields, dict(event.values), len(event.values), event.content_length, event.expects_continue
            names = ("host", "cookie", "x-a", "none", "")
            yield [(event.values.get(name), event.find(name), name in event.values) for name in names]
            yield wire.state, wire.is_request_unread, bool(wire.buffer), wire.buffered_start
            if event.content_length == 0:
                yield wire.send_response(200, (), b"ok", b"")
    except ProtocolError as refusal:
        yield type(refusal), str(refusal), refusal.status
    yield wire.state, wire.must_close, bool(wire.buffer), wire.buffered_start


def compare(data: bytes, limits: WireLimits) -> bool:
    """Assert that both readers understand some bytes alike; return whether the compiled one has read a plain head."""
    from fanlight.wire.http1.plain_head import PlainHead

    with reading_with("Python"):
        expected = list(understood(data, limits))
    with reading_with("compiled"):
        assert list(understood(data, limits)) == expected, data
    return PlainHead.read(data, 0, 8192, limits.field_count) is not None


def main() -> None:
    """Compare for as many seconds as the first argument says."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    rng, heads, end = random.Random(seed), seeds(), time.monotonic() + seconds
    count = plain = 0
    while time.monotonic() < end:
        count += 1
        plain += compare(mutated(rng, heads), rng.choice(LIMITS))
    print(f"seed {seed}: {count} heads, {plain} of them plain, no difference")  # noqa: T201


if __name__ == "__main__":
    main()
