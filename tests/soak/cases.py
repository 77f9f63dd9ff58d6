"""The requests that the clients send to the soak's site, and what each response must be.

`draw` takes a source of randomness and returns a request with a check of its response. Nothing here knows of
connections.
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
class Case:
    """One request, and the check of its response."""

    kind: str
    path: str
    is_right: Check
    method: str = "GET"
    media_type: str = ""
    content: bytes = b""

    def problem(self, status: int, content: bytes) -> str:
        """Return what is wrong with a response, or an empty string."""
        if status != 200:
            return f"status {status}: {content[:80]!r}"
        return "" if self.is_right(content) else f"{len(content)} wrong bytes: {content[:80]!r}"


def page_of(number: int) -> bytes:
    """Return the page that the site renders for a number."""
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


def _page(rng: random.Random) -> Case:
    number = rng.randrange(10_000)
    return Case(kind="page", path=f"/page/{number}", is_right=lambda content: content.strip() == page_of(number))


def _json(rng: random.Random) -> Case:
    number = rng.randrange(10_000)
    return Case(kind="json", path=f"/json/{number}", is_right=_is_json({"number": number, "double": 2 * number}))


def _form(rng: random.Random) -> Case:
    fields: dict[str, object] = {"name": "Zoë", "message": rng.randbytes(40).hex()}
    return Case(
        kind="form",
        method="POST",
        path="/form",
        media_type="application/x-www-form-urlencoded",
        content=urlencode(fields).encode(),
        is_right=_is_json(fields),
    )


def _upload(rng: random.Random) -> Case:
    file = rng.randbytes(rng.choice((1_000, 60_000, 1_500_000)))  # the last one is spooled to disk
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
    return Case(
        kind="upload",
        method="POST",
        path="/upload",
        media_type=f"multipart/form-data; boundary={BOUNDARY}",
        content=head + file + f"\r\n--{BOUNDARY}--\r\n".encode(),
        is_right=_is_json({"size": len(file), "sha256": hashlib.sha256(file).hexdigest()}),
    )


def _lines(word: str, count: int) -> bytes:
    return "".join(f"{word} {number}\n" for number in range(count)).encode()


def _stream(rng: random.Random) -> Case:
    count = rng.randrange(1, 500)
    return Case(kind="stream", path=f"/stream/{count}", is_right=lambda content: content == _lines("line", count))


def _ticks(rng: random.Random) -> Case:
    count = rng.randrange(1, 20)
    return Case(kind="ticks", path=f"/ticks/{count}", is_right=lambda content: content == _lines("tick", count))


def _fixed(kind: str, path: str, expected: bytes) -> Callable[[random.Random], Case]:
    case = Case(kind=kind, path=path, is_right=lambda content: content == expected)
    return lambda _: case


_CASES: dict[Callable[[random.Random], Case], int] = {
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


def draw(rng: random.Random) -> Case:
    """Return a random case."""
    return rng.choices(list(_CASES), list(_CASES.values()))[0](rng)
