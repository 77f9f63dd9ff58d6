"""How long a person waits: an import, a server's first response, and new workers after a reload.

In: settings. Out: three tables, and results/start.json. Everything has been compiled and read before (warm). Imports
are those of a small app, less what an empty Python takes; the first response is that of the app of the tutorial's
lesson for Fanlight, and of apps/ for the others. A reload is from SIGHUP to the first response of a new worker.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import asking
import report
from cases import ask
from machine import facts
from peers import AIOHTTP, FLASK, PEERS, SANIC, STARLETTE, Peer, fanlight
from revisions import REPOSITORY, older
from serving import CannotRunError, Serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from settings import Settings

LESSON = REPOSITORY / "examples" / "lesson" / "main.py"
IMPORTS = {
    "Fanlight": "from fanlight import App, render",
    "Flask": "import flask",
    "Starlette": "import starlette.applications, starlette.routing, starlette.responses",
    "FastAPI": "import fastapi",
    "Litestar": "import litestar",
    "aiohttp": "import aiohttp.web",
    "Sanic": "import sanic",
    "Django": "import django.http, django.urls, django.core.handlers.wsgi, django.conf",
}
FASTAPI, LITESTAR = (
    next(each for each in PEERS if each.name == f"{name} async, uvicorn") for name in ("FastAPI", "Litestar")
)
SERVERS = (
    replace(fanlight(str(LESSON.with_suffix("")), name="Fanlight"), path="/"),
    *(replace(each, path=f"{each.path}/42") for each in (STARLETTE, FASTAPI, LITESTAR, FLASK, AIOHTTP, SANIC)),
)
RELOADING = fanlight("reloading", "--workers", "2", path="/")
PATIENCE, ROUNDS = 30.0, 5
Figures = dict[str, dict[str, list[float]]]


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    with older(settings.before, [SERVERS[0], RELOADING]) as before:
        served = [*SERVERS, *before[:1]]
        imports = {name: (words, {}) for name, words in IMPORTS.items()} | {
            f"before, {name}": (IMPORTS[name], each.environment)
            for name, each in zip(("Fanlight",), before, strict=False)
        }
        found: dict[str, Figures] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        for number in settings.turns(ROUNDS):
            settings.say(f"round {number + 1}: imports")
            for name, (words, environment) in imports.items():
                _take(found["import"][name], lambda w=words, e=environment: _import(w, e))
            for peer in served:
                settings.say(f"round {number + 1}: {peer.name}")
                _take(found["first response"][peer.name], lambda p=peer: _first_response(p))
            for peer in (RELOADING, *before[1:]):
                settings.say(f"round {number + 1}: {peer.name}, reload")
                _take(found["reload"][peer.name], lambda p=peer: _reload(p))
    text = "\n\n".join(_table(title, rows) for title, rows in found.items())
    print(text)
    results = {
        title: [
            {"name": name} | {key: report.spread(each) for key, each in rows.items()} for name, rows in table.items()
        ]
        for title, table in found.items()
    }
    report.save(settings.file("start"), machine, asdict(settings), results, text)


def _take(row: dict[str, list[float]], measure: Callable[[], tuple[float, float]]) -> None:
    with contextlib.suppress(CannotRunError, OSError):
        seconds, cpu = measure()
        row["ms"].append(seconds * 1e3)
        row["cpu_ms"].append(cpu * 1e3)


def _import(words: str, environment: dict[str, str]) -> tuple[float, float]:
    """Return the time of an import, and the processor time; both less those of an empty Python."""
    empty, whole = (_python(each, environment) for each in ("pass", words))
    return max(0.0, whole[0] - empty[0]), max(0.0, whole[1] - empty[1])


def _python(words: str, environment: dict[str, str]) -> tuple[float, float]:
    began = time.perf_counter()
    kept = {"PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen([sys.executable, "-c", words], env=os.environ | kept | environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CannotRunError(f"{words}: exit code {process.returncode}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def _first_response(peer: Peer) -> tuple[float, float]:
    """Return the seconds from the start of a server to its first response, and its processor time by then."""
    began = time.perf_counter()
    with Serving(peer, is_waited_for=False) as server:
        _ask_until(server, lambda _: True)
        return time.perf_counter() - began, server.cpu_seconds()


def _reload(peer: Peer) -> tuple[float, float]:
    """Return the seconds from SIGHUP to the first response of a worker that was not there, and the processor time."""
    with Serving(peer) as server:
        old = {str(pid).encode() for pid in server.processes()}
        time.sleep(0.5)
        before, began = server.cpu_seconds(), time.perf_counter()
        server.process.send_signal(signal.SIGHUP)
        _ask_until(server, lambda content: content not in old)
        return time.perf_counter() - began, server.cpu_seconds() - before


def _ask_until(server: Serving, is_right: Callable[[bytes], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, CannotRunError):
            status, _, content = ask(server, asking.head("closing.txt", server.peer.path))
            if status == 200 and is_right(content):
                return
        if server.process.poll() is not None:
            raise CannotRunError(server.said())
        time.sleep(0.002)
    raise CannotRunError(f"no response within {PATIENCE:.0f} s")


def _table(title: str, rows: Figures) -> str:
    lines = []
    for name, figures in rows.items():
        if figures:
            wall, cpu = report.spread(figures["ms"]), report.spread(figures["cpu_ms"])
            lines.append([name, *(f"{each['median']:.0f}" for each in (wall, cpu)), f"{cpu['min']:.0f}"])
    return f"{title}\n\n" + report.table(("", "ms", "CPU ms", "least CPU ms"), lines)
