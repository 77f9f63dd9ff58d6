"""What one process is doing just now, down to the line at which a request stands.

In: a hub. Out: a dict that is fit for JSON. It is asked from another thread while the hub serves, or
while the hub is stuck: so nothing here waits for anybody, what changes is copied first, and each part is
true of a moment, but not all of them of the same one.
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
from typing import TYPE_CHECKING, Any

from fanlight.message.handler import Lane
from fanlight.server.connection.connection import Connection
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
from fanlight.server.dispatch.thread_position import frame_position
from fanlight.server.recording.counts import METHODS, OTHER_METHOD
from fanlight.server.recording.redact import escape, redact_start

if TYPE_CHECKING:
    from fanlight.server.hub import Hub

MOST_IN_FLIGHT = 200  # are listed, the oldest first; the others are only counted
IN_FLIGHT = (CONTENT, SPOOLING, RUNNING, STREAMING_BODY, STREAMING, *WAITING_FOR_CLIENT)
MOST_TARGET = 500
MOST_AWAITED = 100  # coroutines within each other that are followed
STARTED = time.monotonic()

State = dict[str, Any]


def snapshot(hub: Hub) -> State:
    """Return what this process does, as it looks from outside its hub; from any thread."""
    connections = list(hub.connections.values())
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
        "is_draining": hub.is_draining,
        "served": hub.served,
        "accepted": hub.acceptor.accepted,
        "connections": {"open": len(connections), **phases},
        "in_flight_count": len(in_flight),
        "in_flight": in_flight[:MOST_IN_FLIGHT],
        "slow_routes": slow,
        "rescues": hub.rescues,
        "threads": {"busy": len(pool.running), "waiting_calls": pool.waiting},
        "tasks": len(hub.monitor.watchdog.tasks) if hub.monitor.watchdog is not None else 0,
        "process": process(),
        "limits": asdict(hub.limits),
    }


def process() -> dict[str, float]:
    """Return what the system says of this process; what it does not say is left out."""
    found: dict[str, float] = {"cpu_seconds": round(time.process_time(), 3)}
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not worth a Path at each look
            found["resident_bytes"] = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found["open_files"] = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - the one that lists is not counted
    except (OSError, ValueError, AttributeError):  # not Linux
        pass
    return found


# --- where requests stand ---------------------------------------------------------------------------


def _places(hub: Hub) -> dict[Connection, tuple[str, str]]:
    """Return of each connection whose view runs now in which lane it does, and at which line."""
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to see other threads
    found: dict[Connection, tuple[str, str]] = {}
    watch = hub.monitor.watchdog
    if watch is not None:
        for task, connection in list(watch.tasks.items()):
            found[connection] = "task", _place_of_task(task, connection.stream, frames.get(watch.thread_id))
    for turn, connection in _copied(hub):
        found[connection] = "inline, stuck", frame_position(frames.get(turn.thread_id))
    by_object = {
        id(owned): each
        for each in list(hub.connections.values())
        for owned in (getattr(each, "request", None), each.stream and each.stream.source)
        if owned is not None
    }
    for thread_id, (act, args) in list(hub.pool.running.items()):
        for each in (act, *args):
            owner = _owner(each, by_object)
            if owner is not None:
                found[owner] = "thread", frame_position(frames.get(thread_id))
    turn_now = hub.turn
    if turn_now is not None:
        for connection in list(turn_now.running):
            found[connection] = "inline", frame_position(frames.get(turn_now.thread_id))
    return found


def _owner(work: object, by_object: dict[int, Connection]) -> Connection | None:
    """Return the connection for which a thread works: by what it is given, or what it is a method of."""
    if isinstance(work, Connection):
        return work
    if isinstance(work, partial):
        return next((by_object[id(each)] for each in work.args if id(each) in by_object), None)
    target = getattr(work, "__self__", work)
    owner = getattr(target, "connection", None)
    return owner if isinstance(owner, Connection) else by_object.get(id(target))


def _where_it_waits(connection: Connection) -> tuple[str, str]:
    """Return the lane of a request that nothing runs just now, and what it waits for."""
    phase = connection.phase
    if phase in (CONTENT, SPOOLING):
        return "", "the client sends its content" if phase is CONTENT else "its content is written to the disk"
    if phase in WAITING_FOR_CLIENT:
        return "stream" if phase is STREAM_PAUSED else "", "the client takes the answer"
    if phase is STREAMING:
        return "stream", "waits for its turn"
    return ("thread", "waits for a thread") if connection.call.lane is Lane.THREAD else ("task", "waits for the loop")


def _copied(hub: Hub) -> list[tuple[Any, Connection]]:
    for _ in range(3):
        try:
            return list(hub.monitor.taken.items())
        except RuntimeError:  # it has changed meanwhile
            continue
    return []


def _place_of_task(task: asyncio.Task[Any], stream: object, running: FrameType | None) -> str:
    """Return where a task waits: the innermost line that is not the standard library's, in what it awaits."""
    best: FrameType | None = None
    generator = getattr(stream, "source", None)
    awaited: Any = generator if isinstance(generator, AsyncGeneratorType) else task.get_coro()
    for _ in range(MOST_AWAITED):
        kind = "ag" if isinstance(awaited, AsyncGeneratorType) else "cr"
        frame: FrameType | None = getattr(awaited, f"{kind}_frame", None)
        if frame is None:
            break
        if _is_within(running, frame):
            return frame_position(running)
        if best is None or not _is_of_the_library(frame):
            best = frame
        awaited = getattr(awaited, f"{kind}_await")
    return frame_position(best)


def _is_within(running: FrameType | None, frame: FrameType) -> bool:
    """Say whether a thread is in a frame now."""
    while running is not None and running is not frame:
        running = running.f_back
    return running is frame


def _is_of_the_library(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(asyncio.__file__.rpartition("asyncio")[0]) and "site-packages" not in name


# --- requests in flight -------------------------------------------------------------------------------


def _in_flight(connection: Connection, places: dict[Connection, tuple[str, str]]) -> dict[str, Any] | None:
    """Return what is known of the request a connection has, None if it has none."""
    phase = connection.phase
    place = places.get(connection)
    if phase is CLOSED or (place is None and phase not in IN_FLIGHT):
        return None
    try:
        request, call = connection.request, connection.call
    except AttributeError:  # it has been refused before it was a request
        return None
    if place is not None and phase not in WAITING_FOR_CLIENT:
        lane, at = place
    else:
        lane, at = _where_it_waits(connection)
    method = request.method
    return {
        "method": method if method in METHODS else OTHER_METHOD,
        "target": escape(redact_start(request.target, MOST_TARGET), MOST_TARGET),
        "route": call.name,
        "client": request.client,
        "seconds": round(_age(connection), 3),
        "lane": lane,
        "at": at,
    }


def _age(connection: Connection) -> float:
    """Return for how long a request has been here; without a witness, for how long it has been where it is."""
    started = getattr(connection, "started", None)
    if started is not None:
        return time.perf_counter() - float(started)
    stream = connection.stream
    since = connection.phase_started_at if stream is None else stream.began
    return time.monotonic() - since if connection.phase in IN_FLIGHT else 0.0
