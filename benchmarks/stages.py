"""Where the time of one request goes.

In: settings. Out: three tables and results/stages.json. First each step of the corridor by itself, in this
process, on a connection of the loopback; then a server under load, its processor time split in user and system; then
what its time and its system calls are, as perf, strace and py-spy see it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import asking
import load
import report
import watching
from load import ALL_SHAPES, BROWSER, TINY, Shape
from machine import SERVER_CORE, facts, program
from peers import FANLIGHT, FANLIGHT_LOGGING, NGINX, PURE, Peer, compiled
from revisions import older
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from settings import Settings

LOOK_SECONDS = 2
CONNECTIONS = 64
Shares = dict[str, float]


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    settings.say("each step by itself")
    with older(settings.before, (FANLIGHT, FANLIGHT_LOGGING)) as before:
        steps, steps_before = _steps(PURE), _steps(before[0].environment) if before else {}
        fast = (*compiled(FANLIGHT), *compiled(FANLIGHT_LOGGING))
        served = (FANLIGHT, FANLIGHT_LOGGING, *fast, NGINX, *before)
        spent = {peer.name: _spent(peer, settings) for peer in served}
    looks = {} if settings.is_short else _looks(settings)
    parts = [
        *(_steps_table(*each) for each in (("now", steps), (f"before: {settings.before}", steps_before)) if each[1]),
        _spent_table(spent, steps),
        *(_look_table(*each) for each in looks.items()),
    ]
    text = "\n\n".join(parts)
    print(text)
    results = {"ns_a_step": steps, "ns_a_step_before": steps_before, "us_a_request": spent, "looks": looks}
    report.save(settings.file("stages"), machine, asdict(settings), results, text)


def _steps(environment: dict[str, str]) -> dict[str, Shares]:
    """Return the nanoseconds of each step for each shape, in a process of its own; nothing if that fails.

    An older revision may not have the objects that corridor.py calls.
    """
    command = [program("taskset"), "-c", str(SERVER_CORE), sys.executable, str(Path(__file__).with_name("corridor.py"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    if done.returncode:
        print(f"stages: no steps: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    found: dict[str, Shares] = json.loads(done.stdout)
    return found


def _spent(peer: Peer, settings: Settings) -> dict[str, Shares] | str:
    """Return the processor time of a request under load, in microseconds, for each shape."""
    settings.say(f"{peer.name}: user and system time")
    found = {}
    try:
        with Serving(peer) as server:
            asking.check(peer, server.port)
            url = f"http://127.0.0.1:{server.port}{peer.path}/42"
            for shape in ALL_SHAPES:
                load.run(url, shape, connections=CONNECTIONS, seconds=settings.warm_up)
                user, system = server.cpu_split()
                seen = load.run(url, shape, connections=CONNECTIONS, seconds=settings.seconds)
                user, system = (now - before for now, before in zip(server.cpu_split(), (user, system), strict=True))
                found[shape.name] = {"user": user / seen.requests * 1e6, "system": system / seen.requests * 1e6}
    except CannotRunError as error:
        return str(error)
    return found


def _looks(settings: Settings) -> dict[str, Shares | str]:
    """Return what the tools see of Fanlight under load."""
    wanted: tuple[tuple[str, Shape, Callable[[int, float], Shares]], ...] = (
        ("code, by library (perf)", TINY, watching.libraries),
        ("system calls for one answer (strace)", TINY, watching.system_calls),
        ("Python functions, tiny head (py-spy)", TINY, watching.functions),
        ("Python functions, browser's head (py-spy)", BROWSER, watching.functions),
        ("Python functions, varied heads (py-spy)", load.VARIED, watching.functions),
    )
    found: dict[str, Shares | str] = {}
    try:
        with Serving(FANLIGHT) as server:
            asking.check(FANLIGHT, server.port)
            url = f"http://127.0.0.1:{server.port}{FANLIGHT.path}/42"
            for name, shape, look in wanted:
                settings.say(name)
                running = load.start(url, shape, connections=CONNECTIONS, seconds=LOOK_SECONDS + 3)
                time.sleep(1)
                try:
                    found[name] = dict(list(look(server.worker(), LOOK_SECONDS).items())[:15])
                except watching.CannotLookError as error:
                    found[name] = str(error)
                finally:
                    running.stop()
    except CannotRunError as error:
        found["not looked at"] = str(error)
    return found


def _steps_table(when: str, steps: dict[str, Shares]) -> str:
    title = f"Each step by itself, ns ({when})\n\n"
    names = next(iter(steps.values()))
    lines = [[name, *(f"{found[name]:.0f}" for found in steps.values())] for name in names]
    lines.append(["together", *(f"{sum(found.values()):.0f}" for found in steps.values())])
    return title + report.table(("step", *steps), lines)


def _spent_table(spent: dict[str, dict[str, Shares] | str], steps: dict[str, Shares]) -> str:
    lines = []
    for name, found in spent.items():
        if isinstance(found, str):
            lines.append([name, *[found] * 3])
            continue
        lines += [[f"{name}: {part}", *(f"{each[part]:.2f}" for each in found.values())] for part in ("user", "system")]
        lines.append([f"{name}: both", *(f"{sum(each.values()):.2f}" for each in found.values())])
    ours = spent[FANLIGHT.name]
    if steps and not isinstance(ours, str):
        rest = [sum(ours[name].values()) - sum(steps[name].values()) / 1e3 for name in ours]
        lines.append(["Fanlight: more than its steps", *(f"{each:.2f}" for each in rest)])
    title = f"Under load, {CONNECTIONS} connections: processor time of the server for one request, us\n\n"
    return title + report.table(("server", *(shape.name for shape in ALL_SHAPES)), lines)


def _look_table(name: str, found: Shares | str) -> str:
    if isinstance(found, str):
        return f"{name}\n\n{found}"
    is_share = "strace" not in name
    lines = [[what, f"{value:.1%}" if is_share else f"{value:.3f}"] for what, value in found.items() if value >= 0.001]
    return f"{name}\n\n" + report.table(("where", "share" if is_share else "calls"), lines)
