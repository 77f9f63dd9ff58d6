"""A store in Redis, or in Valkey: shared by all processes of all machines. Needs the package `redis`.

In: the URL, as `settings/store_url.py` has read it. Out: as `Store`. Refuses, as StoreUnavailable, what the server
refuses, or does not do in time. Keys begin with "fanlight:" there, so that the database may have other keys as well.
Counting is one script, which runs on the server as one step, by the server's clock. No message has the password.
"""

from __future__ import annotations

import hashlib
import math
import socket
from collections.abc import Sequence
from typing import Any

import redis
from redis.connection import parse_url

from fanlight.errors import StoreUnavailable
from fanlight.stores.rate import Rate, Taken, taken
from fanlight.stores.redis_connections import CONNECT_SECONDS, RESPONSE_SECONDS, RedisConnections
from fanlight.stores.store import checked_key, checked_keys, checked_seconds, checked_value

PREFIX = "fanlight:"
# An idle connection is kept open by the routers between, and one that they have dropped is found.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_OF_NETWORK: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)
    },
}

# `take_at` of rate.py; a test compares the two.
TAKE = """\
local interval, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = now + interval * count
local start = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), full)
local is_allowed = 0
if start + interval <= full then
    is_allowed, start = 1, start + interval
    redis.call('SET', KEYS[1], start, 'PX', math.ceil((start - now) / 1000))
end
return {is_allowed, now, start}
"""

_SWAP = """\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
if ARGV[3] == '0' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
"""

_SECRETS = ("password", "username", "ssl_password")


class _Script:
    """A script, and the digest by which a server knows it."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()
        self.digest = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()


_TAKING, _SWAPPING = _Script(TAKE), _Script(_SWAP)


class RedisStore:
    """Values and counts in a Redis."""

    is_shared = True

    def __init__(self, url: str, shown: str) -> None:
        """Make a store; it is connected to when it is first used. `shown` is the URL without secrets."""
        given: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call] # of the package
        self._shown = shown
        self._secrets = [text for name in _SECRETS if (text := given.get(name))]
        class_ = given.pop("connection_class", None)
        self._connections = RedisConnections(class_, given if "path" in given else {**_OF_NETWORK, **given})

    def __repr__(self) -> str:
        # SECURITY: tests/stores/test_redis_secrets.py: a repr may be logged, or be on a page
        return f"RedisStore({self._shown!r})"

    def get(self, key: str) -> bytes | None:
        """Return the value of a key, None if there is none or it has expired."""
        found: bytes | None = self._call(b"GET", _key(key))
        return found

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of several keys, as they were at one moment."""
        if not checked_keys(keys):
            return []
        found: list[bytes | None] = self._call(b"MGET", *map(_key, keys))
        return found

    def known_many(self, keys: Sequence[str]) -> None:
        """Return None: each call asks the server."""

    def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for this long."""
        checked_value(value), checked_seconds(seconds)
        if seconds <= 0:
            self.delete(key)
        else:
            self._call(b"SET", _key(key), value, b"PX", _milliseconds(seconds))

    def swap(self, key: str, old: bytes, value: bytes, seconds: float) -> bool:
        """Keep a value in the place of an old one, if that is still there; return whether it was."""
        checked_value(value), checked_seconds(seconds)
        return bool(self._run(_SWAPPING, key, old, value, _milliseconds(max(0, seconds))))

    def delete(self, *keys: str) -> None:
        """Remove values and counts."""
        if checked_keys(keys):
            self._call(b"DEL", *map(_key, keys))

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one call, if the rate allows it."""
        is_allowed, now, kept = self._run(_TAKING, key, b"%d" % rate.interval, b"%d" % rate.count)
        return taken(kept, now, rate, is_allowed=bool(is_allowed))

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def _run(self, script: _Script, key: str, *arguments: bytes) -> Any:
        """Return what a script returns for a key. Raises StoreUnavailable."""
        words = (b"1", _key(key), *arguments)
        try:
            return self._connections.call(b"EVALSHA", script.digest, *words)
        except redis.exceptions.NoScriptError:  # a server that was started since keeps it from now on
            return self._call(b"EVAL", script.text, *words)
        except redis.RedisError as error:
            raise self._unavailable(error) from None

    def _call(self, *words: bytes) -> Any:
        """Return the response to a command. Raises StoreUnavailable, whose reason has no secrets."""
        try:
            return self._connections.call(*words)
        except redis.RedisError as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: redis.RedisError) -> StoreUnavailable:
        reason = _reason(error)
        # SECURITY: tests/stores/test_redis_secrets.py: whatever the client or the server has put into its message
        if any(secret in reason for secret in self._secrets):
            reason = "it refuses this user or password"
        return StoreUnavailable(reason, is_about_writing=_is_about_writing(error))


def _key(key: str) -> bytes:
    return f"{PREFIX}{checked_key(key)}".encode()


def _milliseconds(seconds: float) -> bytes:
    return b"%d" % math.ceil(seconds * 1000)


def _reason(error: redis.RedisError) -> str:
    if isinstance(error, redis.TimeoutError):
        return f"no response within {CONNECT_SECONDS + RESPONSE_SECONDS} s"
    if isinstance(error, redis.BusyLoadingError):
        return "it is loading its data"
    if isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError):
        return "it refuses this user or password"
    return " ".join(str(error).split())[:200]


def _is_about_writing(error: redis.RedisError) -> bool:
    """Return whether the server can still be read: a replica, one without memory or disk for more."""
    if isinstance(error, redis.ReadOnlyError | redis.OutOfMemoryError):
        return True
    return isinstance(error, redis.ResponseError) and str(error).startswith(
        ("MISCONF", "NOREPLICAS", "OOM", "READONLY")
    )
