"""What a topic carries: text, bytes, or an object as JSON, each with a letter before it that says which.

In: a message of the site. Out: bytes, and at the other end a message of the class that is expected. Refuses, as
AppError, what can't be sent as JSON; as ValueError, what does not fit the class.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from fanlight.errors import AppError

TEXT, BYTES, JSON = b"t", b"b", b"j"
MAX_BYTES = 1024 * 1024  # of one message


def encode(message: object, topic: str) -> bytes:
    """Return a message as the bus carries it. Raises AppError."""
    if isinstance(message, str):
        data = TEXT + message.encode()
    elif isinstance(message, bytes | bytearray | memoryview):
        data = BYTES + bytes(message)
    else:
        try:
            data = JSON + msgspec.json.encode(message)
        except (TypeError, ValueError, RecursionError) as error:
            raise AppError(f"this can't be published to the topic {topic!r}: {error}") from None
    if len(data) > MAX_BYTES:
        raise AppError(
            f"a message of {len(data):,} bytes is too large for the topic {topic!r}; publish where the rest can be"
            f" found (at most {MAX_BYTES:,} bytes)"
        )
    return data


def content_of(data: bytes) -> str | bytes:
    """Return what a client is sent of a message: text, of JSON too, or bytes."""
    return data[1:] if data[:1] == BYTES else data[1:].decode()


@lru_cache(256)
def reader_of(kind: Any) -> Callable[[bytes], Any]:
    """Return a function that reads messages of a class. Raises TypeError for a class that can't be read from JSON."""
    decoder = msgspec.json.Decoder(kind)

    def read(data: bytes) -> Any:
        if data[:1] == JSON:
            return decoder.decode(data[1:])
        content = content_of(data)
        if kind is Any or kind is type(content):
            return content
        if kind is str or kind is bytes:
            raise ValueError(f"it is {type(content).__name__}, not {kind.__name__}")
        return msgspec.convert(content, kind)

    return read
