"""Post a file of any size to a server, made while it is sent.

In: a port, a path, a size. Out: what the server answered, and the seconds from the first byte that was sent to the last
that came back. Refuses, as CannotRunError, an answer that does not say what was sent.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import asking
from serving import CannotRunError

MIB = 1024 * 1024
TIMEOUT = 120
TITLE = "Ein schöner Tag: 1 & 2"
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
_FRONT = (
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="title"\r\n\r\n{TITLE}\r\n'
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="film"; filename="film.mp4"\r\n'
    "content-type: video/mp4\r\n\r\n"
).encode()
_END = f"\r\n--{BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Sent:
    """One upload: how long it took, and what was answered."""

    seconds: float
    answer: dict[str, object]


@cache
def _blocks() -> list[bytes]:
    pick = random.Random(1)
    return [pick.randbytes(MIB) for _ in range(61)]


def content(mib: int) -> Iterator[bytes]:
    """Return the file, MiB by MiB; its blocks come again only after 61."""
    blocks = _blocks()
    return (blocks[number % len(blocks)] for number in range(mib))


@cache
def digest(mib: int) -> str:
    """Return the SHA-256 of the file."""
    made = hashlib.sha256()
    for block in content(mib):
        made.update(block)
    return made.hexdigest()


def upload(port: int, path: str, mib: int, watch: Callable[[int], None] | None = None) -> Sent:
    """Send the file; `watch` is told after each MiB how many are sent."""
    _blocks()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(_FRONT) + mib * MIB + len(_END)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        began = time.perf_counter()
        try:
            connection.sendall(head + _FRONT)
            for number, block in enumerate(content(mib)):
                connection.sendall(block)
                if watch is not None:
                    watch(number + 1)
            connection.sendall(_END)
            status, _, answer = asking.receive(connection)
        except (OSError, KeyError) as error:
            raise CannotRunError(f"no answer: {error!r}") from None
        seconds = time.perf_counter() - began
    told = json.loads(answer) if status == 200 else {}
    if told.get("title") != TITLE or told.get("bytes") != mib * MIB:
        raise CannotRunError(f"wrong answer: {status} {answer[:200]!r}")
    return Sent(seconds, told)
