"""A store that fails at once while it is gone, and logs when it goes and when it is back.

In: a store, and its name for the log. Out: the same store. After a failure each call raises StoreUnavailable at once
for REST_SECONDS, then one call may try, and one more after each further rest, until one succeeds (a "circuit breaker"):
so a store that is slow holds one thread, and not all of them. A store that can be read but not written (a full disk, a
replica) rests for those calls only that write.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from fanlight.errors import StoreUnavailable
from fanlight.stores.at_fork import close_at_fork
from fanlight.stores.rate import Rate, Taken
from fanlight.stores.store import Store

REST_SECONDS = 1.0

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("fanlight.store")


class GuardedStore:
    """Another store, with a rest after each failure; `clock` returns seconds."""

    def __init__(self, store: Store, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Guard a store; `name` is shown in the log, so it has no secrets."""
        self._store = store
        self._using = _Circuit(f"the store {name} can't be used", f"the store {name} is back", clock)
        self._writing = _Circuit(f"the store {name} can't be written", f"the store {name} can be written again", clock)
        close_at_fork(self)

    def __repr__(self) -> str:
        return f"GuardedStore({self._store!r})"

    @property
    def is_shared(self) -> bool:
        """Whether other machines use it too."""
        return self._store.is_shared

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none or it has expired."""
        return self._read(self._store.get, key)

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys, as they were at one moment."""
        return self._read(self._store.get_many, keys)

    def known_many(self, keys: Sequence[str]) -> list[bytes | None] | None:
        """Return the values of several keys if that waits for nothing, None otherwise, and during a rest."""
        return self._store.known_many(keys) if self._using.is_closed else None

    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for this long."""
        self._write(self._store.set, key, value, seconds)

    def swap(self, key: str, old: bytes, value: bytes, seconds: float) -> bool:
        """Keep a value in the place of an old one, if that is still there; return whether it was."""
        return self._write(self._store.swap, key, old, value, seconds)

    def delete(self, *keys: str) -> None:
        """Remove values and counts."""
        self._write(self._store.delete, *keys)

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one call, if the rate allows it."""
        return self._write(self._store.take, key, rate)

    def close(self) -> None:
        """Close what is open."""
        self._store.close()

    def before_fork(self) -> bool:
        """Do nothing; the store within is closed by itself."""
        return True

    def after_fork(self, *, is_child: bool, was_closed: bool) -> None:  # noqa: ARG002 - as ForkAware
        """Replace locks that another thread of the parent may have held."""
        if is_child:
            self._using.renew_lock()
            self._writing.renew_lock()

    def _read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        is_try = self._using.enter()
        try:
            result = call(*args, **kwargs)
        except StoreUnavailable as error:
            self._using.fail(error)
            raise
        if is_try:
            self._using.succeed()
        return result

    def _write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        is_writing_try, is_try = self._writing.enter(), self._using.enter()
        try:
            result = call(*args, **kwargs)
        except StoreUnavailable as error:
            (self._writing if error.is_about_writing else self._using).fail(error)
            if error.is_about_writing and is_try:
                self._using.succeed()  # it is there, and can be read
            raise
        if is_try:
            self._using.succeed()
        if is_writing_try:
            self._writing.succeed()
        return result


class _Circuit:
    """Whether calls may pass: all, or after a failure one after each rest."""

    def __init__(self, gone: str, back: str, clock: Callable[[], float]) -> None:
        self._gone, self._back, self._clock = gone, back, clock
        self._lock = threading.Lock()
        self._failure: StoreUnavailable | None = None
        self._failed_at = self._rests_until = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether all calls may pass."""
        return self._failure is None

    def enter(self) -> bool:
        """Return whether this call is a try, whose success ends the rests. Raises StoreUnavailable during one."""
        failure = self._failure
        if failure is None:
            return False
        with self._lock:
            now = self._clock()
            if now < self._rests_until:
                raise StoreUnavailable(failure.reason, is_about_writing=failure.is_about_writing)
            self._rests_until = now + REST_SECONDS  # the others wait for this one
        return True

    def fail(self, error: StoreUnavailable) -> None:
        """Begin a rest; the first one is logged."""
        with self._lock:
            now, is_first = self._clock(), self._failure is None
            self._failure, self._rests_until = error, now + REST_SECONDS
            if is_first:
                self._failed_at = now
        if is_first:
            log.error("%s: %s; requests that need it get 503 meanwhile", self._gone, error.reason)

    def succeed(self) -> None:
        """Let all calls pass again."""
        with self._lock:
            is_last, self._failure = self._failure is not None, None
            seconds = self._clock() - self._failed_at
        if is_last:
            log.warning("%s, after %.1f s", self._back, seconds)

    def renew_lock(self) -> None:
        """Replace the lock in a child."""
        self._lock = threading.Lock()
