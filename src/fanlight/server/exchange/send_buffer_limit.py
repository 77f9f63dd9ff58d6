"""A limit on the memory that responses hold until their clients take them.

In: connections that have begun to wait for their client to take the rest of a response. Out: the slowest readers are
disconnected while all together hold more than the limit. Content that several responses share (a constant page) is held
once and counted once, and a client that waits for it counts as holding nothing. Refuses nothing: a response that is
alone, or is taken fastest of all, may be of any size.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from fanlight.server.connection.connection import Connection
from fanlight.server.connection.phases import WAITING_FOR_CLIENT
from fanlight.settings.units import format_bytes

if TYPE_CHECKING:
    from fanlight.server.exchange.connection_table import ConnectionTable

SMALL_BYTES = 64 * 1024  # connections that hold less are closed last, as that frees little
NEW_SECONDS = 1.0  # a connection that began to wait so recently has had no chance to be fast
ROOM = 0.75  # part of the limit that is held afterwards, so that the next check is not due at once
LOG_SECONDS = 60.0  # between two log lines about this

log = logging.getLogger("fanlight.server")


class SendBufferLimit:
    """The pending bytes of all responses of one hub, and their limit."""

    def __init__(self, table: ConnectionTable, most_bytes: int) -> None:
        self._table, self._most = table, most_bytes
        self._counted = 0  # what was held at the last check, and all that was added since
        self._cut, self._logged_at = 0, -LOG_SECONDS

    def add(self, connection: Connection) -> None:
        """Count one more response that waits; check closely only when it may be too much."""
        self._counted += connection.pending.nbytes + connection.pending_body.nbytes
        if self._counted > self._most:
            self.enforce()

    def enforce(self) -> None:
        """Count again, and disconnect the slowest readers if it is too much; only the holder may."""
        waiting = [each for each in self._table.connections.values() if each.phase in WAITING_FOR_CLIENT]
        sizes, sharers = _held_by(waiting)
        held = sum(sizes.values())
        if held > self._most:
            ranked = sorted(waiting, key=lambda each: _rank(each, self._table.now))
            big = [each for each in ranked if sizes[id(_source(each))] >= SMALL_BYTES]
            small = [each for each in ranked if sizes[id(_source(each))] < SMALL_BYTES]
            spared = sizes[id(_source(big.pop()))] if big else 0
            for each in (*big, *small):
                if held - spared <= self._most * ROOM:
                    break
                which = id(_source(each))
                if sharers[which] > 1 and sizes[which] / sharers[which] < SMALL_BYTES:
                    continue
                sharers[which] -= 1
                held -= 0 if sharers[which] else sizes[which]
                self._cut += 1
                self._table.close(each)
            self._log(self._table.now)
        self._counted = held

    def _log(self, now: float) -> None:
        if self._cut and now - self._logged_at >= LOG_SECONDS:
            log.warning(
                "responses waiting for slow clients exceeded Limits.unsent_bytes, %s; the %d slowest clients were"
                " disconnected (logged once a minute)",
                format_bytes(self._most),
                self._cut,
            )
            self._logged_at, self._cut = now, 0


def _rank(connection: Connection, now: float) -> tuple[bool, float]:
    """Return a key that sorts the slowest first, and those that began just now last."""
    age = now - connection.phase_started_at
    is_new = age < NEW_SECONDS
    return is_new, -age if is_new else connection.moved_bytes / age


def _source(connection: Connection) -> object:
    """Return what holds the memory of a response: the rest of it is only a view."""
    return (connection.pending_body or connection.pending).obj


def _held_by(waiting: list[Connection]) -> tuple[dict[int, int], Counter[int]]:
    """Return the size of each object that pending responses hold, and how many of them share it."""
    sources = [_source(each) for each in waiting]
    sizes = {id(each): len(each) for each in sources if isinstance(each, bytes | bytearray)}
    return sizes, Counter(id(each) for each in sources)
