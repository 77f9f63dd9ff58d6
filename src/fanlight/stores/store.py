"""What every store does, and the limits that hold for each: of a key, of a value, of a time.

In: keys and values. Out: `Store`, the protocol, and checks of keys, values and times. Refuses, as ValueError, what no
store takes, so that a site that works with one works with the others. Knows nothing of files and sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fanlight.stores.rate import Rate, Taken

MAX_KEY_BYTES = 512
MAX_VALUE_BYTES = 1024 * 1024
MAX_KEYS = 1000  # of one call
MAX_SECONDS = 10 * 366 * 86400  # ten years
DEADLINE_SECONDS = 1.0  # no call waits for longer


class Store(Protocol):
    """Small values under keys, shared by all processes of a site (and by all machines, for Redis).

    Thread-safe. Opened when it is first used, in each process. A key begins with the name of its user: "session:...".
    Every method raises StoreUnavailable within DEADLINE_SECONDS if the store is full, locked, slow or gone, and
    ValueError for a key, value or time that no store takes.
    """

    @property
    def is_shared(self) -> bool:
        """Whether other machines use it too."""

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none or it has expired."""

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys, in one round trip, as they were at one moment."""

    def known_many(self, keys: Sequence[str]) -> list[bytes | None] | None:
        """Return the values of several keys, as they are now, if that waits for nothing: for an event loop. Else None.

        It never raises StoreUnavailable.
        """

    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for this long; with 0 seconds or less it has expired already."""

    def swap(self, key: str, old: bytes, value: bytes, seconds: float) -> bool:
        """Keep a value in the place of an old one, if that is still there; return whether it was.

        Atomic across processes, so of two that change the same old value, one finds that it has changed. With 0 seconds
        or less the old value is removed.
        """

    def delete(self, *keys: str) -> None:
        """Remove values, and counts; a key that has none is ignored."""

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one call of a key, if the rate allows it; atomic across processes, by the store's own clock.

        A key is used with `take` or with `set`, not with both.
        """

    def close(self) -> None:
        """Close what is open; it is opened again when it is used again."""


def checked_key(key: str) -> str:
    """Return a key. Raises ValueError for one that is empty or has more than MAX_KEY_BYTES."""
    if not key or len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"a key of a store has 1 to {MAX_KEY_BYTES} bytes, and not {len(key.encode())}")
    return key


def checked_keys(keys: Sequence[str]) -> Sequence[str]:
    """Return the keys of one call. Raises ValueError for more than MAX_KEYS, or for one that no store takes."""
    if len(keys) > MAX_KEYS:
        raise ValueError(f"a store takes at most {MAX_KEYS} keys at once, and not {len(keys)}")
    for key in keys:
        checked_key(key)
    return keys


def checked_value(value: bytes) -> bytes:
    """Return a value. Raises ValueError for one of more than MAX_VALUE_BYTES."""
    if len(value) > MAX_VALUE_BYTES:
        raise ValueError(f"a value of a store has at most {MAX_VALUE_BYTES} bytes, and not {len(value)}")
    return value


def checked_seconds(seconds: float) -> float:
    """Return for how long a value is kept. Raises ValueError for more than MAX_SECONDS, or what is no number."""
    if not seconds <= MAX_SECONDS:  # also NaN
        raise ValueError(f"a store keeps a value for at most {MAX_SECONDS} seconds, and not {seconds!r}")
    return seconds
