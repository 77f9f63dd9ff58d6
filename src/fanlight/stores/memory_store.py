"""A store in the memory of one process: for tests, and for a site of one process that needs no more.

In: keys and values. Out: as `Store`. Refuses, as StoreUnavailable, more than MAX_BYTES. Nothing outlives the process.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence

from fanlight.errors import StoreUnavailable
from fanlight.stores.rate import SECOND, Rate, Taken, take_at
from fanlight.stores.store import checked_key, checked_keys, checked_seconds, checked_value

MAX_BYTES = 64 * 1024 * 1024  # of keys and values
ENTRY_BYTES = 250  # what an entry takes besides, in a dictionary of Python
MIN_SWEEP = 128  # writes between two sweeps, at least; else as many as there were entries, so a write costs the same
_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


class MemoryStore:
    """Values and counts of this process; `clock` returns the seconds since 1970."""

    is_shared = False

    def __init__(self, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._max_bytes, self._clock = max_bytes, clock
        self._lock = threading.Lock()
        self._values: dict[str, tuple[bytes, int]] = {}  # the value, and when it expires; both for a count
        self._bytes = 0
        self._unswept = MIN_SWEEP  # writes until the next sweep
        _stores.add(self)

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._values)} entries)"

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none or it has expired."""
        found = self._values.get(checked_key(key))
        return found[0] if found is not None and found[1] > self._now() else None

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys."""
        with self._lock:
            return [self.get(key) for key in checked_keys(keys)]

    def known_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys; it never waits."""
        return self.get_many(keys)

    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for this long. Raises StoreUnavailable if there is no room."""
        checked_key(key), checked_value(value), checked_seconds(seconds)
        if seconds <= 0:
            self.delete(key)
            return
        with self._lock:
            now = self._now()
            self._put(key, bytes(value), now + round(seconds * SECOND), now)

    def swap(self, key: str, old: bytes, value: bytes, seconds: float) -> bool:
        """Keep a value in the place of an old one, if that is still there; return whether it was."""
        checked_value(value), checked_seconds(seconds)
        with self._lock:
            if self.get(key) != old:
                return False
            now = self._now()
            if seconds <= 0:
                self._remove(key)
            else:
                self._put(key, bytes(value), now + round(seconds * SECOND), now)
            return True

    def delete(self, *keys: str) -> None:
        """Remove values and counts."""
        with self._lock:
            for key in checked_keys(keys):
                self._remove(key)

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one call, if the rate allows it."""
        with self._lock:
            now = self._now()
            found = self._values.get(checked_key(key))
            kept, result = take_at(None if found is None else found[1], now, rate)
            if result.is_allowed:
                self._put(key, b"", kept, now)
            return result

    def forget(self, prefix: str) -> None:
        """Remove what is under keys that begin so."""
        with self._lock:
            for key in [key for key in self._values if key.startswith(prefix)]:
                self._remove(key)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0

    def _now(self) -> int:
        return int(self._clock() * SECOND)

    def _put(self, key: str, value: bytes, expires: int, now: int) -> None:
        self._unswept -= 1
        size = _size(key, value)
        if self._unswept <= 0 or self._bytes + size > self._max_bytes:
            self._sweep(now)
        old = self._values.get(key)
        more = size - (0 if old is None else _size(key, old[0]))
        if more > 0 and self._bytes + more > self._max_bytes:
            raise StoreUnavailable(f"it is full: {self._max_bytes >> 20} MiB", is_about_writing=True)
        self._values[key] = (value, expires)
        self._bytes += more

    def _remove(self, key: str) -> None:
        old = self._values.pop(key, None)
        if old is not None:
            self._bytes -= _size(key, old[0])

    def _sweep(self, now: int) -> None:
        for key in [key for key, (_, expires) in self._values.items() if expires <= now]:
            self._remove(key)
        self._unswept = max(MIN_SWEEP, len(self._values))


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + ENTRY_BYTES


def _renew_locks() -> None:
    """Replace locks that another thread of the parent may have held when this child was forked."""
    for each in _stores:
        each._lock = threading.Lock()  # noqa: SLF001 - of this file


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
