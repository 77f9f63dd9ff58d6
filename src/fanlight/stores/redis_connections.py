"""Connections to a Redis: one for each thread that waits for a response, kept for the next call.

In: how to connect, as the package `redis` has it. Out: the response to a command. Refuses, as redis.RedisError, what
the server refuses, a connection that is not there within CONNECT_SECONDS (also if it is a name server that does not
respond), and a response that does not come within RESPONSE_SECONDS.

The package speaks with the server: TLS, authentication, its errors, parsing. Its client and its pool are not used: they
take three times as long as the call itself (benchmarks/stores.py).
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.retry import Retry

from fanlight.stores.at_fork import close_at_fork

CONNECT_SECONDS = 0.5
RESPONSE_SECONDS = 0.45  # together below the deadline
MAX_IDLE = 64  # that are kept
MAX_CONNECTING = 16  # threads that connect: some may wait for a name server for minutes

_SETTINGS: dict[str, Any] = {
    "socket_timeout": RESPONSE_SECONDS,
    "socket_connect_timeout": CONNECT_SECONDS,
    "retry": Retry(NoBackoff(), 0),  # the guard decides when to try again
    "protocol": 2,
}


class RedisConnections:
    """Connections by one set of settings; `class_` is that of a network, of TLS or of a unix socket."""

    def __init__(self, class_: type[Any] | None, settings: Mapping[str, Any]) -> None:
        self._class: type[Any] = class_ or Connection
        self._settings = {**_SETTINGS, **settings}
        self._idle: deque[Any] = deque()
        self._connecting = 0
        self._lock = threading.Lock()
        close_at_fork(self)

    def __del__(self) -> None:
        self.close()

    def call(self, *words: bytes) -> Any:
        """Send a command, return the response. Raises RedisError."""
        connection = self._taken()
        is_complete = False
        try:
            connection.send_packed_command([_packed(words)], check_health=False)
            response = connection.read_response()
            is_complete = True
        except redis.ResponseError:  # it is a response, too
            is_complete = True
            raise
        finally:
            # SECURITY: tests/stores/test_redis_store.py: a connection whose response was not read to its end is never
            # used again, as the next call would get this one's response: another user's session.
            if is_complete and len(self._idle) < MAX_IDLE:
                self._idle.append(connection)
            else:
                connection.disconnect()
        return response

    def close(self) -> None:
        """Close the connections that are idle."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().disconnect()

    def before_fork(self) -> bool:
        """Do nothing: the parent keeps its connections."""
        return True

    def after_fork(self, *, is_child: bool, was_closed: bool) -> None:  # noqa: ARG002 - as ForkAware
        """Forget, in a child, the connections of its parent: the two would read each other's responses."""
        if is_child:
            self._idle = deque()
            self._lock, self._connecting = threading.Lock(), 0

    def _taken(self) -> Any:
        """Return a connection on which nothing waits: an idle one that is still open, or a new one."""
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()  # atomic
                with contextlib.suppress(redis.RedisError):  # the server has closed it
                    if not connection.can_read(0):
                        return connection
                connection.disconnect()
        return self._connected()

    def _connected(self) -> Any:
        """Return a new connection. It is made in a thread, because looking up a name can't be given a deadline."""
        with self._lock:
            if self._connecting >= MAX_CONNECTING:
                raise redis.TimeoutError
            self._connecting += 1
        made: SimpleQueue[Any] = SimpleQueue()
        wanted = threading.Event()
        wanted.set()
        try:
            threading.Thread(target=self._connect, args=(made, wanted), name="fanlight-redis", daemon=True).start()
        except RuntimeError:  # there can be no more threads
            with self._lock:
                self._connecting -= 1
            raise redis.ConnectionError("there can be no more threads") from None
        try:
            result = made.get(timeout=CONNECT_SECONDS)
        except Empty:
            wanted.clear()
            raise redis.TimeoutError from None
        if isinstance(result, BaseException):
            raise result
        return result

    def _connect(self, made: SimpleQueue[Any], wanted: threading.Event) -> None:
        connection = self._class(**self._settings)
        try:
            connection.connect()
        except (redis.RedisError, OSError, ValueError) as error:  # OSError, ValueError: of files and settings of TLS
            made.put(error if isinstance(error, redis.RedisError) else redis.ConnectionError(str(error)))
        else:
            if wanted.is_set():
                made.put(connection)
            else:
                connection.disconnect()
        finally:
            with self._lock:
                self._connecting -= 1


def _packed(words: tuple[bytes, ...]) -> bytes:
    """Return a command in Redis's protocol: an array of strings (RESP2)."""
    return b"".join((b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)))
