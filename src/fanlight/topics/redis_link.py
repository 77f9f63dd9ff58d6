"""The link to a Redis, or a Valkey: what is published reaches the listeners of all machines. Needs the package `redis`.

In: as `bus.Link`. Out: the same. A topic without a history is a channel. One with a history is a stream of at most that
many entries as well: one script adds to it and publishes the entry with its id, so both have one order. A connection
that is lost is made again; then listeners of topics with a history catch up from the stream, others stay.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Any

import redis

from fanlight.errors import BusUnavailable
from fanlight.topics.bus import Bus
from fanlight.topics.history import NO_ID, Id, Kept, Message, read_id, show_id
from fanlight.topics.redis_pipe import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    RedisAddress,
    RedisPipe,
    close,
    packed,
)

PING_SECONDS = 5.0  # of silence, after which a PING is sent
KEEP_SECONDS = 7 * 24 * 3600  # after the last message of a topic, its stream is removed
PAGE = 500  # entries that are read at a time
_PUBLISH = b"""\
local id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'm', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[1], id .. ':' .. ARGV[2])
return id
"""
_DIGEST = hashlib.sha1(_PUBLISH, usedforsecurity=False).hexdigest().encode()

log = logging.getLogger("fanlight.server")


class RedisLink:
    """Joins the bus of a process to a Redis."""

    def __init__(self, bus: Bus, url: str, shown: str) -> None:
        """Prepare; it connects for the first topic. `shown` is the URL without secrets."""
        self._bus, self._address = bus, RedisAddress(url, shown)
        self._prefix = f"fanlight-topic:{self._address.database}:".encode()
        self._pipe = RedisPipe(self._address, bus.begin)
        self._subscriber: Any = None  # the connection that messages come by
        self._listening: asyncio.Task[Any] | None = None
        self._lost_for = ""  # the reason that the log has; "" while it is connected
        self._subscriptions: dict[str, asyncio.Future[None]] = {}

    def subscribe(self, name: str) -> None:
        """Subscribe to a channel, now or when the server can be reached."""
        self._subscriptions[name] = self._bus.loop.create_future()
        if self._listening is None:
            self._listening = self._bus.begin(self._listen())
        elif self._subscriber is not None:
            self._bus.begin(self._send(self._subscriber, b"SUBSCRIBE", self._key(name)))

    def unsubscribe(self, name: str) -> None:
        """Unsubscribe."""
        self._subscriptions.pop(name, None)
        if self._subscriber is not None:
            self._bus.begin(self._send(self._subscriber, b"UNSUBSCRIBE", self._key(name)))

    async def subscribed(self, name: str) -> None:
        """Wait for the server."""
        if (subscription := self._subscriptions.get(name)) is not None:
            await asyncio.shield(subscription)

    async def publish(self, name: str, keep: int, data: bytes) -> Id:
        """Publish a message."""
        key = self._key(name)
        try:
            if not keep:
                await self._pipe.call(b"PUBLISH", key, b":" + data)
                return NO_ID
            arguments = (b"1", key, b"%d" % keep, data, b"%d" % KEEP_SECONDS)
            try:
                found = await self._pipe.call(b"EVALSHA", _DIGEST, *arguments)
            except redis.exceptions.NoScriptError:  # a server that was started since keeps it from now on
                found = await self._pipe.call(b"EVAL", _PUBLISH, *arguments)
            return _id(found)
        except redis.ResponseError as error:
            raise BusUnavailable(self._address.reason(error)) from None

    async def kept(self, name: str, after: Id | None, latest: int) -> Kept:
        """Return what the stream of a topic has."""
        key = self._key(name)
        try:
            if after is None:
                newest = await self._pipe.call(b"XREVRANGE", key, b"+", b"-", b"COUNT", b"%d" % max(latest, 1))
                messages = [_message(each) for each in reversed(newest)]
                return Kept(messages[-latest:] if latest else (), messages[-1].id if messages else NO_ID)
            begin = show_id(after).encode()
            entries = await self._pipe.call(b"XRANGE", key, begin, b"+", b"COUNT", b"%d" % (PAGE + 1))
        except redis.ResponseError as error:
            raise BusUnavailable(self._address.reason(error)) from None
        messages = [_message(each) for each in entries]
        # What came directly before is there as well, else older entries are gone: some may have been missed.
        is_complete = not messages or after == NO_ID or messages[0].id == after
        if messages and messages[0].id == after:
            del messages[0]
        return Kept(messages, messages[-1].id if messages else after, is_complete, has_more=len(entries) > PAGE)

    async def close(self) -> None:
        """Close the connections; their tasks have been cancelled."""
        await self._pipe.close()
        if self._listening is not None:
            await asyncio.wait([self._listening])

    def _key(self, name: str) -> bytes:
        return self._prefix + name.encode()

    # --- listening ------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        pause, clock = FIRST_PAUSE_SECONDS, self._bus.loop.time
        while True:
            connection = await self._address.connect()
            names, began = list(self._bus.names), clock()
            self._subscriber = connection
            try:
                if names:
                    await self._send(connection, b"SUBSCRIBE", *map(self._key, names))
                await self._receive(connection)
            except (redis.RedisError, OSError) as error:
                self._log_lost(self._address.reason(error))
            finally:
                self._subscriber = None
                await close(connection)
            # A server that accepts connections, and refuses or ends each at once, is not asked all the time.
            pause = FIRST_PAUSE_SECONDS if clock() - began > LONGEST_PAUSE_SECONDS else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _log_lost(self, reason: str) -> None:
        if reason != self._lost_for:
            log.warning("the connection to the bus is lost: %s", reason)
        self._lost_for = reason

    async def _receive(self, connection: Any) -> None:
        """Deliver what comes, and have a topic's listeners catch up when the server has the subscription to it.

        They may have fetched what was kept before, as that comes by another connection.
        """
        start, is_silent = len(self._prefix), False
        while True:
            found = await connection.read_response(disable_decoding=True, timeout=PING_SECONDS)
            if found is None:
                if is_silent:
                    raise redis.ConnectionError("the server is silent")
                is_silent = True
                await self._send(connection, b"PING")
                continue
            is_silent = False
            if not isinstance(found, list):  # a PONG, while there is no subscription
                continue
            kind, channel, *rest = found
            if kind == b"message":
                identity, _, data = rest[0].partition(b":")
                self._bus.deliver(channel[start:].decode(), Message(_id(identity) if identity else NO_ID, data))
            elif kind == b"subscribe":
                self._lost_for = ""
                name = channel[start:].decode()
                subscription = self._subscriptions.get(name)
                if subscription is not None and not subscription.done():
                    subscription.set_result(None)
                self._bus.miss(name)

    async def _send(self, connection: Any, *words: bytes) -> None:
        try:
            await connection.send_packed_command(packed(words), check_health=False)
        except (redis.RedisError, OSError):
            await close(connection)  # reading notices it


def _id(text: bytes) -> Id:
    return read_id(text.decode()) or NO_ID


def _message(entry: Any) -> Message:
    identity, (_, data) = entry
    return Message(_id(identity), data)
