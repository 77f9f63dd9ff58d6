"""The messages between a worker's bus and the supervisor's relay: each a frame of its length, kind, number and topic.

In: bytes, in pieces of any size. Out: frames; and for each kind of frame a function that writes it. Refuses, as
BadFrame, a length that none of ours has. A request of a worker has a number, which its response repeats.

    from a worker                                    from the relay
    SUBSCRIBE (name)                                 DONE (id), when it has it
    UNSUBSCRIBE (name)
    PUBLISH (name, how many to keep, data)           DONE (id); then, to all that subscribe, MESSAGE (name, id, data)
    FETCH (name, after which id, how many)           KEPT (what was kept)
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from fanlight.topics.history import Id, Kept, Message
from fanlight.topics.payload import MAX_BYTES

_HEAD = struct.Struct("!IBIH")  # length of all behind it, kind, number, length of the name
_ID = struct.Struct("!QI")
_FETCH = struct.Struct("!?QII")
_KEPT = struct.Struct("!??QI")
_COUNT = struct.Struct("!I")
_AFTER_LENGTH = _HEAD.size - 4
MAX_FRAME_BYTES = 4 * MAX_BYTES


class BadFrame(ValueError):
    """The other end does not speak this protocol."""


class Kind(IntEnum):
    """What a frame is."""

    SUBSCRIBE = 1
    UNSUBSCRIBE = 2
    PUBLISH = 3
    FETCH = 4
    DONE = 5
    MESSAGE = 6
    KEPT = 7


class Frame(NamedTuple):
    """A frame that was read."""

    kind: int
    number: int
    name: bytes
    rest: bytes


class FrameReader:
    """Takes bytes apart."""

    def __init__(self, unread: bytes = b"") -> None:
        self.unread = unread

    def frames(self, data: bytes) -> list[Frame]:
        """Return the frames that are complete with these bytes. Raises BadFrame."""
        data = self.unread + data if self.unread else data
        start, end, found = 0, len(data), []
        while end - start >= _HEAD.size:
            length, kind, number, name_length = _HEAD.unpack_from(data, start)
            if not _AFTER_LENGTH + name_length <= length <= MAX_FRAME_BYTES:
                raise BadFrame(f"its length is {length} bytes")
            stop = start + 4 + length
            if stop > end:
                break
            rest = start + _HEAD.size + name_length
            found.append(Frame(kind, number, data[start + _HEAD.size : rest], data[rest:stop]))
            start = stop
        self.unread = data[start:]
        return found


def write(kind: Kind, number: int, name: bytes, rest: bytes = b"") -> bytes:
    """Return a frame."""
    return _HEAD.pack(_AFTER_LENGTH + len(name) + len(rest), kind, number, len(name)) + name + rest


def write_id(found: Id) -> bytes:
    """Return an id, as DONE has it."""
    return _ID.pack(*found)


def read_id(rest: bytes) -> Id:
    """Return the id of DONE."""
    milliseconds, count = _ID.unpack(rest)
    return milliseconds, count


def write_publish(keep: int, data: bytes) -> bytes:
    """Return what PUBLISH has."""
    return _COUNT.pack(keep) + data


def read_publish(rest: bytes) -> tuple[int, bytes]:
    """Return how many to keep, and the data."""
    return _COUNT.unpack_from(rest)[0], rest[_COUNT.size :]


def write_message(message: Message) -> bytes:
    """Return what MESSAGE has."""
    return _ID.pack(*message.id) + message.data


def read_message(rest: bytes) -> Message:
    """Return the message."""
    milliseconds, count = _ID.unpack_from(rest)
    return Message((milliseconds, count), rest[_ID.size :])


def write_fetch(after: Id | None, latest: int) -> bytes:
    """Return what FETCH has."""
    return _FETCH.pack(after is not None, *(after or (0, 0)), latest)


def read_fetch(rest: bytes) -> tuple[Id | None, int]:
    """Return after which id, and how many without one."""
    has_id, milliseconds, count, latest = _FETCH.unpack(rest)
    return ((milliseconds, count) if has_id else None), latest


def write_kept(kept: Kept) -> bytes:
    """Return what KEPT has."""
    parts = [_KEPT.pack(kept.is_complete, kept.has_more, *kept.last)]
    for each in kept.messages:
        parts += (_ID.pack(*each.id), _COUNT.pack(len(each.data)), each.data)
    return b"".join(parts)


def read_kept(rest: bytes) -> Kept:
    """Return what was kept."""
    is_complete, has_more, milliseconds, count = _KEPT.unpack_from(rest)
    last, place, messages = (milliseconds, count), _KEPT.size, []
    while place < len(rest):
        found = _ID.unpack_from(rest, place)
        (length,) = _COUNT.unpack_from(rest, place + _ID.size)
        place += _ID.size + _COUNT.size
        messages.append(Message(found, rest[place : place + length]))
        place += length
    return Kept(messages, last, is_complete, has_more)
