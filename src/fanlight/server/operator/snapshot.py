"""A snapshot of one process: connections, in-flight requests and the source line each one is executing.

In: a hub. Out: a dict fit for JSON. It is taken from another thread, while the hub serves or is stuck: so nothing here
waits, what changes is copied first, and the parts need not be of the same moment.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from dataclasses import asdict
from functools import partial
from types import AsyncGeneratorType, FrameType
from typing import Any

from fanlight.message.handler import Lane
from fanlight.server.connection.connection import NO_REQUEST, Connection
from fanlight.server.connection.phases import (
    CLOSED,
    CONTENT,
    RUNNING,
    SPOOLING,
    STREAM_PAUSED,
    STREAMING,
    STREAMING_BODY,
    WAITING_FOR_CLIENT,
)
from fanlight.server.dispatch.thread_probes import frame_position
from fanlight.server.hub import Hub
from fanlight.server.recording.counts import METHODS, OTHER_METHOD
from fanlight.server.recording.redact import escape, redact_start

MAX_IN_FLIGHT = 200  # that are listed, the oldest first; the others are only counted
IN_FLIGHT = (CONTENT, SPOOLING, RUNNING, STREAMING_BODY, STREAMING, *WAITING_FOR_CLIENT)
MAX_TARGET = 500
MAX_AWAITED = 100  # nested coroutines that are followed
STARTED = time.monotonic()

ProcessSnapshot = dict[str, Any]


def snapshot(hub: Hub) -> ProcessSnapshot:
    """Return what this process is doing; from any thread."""
    connections = list(hub.table.connections.values())
    places = _places(hub)
    in_flight = [each for each in (_in_flight(connection, places) for connection in connections) if each is not None]
    in_flight.sort(key=lambda each: -each["seconds"])
    phases = Counter(connection.phase.name.lower() for connection in connections)
    pool, lanes = hub.pool, hub.lanes
    in_threads = lanes.slow_routes()
    slow = [{"route": call.name, "seconds": round(ago, 1), "reason": why} for call, ago, why in in_threads]
    return {
        "pid": os.getpid(),
        "seconds": round(time.monotonic() - STARTED, 1),
        "is_draining": hub.table.is_draining,
        "served": hub.exchange.served,
        "accepted": hub.acceptor.accepted,
        "connections": {"open": len(connections), **phases},
        "in_flight_count": len(in_flight),
        "in_flight": in_flight[:MAX_IN_FLIGHT],
        "slow_routes": slow,
        "rescues": hub.ownership.rescues,
        "threads": {"busy": len(pool.running), "waiting_calls": pool.waiting},
        "tasks": len(hub.watchdog.tasks),
        "process": process_usage(),
        "limits": asdict(hub.table.limits),
    }


def process_usage() -> dict[str, float]:
    """Return what the system reports on this process: processor time, memory, open files. Linux has all of them."""
    found: dict[str, float] = {"cpu_seconds": round(time.process_time(), 3)}
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not worth a Path each time
            found["resident_bytes"] = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found["open_files"] = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - the one that lists is not counted
    except (OSError, ValueError, AttributeError):  # not Linux
        pass
    return found


def _places(hub: Hub) -> dict[Connection, tuple[str, str]]:
    """Return the lane and the source line of each connection whose view is running."""
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to see other threads
    found: dict[Connection, tuple[str, str]] = {}
    watch = hub.watchdog
    for task, connection in list(watch.tasks.items()):
        found[connection] = "task", _place_of_task(task, connection.stream, frames.get(watch.thread_id))
    for turn, connection in _taken_over(hub):
        found[connection] = "inline, stuck", frame_position(frames.get(turn.thread_id))
    by_object = {
        id(owned): each
        for each in list(hub.table.connections.values())
        for owned in (each.request, each.stream and each.stream.source)
        if owned is not None
    }
    for thread_id, (act, args) in list(hub.pool.running.items()):
        for each in (act, *args):
            owner = _owner(each, by_object)
            if owner is not None:
                found[owner] = "thread", frame_position(frames.get(thread_id))
    turn_now = hub.ownership.turn
    if turn_now is not None:
        for connection in list(turn_now.running):
            found[connection] = "inline", frame_position(frames.get(turn_now.thread_id))
    return found


def _owner(work: object, by_object: dict[int, Connection]) -> Connection | None:
    """Return the connection that a pool thread works for, from the function it runs or an argument."""
    if isinstance(work, Connection):
        return work
    if isinstance(work, partial):
        return next((by_object[id(each)] for each in work.args if id(each) in by_object), None)
    target = getattr(work, "__self__", work)
    owner = getattr(target, "connection", None)
    return owner if isinstance(owner, Connection) else by_object.get(id(target))


def _waiting_for(connection: Connection) -> tuple[str, str]:
    """Return the lane of a request that is not running, and what it waits for."""
    phase = connection.phase
    if phase in (CONTENT, SPOOLING):
        return "", "receiving the content" if phase is CONTENT else "writing the content to disk"
    if phase in WAITING_FOR_CLIENT:
        return "stream" if phase is STREAM_PAUSED else "", "sending the response"
    if phase is STREAMING:
        return "stream", "waiting for its turn"
    if connection.call.lane is Lane.THREAD:
        return "thread", "waiting for a thread"
    return "task", "waiting for the loop"


def _taken_over(hub: Hub) -> list[tuple[Any, Connection]]:
    for _ in range(3):
        try:
            return list(hub.detector.taken.items())
        except RuntimeError:  # it has changed meanwhile
            continue
    return []


def _place_of_task(task: asyncio.Task[Any], stream: object, running: FrameType | None) -> str:
    """Return where a task waits: the innermost line outside the standard library in what it awaits."""
    best: FrameType | None = None
    generator = getattr(stream, "source", None)
    awaited: Any = generator if isinstance(generator, AsyncGeneratorType) else task.get_coro()
    for _ in range(MAX_AWAITED):
        kind = "ag" if isinstance(awaited, AsyncGeneratorType) else "cr"
        frame: FrameType | None = getattr(awaited, f"{kind}_frame", None)
        if frame is None:
            break
        if _is_executing(running, frame):
            return frame_position(running)
        if best is None or not _is_in_stdlib(frame):
            best = frame
        awaited = getattr(awaited, f"{kind}_await")
    return frame_position(best)


def _is_executing(running: FrameType | None, frame: FrameType) -> bool:
    while running is not None and running is not frame:
        running = running.f_back
    return running is frame


def _is_in_stdlib(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(asyncio.__file__.rpartition("asyncio")[0]) and "site-packages" not in name


def _in_flight(connection: Connection, places: dict[Connection, tuple[str, str]]) -> dict[str, Any] | None:
    """Return the state of a connection's request, None if it has none."""
    phase = connection.phase
    place = places.get(connection)
    if phase is CLOSED or (place is None and phase not in IN_FLIGHT):
        return None
    request = connection.request
    if request is NO_REQUEST:  # it was refused before it was a request
        return None
    call = connection.call
    if place is not None and phase not in WAITING_FOR_CLIENT:
        lane, at = place
    else:
        lane, at = _waiting_for(connection)
    method = request.method
    return {
        "method": method if method in METHODS else OTHER_METHOD,
        "target": escape(redact_start(request.target, MAX_TARGET), MAX_TARGET),
        "route": call.name,
        "client": request.client,
        "seconds": round(_age(connection), 3),
        "lane": lane,
        "at": at,
    }


def _age(connection: Connection) -> float:
    """Return the age of a request in seconds; without an observer, how long it has been in its phase."""
    started = getattr(connection, "started", None)
    if started is not None:
        return time.perf_counter() - float(started)
    stream = connection.stream
    since = connection.phase_started_at if stream is None else stream.began
    return time.monotonic() - since if connection.phase in IN_FLIGHT else 0.0
