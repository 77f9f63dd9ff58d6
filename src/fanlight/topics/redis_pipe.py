"""A connection to a Redis on the event loop: commands are written without waiting for the responses before them.

In: commands as words. Out: their responses, in order. Refuses, as BusUnavailable, whatever the server refuses, and what
was sent when the connection was lost. It connects again by itself, ever more slowly, and what is sent meanwhile waits.
The package `redis` speaks with the server: TLS, authentication, parsing. No message has the password.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import redis
from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fanlight.errors import BusUnavailable, InvalidSetting

CONNECT_SECONDS = RESPONSE_SECONDS = 1.5  # below the time in which publishing has to succeed
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0  # between two attempts to connect
_SECRETS = ("password", "username", "ssl_password")

log = logging.getLogger("fanlight.server")


class RedisAddress:
    """How to connect, by a URL."""

    def __init__(self, url: str, shown: str) -> None:
        self._settings: dict[str, Any] = dict(parse_url(url))
        self._class: type[Any] = self._settings.pop("connection_class", Connection)
        self.database = int(self._settings.get("db", 0))
        self._secrets = [text for name in _SECRETS if (text := self._settings.get(name))]
        self._shown = shown
        self._is_failing = False

    def check(self) -> None:
        """Find what would keep every connection from being made. Raises InvalidSetting, without secrets."""
        try:
            connection = self._new_connection()
            if context := getattr(connection, "ssl_context", None):
                context.get()
        except TypeError:
            raise InvalidSetting(
                "the URL of the bus has an option that this version of the package redis lacks"
            ) from None
        except (redis.RedisError, OSError, ValueError) as error:
            raise InvalidSetting(f"the bus {self._shown} can't be connected to: {self.reason(error)}") from None

    def _new_connection(self) -> Any:
        return self._class(
            **self._settings,
            socket_timeout=None,
            socket_connect_timeout=CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    async def connect(self) -> Any:
        """Return a new connection, however long it takes; the log has the first reason why there is none."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            connection = self._new_connection()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await connection.connect()
            except asyncio.CancelledError:
                await close(connection)
                raise
            except (redis.RedisError, OSError, ValueError, TimeoutError) as error:
                await close(connection)
                if not self._is_failing:
                    log.warning("the bus %s can't be reached, and is tried again: %s", self._shown, self.reason(error))
                self._is_failing = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                if self._is_failing:
                    log.info("the bus %s can be reached again", self._shown)
                self._is_failing = False
                return connection

    def reason(self, error: Exception) -> str:
        """Return the text of an error, without secrets."""
        text = " ".join(str(error).split())[:200] or "no response in time"
        if isinstance(error, redis.exceptions.NoPermissionError):
            return "it does not permit this user the commands, keys or channels of topics"
        # SECURITY: tests/topics/test_redis_access.py: whatever the client or the server has put into its message
        if isinstance(error, redis.AuthenticationError) or any(secret in text for secret in self._secrets):
            return "it refuses this user or password"
        return text


class RedisPipe:
    """The connection for commands."""

    def __init__(self, address: RedisAddress, begin: Callable[[Any], asyncio.Task[Any]]) -> None:
        """Prepare; `begin` runs a coroutine in the background. It connects for the first command."""
        self._address, self._begin = address, begin
        self._connection: Any = None
        self._connecting: asyncio.Task[Any] | None = None
        self._replies: deque[asyncio.Future[Any]] = deque()

    async def call(self, *words: bytes) -> Any:
        """Send a command, return the response. Raises BusUnavailable, redis.ResponseError."""
        while self._connection is None or not self._connection.is_connected:
            if self._connection is not None:
                await self._lose(self._connection)
            if self._connecting is None or self._connecting.done():
                self._connecting = self._begin(self._connect())
            await asyncio.shield(self._connecting)
        loop = asyncio.get_running_loop()
        reply = loop.create_future()
        connection, sent_at = self._connection, loop.time()
        self._replies.append(reply)
        try:
            await connection.send_packed_command(packed(words), check_health=False)
            return await reply
        except (redis.ConnectionError, OSError) as error:
            raise BusUnavailable(self._address.reason(error)) from None
        except asyncio.CancelledError:
            if loop.time() - sent_at >= RESPONSE_SECONDS:  # a server that hangs
                await self._lose(connection)
            raise

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._lose(self._connection)

    async def _connect(self) -> None:
        self._connection = await self._address.connect()
        self._begin(self._read(self._connection))

    async def _read(self, connection: Any) -> None:
        while self._connection is connection:
            try:
                found: Any = await connection.read_response(disable_decoding=True)
            except redis.ResponseError as error:  # it is a response, too
                found = error
            except (redis.RedisError, OSError) as error:
                log.warning("the connection to the bus is lost: %s", self._address.reason(error))
                return await self._lose(connection)
            reply = self._replies.popleft()
            if reply.done():
                continue
            if isinstance(found, Exception):
                reply.set_exception(found)
            else:
                reply.set_result(found)
        return None

    async def _lose(self, connection: Any) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        lost, self._replies = self._replies, deque()
        for reply in lost:
            if not reply.done():
                reply.set_exception(BusUnavailable("the connection to the bus was lost; it may have the message"))
                reply.exception()  # else it is logged, where its caller was cancelled
        await close(connection)


async def close(connection: Any) -> None:
    """Close a connection."""
    with contextlib.suppress(redis.RedisError, OSError):
        await connection.disconnect(nowait=True)


def packed(words: tuple[bytes, ...]) -> bytes:
    """Return a command in Redis's protocol: an array of strings (RESP2)."""
    return b"".join((b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)))
