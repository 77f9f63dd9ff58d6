"""Close what has taken too long, and what has to make room.

In: connections and the time. Out: those past their deadline are refused or closed, as their phase requires. Checked
once a second (four times, while we drain), never by a timer for each: a deadline is a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanlight.server.connection.client_pace import CHECKS
from fanlight.server.connection.connection import HANDSHAKE_SECONDS, Connection
from fanlight.server.connection.phases import (
    CONTENT,
    HANDSHAKE,
    HEAD,
    IDLE,
    LINGERING,
    RUNNING,
    SPOOLING,
    STREAMING,
    STREAMING_BODY,
    WAITING_FOR_CLIENT,
)
from fanlight.server.exchange.connection_table import ARRIVING_SECONDS, DRAIN_KEEPALIVE_SECONDS

if TYPE_CHECKING:
    from fanlight.server.exchange.connection_table import ConnectionTable
    from fanlight.settings.limits import Limits

COLD_SECONDS = 1.0  # one that has been idle, in a handshake, or with half a head for so long may have to make room
SILENT_SECONDS = 0.5  # one that has sent nothing yet for so long
AT_ONCE = 256


def close_expired(table: ConnectionTable, refuse_late: Callable[[Connection, float], object], now: float) -> None:
    """Close connections past their deadline; release buffers of idle ones."""
    cold = now + table.limits.idle_seconds - COLD_SECONDS
    is_over = now >= table.refuse_late_at
    for connection in list(table.connections.values()):
        if connection.deadline < now or (is_over and _has_not_arrived(connection, now)):
            _expire(connection, table, refuse_late, now)
        elif (
            connection.phase is IDLE
            and connection.deadline < cold
            # Whether it has taken its response is checked once, and then as long as it has not.
            and (connection.release_last_request() or connection.pace is not None)
        ):
            _close_if_slow(connection, table, now)


def close_idle_for_drain(table: ConnectionTable) -> None:
    """On drain: close idle keep-alive connections, but give recently used ones a short grace period."""
    now = table.now
    cold = now + table.limits.idle_seconds - DRAIN_KEEPALIVE_SECONDS
    for connection in list(table.connections.values()):
        phase = connection.phase
        if phase is IDLE and connection.deadline < cold:
            table.close(connection)
        elif phase is IDLE or (phase is HEAD and connection.wire.is_idle):
            connection.move_deadline(min(connection.deadline, now + DRAIN_KEEPALIVE_SECONDS))


def evict_idle(table: ConnectionTable) -> bool:
    """Make room for new clients by closing connections that lose least; False if there are none.

    First those that have never sent anything, or are still in a TLS handshake. Only where there are none of these,
    those that have been idle longest: they can connect again. Then those with half a head. One whose next bytes
    have arrived stays, in any case.
    """
    now, limits = table.now, table.limits
    silent, idle, halfway = [], [], []
    for each in table.connections.values():
        phase = each.phase
        if phase is IDLE:
            if limits.idle_seconds - (each.deadline - now) >= COLD_SECONDS:
                idle.append(each)
        elif phase is HANDSHAKE or (phase is HEAD and each.wire.is_idle):
            silent.append(each)
        elif phase is HEAD and limits.head_seconds - (each.deadline - now) >= COLD_SECONDS:
            halfway.append(each)
    cold = [each for each in silent if _is_cold(each, limits, now)]
    for candidates in (cold,) if silent else (idle, halfway):
        oldest = sorted(candidates, key=lambda each: each.deadline)[:AT_ONCE]
        leaving = [each for each in oldest if not each.has_sent()]
        for connection in leaving:
            table.close(connection)
        if leaving:
            return True
    return False


def _is_cold(connection: Connection, limits: Limits, now: float) -> bool:
    """Return whether a connection has been silent, or in a handshake, for so long that it may have to make room."""
    left = connection.deadline - now
    if connection.phase is HANDSHAKE:
        return HANDSHAKE_SECONDS - left >= COLD_SECONDS
    return limits.head_seconds - left >= SILENT_SECONDS


def _close_if_slow(connection: Connection, table: ConnectionTable, now: float) -> None:
    """Disconnect a client that takes nothing, or too little, of what was sent to it."""
    if connection.is_too_slow(now, table.limits):
        connection.reset()
        table.close(connection)


def _has_not_arrived(connection: Connection, now: float) -> bool:
    """Return whether a connection would delay a shutdown: its request is not whole, and the time for that is over."""
    phase = connection.phase
    if phase is LINGERING:
        return now >= connection.phase_started_at + DRAIN_KEEPALIVE_SECONDS
    if phase is STREAMING_BODY:  # a view works on it, as long as something arrives
        return now >= connection.phase_started_at + ARRIVING_SECONDS
    return phase in (IDLE, HEAD, CONTENT, HANDSHAKE)


def _expire(
    connection: Connection, table: ConnectionTable, refuse_late: Callable[[Connection, float], object], now: float
) -> None:
    phase = connection.phase
    if phase in WAITING_FOR_CLIENT or phase is STREAMING:
        connection.move_deadline(now + table.limits.write_seconds / CHECKS)
        _close_if_slow(connection, table, now)
        if phase is STREAMING and connection.stream is not None:
            connection.stream.check(now)
        return
    if phase in (RUNNING, SPOOLING):
        return  # how long a view may take is up to the view
    if phase in (CONTENT, STREAMING_BODY) or (phase is HEAD and not connection.wire.is_idle):
        refuse_late(connection, now)
    else:
        table.close(connection)
