"""`fanlight status`: ask a running server what it does, over its control socket, and say it readably.

In: the process id or the control socket of a server, or nothing, for all of one's own. Out: what each
answered, as a report or as JSON, one object a line. Refuses where nothing runs or nothing answers.
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
from fanlight.server.operator.runtime_folder import control_path, running
from fanlight.settings.field import info_of
from fanlight.settings.limits import Limits
from fanlight.settings.units import format_bytes, format_value

ANSWER_SECONDS = 10.0
SOCKET_PREFIX = "unix:"
_PROCESS = re.compile(r"[0-9]{1,18}")
Status = Mapping[str, Any]

_LIMITS = {each.name: info_of(each) for each in fields(Limits)}
_TIMES = ((86400, "d"), (3600, "h"), (60, "min"))


def statuses(which: str | None) -> list[Status]:
    """Return what the servers answer that are meant. Raises ServerError, which says why there is nothing."""
    if which:
        is_process = _PROCESS.fullmatch(which) is not None
        path = control_path(int(which)) if is_process else Path(which.removeprefix(SOCKET_PREFIX))
        return [ask(path)]
    found = []
    for path in running():
        with contextlib.suppress(ServerError):  # one that has ended, or is about to
            found.append(ask(path))
    if not found:
        raise ServerError(
            "no server of yours runs here, or none with a control socket;"
            " for another user's: fanlight status /path/of/its/control.sock"
        )
    return found


def ask(path: Path) -> Status:
    """Return what the server behind a control socket says of itself. Raises ServerError."""
    connection = http.client.HTTPConnection("localhost", timeout=ANSWER_SECONDS)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.sock.connect(os.fspath(path))
        connection.request("GET", "/status")
        answer = connection.getresponse()
        if answer.status != 200:
            raise ServerError(f"{path} answers {answer.status}: it is no control socket of ours")
        found: Status = json.loads(answer.read())
    except FileNotFoundError:
        raise ServerError(f"{path} is not there: no such server runs, or it has no control socket") from None
    except ConnectionRefusedError:
        raise ServerError(f"{path} is what a server left behind that has ended") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServerError(f"{path} does not answer: {error}") from None
    finally:
        connection.close()
    return found


def report(status: Status) -> str:
    """Return what a server says of itself, for a person."""
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
        lines += [f"    {line}" for line in (_process(doing) if doing else ["it does not answer"])]
    return "\n".join(lines)


def _process(state: Status) -> Iterator[str]:
    """Yield the lines of one process that serves."""
    limits, threads, connections = state["limits"], state["threads"], state["connections"]
    phases = ", ".join(f"{count} {name}" for name, count in connections.items() if name != "open")
    leaving = ", about to stop" if state["is_draining"] else ""
    yield f"up {_time(state['seconds'])}{leaving}, {state['served']} requests from {state['accepted']} connections"
    yield f"connections: {connections['open']} of {limits['connections']}{f' ({phases})' if phases else ''}"
    yield f"threads: {threads['busy']} of {limits['threads']} busy, {threads['waiting_calls']} calls wait for one"
    yield f"async: {state['tasks']} tasks"
    process = state["process"]
    known = {
        "memory": format_bytes(process["resident_bytes"]) if "resident_bytes" in process else "",
        "processor": _time(process["cpu_seconds"]),
        "open files": str(process.get("open_files", "")),
    }
    yield ", ".join(f"{name} {value}" for name, value in known.items() if value)
    slow = state["slow_routes"]
    yield f"routes moved to threads: {len(slow)} ({state['rescues']} rescues)"
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
        yield f"  and {count - len(shown)} more, younger"


def _time(seconds: float) -> str:
    for unit, name in _TIMES:
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"


def _limit(name: str, value: float) -> str:
    """Return a limit as it is written; a server of another version may have one that we do not know."""
    return format_value(value, _LIMITS[name]) if name in _LIMITS else str(value)
