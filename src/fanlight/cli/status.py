"""`fanlight status`: query running servers over their control sockets, and format their status.

In: the process id or the control socket of a server, or nothing for all servers of the current user. Out: the status of
each, as parsed JSON or as text. Raises ServerError if no server runs or one does not respond.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from fanlight.errors import ServerError
from fanlight.server.operator.runtime_folder import control_path, control_paths
from fanlight.settings.field import info_of
from fanlight.settings.limits import Limits
from fanlight.settings.units import format_bytes, format_value

TIMEOUT_SECONDS = 10.0
SOCKET_PREFIX = "unix:"
_PROCESS = re.compile(r"[0-9]{1,18}")
Status = Mapping[str, Any]

_LIMITS = {each.name: info_of(each) for each in fields(Limits)}
_TIMES = ((86400, "d"), (3600, "h"), (60, "min"))


def statuses(which: str | None) -> list[Status]:
    """Return the status of the selected servers. Raises ServerError if there is none."""
    if which:
        is_process = _PROCESS.fullmatch(which) is not None
        path = control_path(int(which)) if is_process else Path(which.removeprefix(SOCKET_PREFIX))
        return [query(path)]
    found = []
    for path in control_paths():
        with contextlib.suppress(ServerError):  # it is exiting, or was killed
            found.append(query(path))
    if not found:
        raise ServerError(
            "no running server of yours has a control socket; for another user's server:"
            " fanlight status /path/of/its/control.sock"
        )
    return found


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(os.fspath(self._path))


def query(path: Path) -> Status:
    """Return the status of the server behind a control socket. Raises ServerError."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/status")
        response = connection.getresponse()
        if response.status != 200:
            raise ServerError(f"{path} responds {response.status}: it is not a control socket of Fanlight")
        found: Status = json.loads(response.read())
    except FileNotFoundError:
        raise ServerError(f"{path} does not exist: the server does not run, or has no control socket") from None
    except ConnectionRefusedError:
        raise ServerError(f"{path} was left behind by a server that has exited") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServerError(f"{path} does not respond: {error}") from None
    finally:
        connection.close()
    return found


def format_status(status: Status) -> str:
    """Return the status of a server as text."""
    workers = status.get("workers")
    if workers is None:
        return "\n".join([f"process {status['pid']}", *(f"  {line}" for line in _process(status))])
    ready = "ready" if status.get("is_ready", True) else "not ready"
    lines = [f"process {status['pid']}: {ready}, {len(workers)} worker{'s' * (len(workers) != 1)}"]
    if restarts := status.get("restarts"):
        lines.append(f"  replaced: {', '.join(f'{count} {reason}' for reason, count in restarts.items())}")
    for worker in workers:
        lines.append(f"  worker {worker['pid']}: {worker.get('state', '?')}")
        doing = worker.get("doing")
        lines += [f"    {line}" for line in (_process(doing) if doing else ["no response"])]
    return "\n".join(lines)


def _process(state: Status) -> Iterator[str]:
    limits, threads, connections = state["limits"], state["threads"], state["connections"]
    phases = ", ".join(f"{count} {name}" for name, count in connections.items() if name != "open")
    state_note = ", shutting down" if state["is_draining"] else ""
    yield f"up {_time(state['seconds'])}{state_note}, {state['served']} requests from {state['accepted']} connections"
    yield f"connections: {connections['open']} of {limits['connections']}{f' ({phases})' if phases else ''}"
    yield f"threads: {threads['busy']} of {limits['threads']} busy, {threads['waiting_calls']} waiting calls"
    yield f"async: {state['tasks']} tasks"
    process = state["process"]
    known = {
        "memory": format_bytes(process["resident_bytes"]) if "resident_bytes" in process else "",
        "CPU time": _time(process["cpu_seconds"]),
        "open files": str(process.get("open_files", "")),
    }
    yield ", ".join(f"{name} {value}" for name, value in known.items() if value)
    slow = state["slow_routes"]
    yield f"routes moved to the thread pool: {len(slow)} ({state['rescues']} rescues)"
    yield from (f"  {each['route']}, {_time(each['seconds'])} ago: it {each['reason']}" for each in slow)
    yield from _in_flight(state)
    yield f"limits: {', '.join(f'{name} {_limit(name, value)}' for name, value in limits.items())}"


def _in_flight(state: Status) -> Iterator[str]:
    count, shown = state["in_flight_count"], state["in_flight"]
    yield f"in flight: {count}"
    for each in shown:
        yield f"  {each['seconds']:7.1f} s  {each['method']} {each['target']}  from {each['client'] or 'a unix socket'}"
        lane = f"{each['lane']}, " if each["lane"] else ""
        yield f"             {each['route']}: {lane}{each['at']}"
    if count > len(shown):
        yield f"  and {count - len(shown)} more recent ones"


def _time(seconds: float) -> str:
    for unit, name in _TIMES:
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"


def _limit(name: str, value: float) -> str:
    """Return a limit as text; a server of another version may have limits unknown to this one."""
    return format_value(value, _LIMITS[name]) if name in _LIMITS else str(value)
