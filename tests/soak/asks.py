"""What the clients ask of the soak's site, and how each answer must be.

In: luck. Out: a request, and a check that says what is wrong with its answer ("" if nothing is).
Knows nothing of connections.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

FILE = bytes(range(256)) * 8192
BOUNDARY = "soak-boundary"
Check = Callable[[bytes], bool]


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request, and what answers it rightly."""

    kind: str
    path: str
    is_right: Check
    method: str = "GET"
    media_type: str = ""
    content: bytes = b""

    def complaint(self, status: int, content: bytes) -> str:
        """Return what is wrong with an answer."""
        if status != 200:
            return f"status {status}: {content[:80]!r}"
        return "" if self.is_right(content) else f"{len(content)} wrong bytes: {content[:80]!r}"


def page_of(number: int) -> bytes:
    """Return the page that the site gives for a number."""
    lines = "".join(f"\n<li>{number} times {each} is {number * each}</li>" for each in range(20))
    return (
        f'<!doctype html>\n<html lang="en">\n<title>Page {number}</title>\n<h1>Page {number}</h1>\n'
        f"<ul>{lines}\n</ul>\n<p>&lt;is escaped&gt;</p>\n</html>"
    ).encode()


def _is_json(expected: dict[str, object]) -> Check:
    def is_right(content: bytes) -> bool:
        try:
            return bool(json.loads(content) == expected)
        except ValueError:
            return False

    return is_right


def _page(luck: random.Random) -> Ask:
    number = luck.randrange(10_000)
    return Ask(kind="page", path=f"/page/{number}", is_right=lambda content: content.strip() == page_of(number))


def _json(luck: random.Random) -> Ask:
    number = luck.randrange(10_000)
    return Ask(kind="json", path=f"/json/{number}", is_right=_is_json({"number": number, "double": 2 * number}))


def _form(luck: random.Random) -> Ask:
    fields: dict[str, object] = {"name": "Zoë", "message": luck.randbytes(40).hex()}
    return Ask(
        kind="form",
        method="POST",
        path="/form",
        media_type="application/x-www-form-urlencoded",
        content=urlencode(fields).encode(),
        is_right=_is_json(fields),
    )


def _upload(luck: random.Random) -> Ask:
    file = luck.randbytes(luck.choice((1_000, 60_000, 1_500_000)))  # the last one is spooled to disk
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
    return Ask(
        kind="upload",
        method="POST",
        path="/upload",
        media_type=f"multipart/form-data; boundary={BOUNDARY}",
        content=head + file + f"\r\n--{BOUNDARY}--\r\n".encode(),
        is_right=_is_json({"size": len(file), "sha256": hashlib.sha256(file).hexdigest()}),
    )


def _lines(word: str, count: int) -> bytes:
    return "".join(f"{word} {number}\n" for number in range(count)).encode()


def _stream(luck: random.Random) -> Ask:
    count = luck.randrange(1, 500)
    return Ask(kind="stream", path=f"/stream/{count}", is_right=lambda content: content == _lines("line", count))


def _ticks(luck: random.Random) -> Ask:
    count = luck.randrange(1, 20)
    return Ask(kind="ticks", path=f"/ticks/{count}", is_right=lambda content: content == _lines("tick", count))


def _fixed(kind: str, path: str, expected: bytes) -> Callable[[random.Random], Ask]:
    ask = Ask(kind=kind, path=path, is_right=lambda content: content == expected)
    return lambda _: ask


_ASKS: dict[Callable[[random.Random], Ask], int] = {
    _page: 30,
    _json: 30,
    _form: 12,
    _upload: 4,
    _stream: 6,
    _ticks: 4,
    _fixed("download", "/download", FILE): 2,
    _fixed("slow view", "/slow", b"slow"): 4,
    _fixed("async view", "/wait", b"waited"): 8,
    _fixed("program", "/program", b"0"): 1,
    _fixed("fork", "/fork", b"7"): 1,
}


def draw(luck: random.Random) -> Ask:
    """Return something to ask."""
    return luck.choices(list(_ASKS), list(_ASKS.values()))[0](luck)
