"""Who has taken too long, and who must make room.

In: connections and the time. Out: those that are late are refused or closed, each in the way that
its phase asks for. Looked at once a second (five times, while we drain), never by a timer for each: a
deadline is a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.server.connection.client_pace import CHECKS
from fanlight.server.connection.connection import HANDSHAKE_SECONDS, Connection
from fanlight.server.connection.connection_table import ARRIVING_SECONDS, DRAIN_KEEPALIVE_SECONDS
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

if TYPE_CHECKING:
    from fanlight.server.connection.connection_table import ConnectionTable
    from fanlight.server.connection.exchange import Exchange
    from fanlight.settings.limits import Limits

COLD_SECONDS = 1.0  # one that idles, is in a handshake, or has half a head, for so long may have to make room
SILENT_SECONDS = 0.5  # one that has sent nothing yet for so long
AT_ONCE = 256


def close_expired(table: ConnectionTable, exchange: Exchange, now: float) -> None:
    """End whoever has missed his deadline; free what a connection that has begun to idle holds."""
    cold = now + table.limits.idle_seconds - COLD_SECONDS
    is_over = now >= table.refuse_late_at
    for connection in list(table.connections.values()):
        if connection.deadline < now or (is_over and _has_not_arrived(connection, now)):
            _expire(connection, table, exchange, now)
        elif (
            connection.phase is IDLE
            and connection.deadline < cold
            # Whether it has taken its response is asked once, and then as long as it has not.
            and (connection.wire.release_head() or connection.pace is not None)
        ):
            _look(connection, table, now)


def close_idle_for_drain(table: ConnectionTable) -> None:
    """Close those that have idled for a while; who got an answer a moment ago may send one more request."""
    now = table.now
    cold = now + table.limits.idle_seconds - DRAIN_KEEPALIVE_SECONDS
    for connection in list(table.connections.values()):
        phase = connection.phase
        if phase is IDLE and connection.deadline < cold:
            table.close(connection)
        elif phase is IDLE or (phase is HEAD and connection.wire.is_idle):
            connection.move_deadline(min(connection.deadline, now + DRAIN_KEEPALIVE_SECONDS))


def evict_idle(table: ConnectionTable) -> bool:
    """Close those that others wait behind, and that lose least; True if there were any.

    First those that have never sent anything, or are still in a TLS handshake. Only where there are none of these,
    those that have idled longest: they can connect again. Then those with half a head. One whose next bytes have
    arrived stays, whatever it was until now.
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
    """Say whether a connection has been silent, or in a handshake, for so long that it may have to make room."""
    left = connection.deadline - now
    if connection.phase is HANDSHAKE:
        return HANDSHAKE_SECONDS - left >= COLD_SECONDS
    return limits.head_seconds - left >= SILENT_SECONDS


def _look(connection: Connection, table: ConnectionTable, now: float) -> None:
    """Cut off a client that takes nothing, or too little, of what was sent to it."""
    if connection.is_too_slow(now, table.limits):
        connection.reset()
        table.close(connection)


def _has_not_arrived(connection: Connection, now: float) -> bool:
    """Say whether a connection would hold up the end: its request is not whole, and its time to come is over."""
    phase = connection.phase
    if phase is LINGERING:
        return now >= connection.phase_started_at + DRAIN_KEEPALIVE_SECONDS
    if phase is STREAMING_BODY:  # a view works on it, as long as something comes
        return now >= connection.phase_started_at + ARRIVING_SECONDS
    return phase in (IDLE, HEAD, CONTENT, HANDSHAKE)


def _expire(connection: Connection, table: ConnectionTable, exchange: Exchange, now: float) -> None:
    phase = connection.phase
    if phase in WAITING_FOR_CLIENT or phase is STREAMING:
        connection.move_deadline(now + table.limits.write_seconds / CHECKS)
        _look(connection, table, now)
        return
    if phase in (RUNNING, SPOOLING):
        return  # how long a view may take is the view's affair
    if phase in (CONTENT, STREAMING_BODY) or (phase is HEAD and not connection.wire.is_idle):
        exchange.refuse_late(connection, now)
    else:
        table.close(connection)
