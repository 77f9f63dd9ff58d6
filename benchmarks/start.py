"""How long a person waits: an import, a server's first response, and new workers after a reload.

In: settings. Out: three tables, and results/start.json. Everything has been compiled and read before (warm). Imports
are those of a small app, less what an empty Python takes; the first response is that of the app of the tutorial's
lesson for Fanlight, and of apps/ for the others. A reload is from SIGHUP to the first response of a new worker, for the
lesson's app and for the guestbook, under two workers.
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
from pathlib import Path
from typing import TYPE_CHECKING

import asking
import report
from cases import ask
from machine import facts
from peers import AIOHTTP, FLASK, PEERS, SANIC, STARLETTE, Peer, fanlight
from revisions import older
from serving import CannotRunError, Serving
from versions import EXAMPLES, GUESTBOOK, LESSON, PATH, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from settings import Settings

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
    replace(fanlight(str(EXAMPLES / "lesson" / "main"), name="Fanlight"), path="/"),
    *(replace(each, path=f"{each.path}/42") for each in (STARLETTE, FASTAPI, LITESTAR, FLASK, AIOHTTP, SANIC)),
)


def _reloading(site: Site) -> Peer:
    """Return Fanlight with two workers and a copy of an example, in the server's own folder."""
    peer = fanlight("", name=f"Fanlight, {site.name}")

    def command(port: int, folder: Path) -> list[str]:
        served = str(site.copy_to(folder) / site.served)
        return [sys.executable, "-m", "fanlight", "run", served, "--port", str(port), "--workers=2", "--no-access-log"]

    return replace(peer, command=command, path=PATH)


SITES = (LESSON, GUESTBOOK)
RELOADING = tuple(map(_reloading, SITES))
PATIENCE, ROUNDS = 30.0, 5
Figures = dict[str, dict[str, list[float]]]


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    with older(settings.before, [SERVERS[0], *RELOADING]) as before:
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
            for peer, site in zip((*RELOADING, *before[1:]), SITES * 2, strict=False):
                settings.say(f"round {number + 1}: {peer.name}, reload")
                _take(found["reload"][peer.name], lambda p=peer, s=site: _reload(p, s))
    text = "\n\n".join(_table(title, rows) for title, rows in found.items())
    print(text)
    results = {
        title: [
            {"name": name} | {key: report.spread(each) for key, each in rows.items()} for name, rows in table.items()
        ]
        for title, table in found.items()
    }
    report.save(settings.file("start"), machine, asdict(settings), results, text)


def _take(row: dict[str, list[float]], measure: Callable[[], tuple[float, ...]]) -> None:
    with contextlib.suppress(CannotRunError, OSError):
        seconds, cpu, *failed = measure()
        row["ms"].append(seconds * 1e3)
        row["cpu_ms"].append(cpu * 1e3)
        if failed:
            row["failed"] += failed


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


def _reload(peer: Peer, site: Site) -> tuple[float, float, float]:
    """Return the seconds from SIGHUP to the first response of the new code, the processor time, and failed requests."""
    with Serving(peer) as server:
        _ask_until(server, lambda content: content == b"text 0")
        time.sleep(0.5)
        site.save(Path(server.folder.name) / site.name, 1)
        before, began = server.cpu_seconds(), time.perf_counter()
        server.process.send_signal(signal.SIGHUP)
        failed = _ask_until(server, lambda content: content == b"text 1")
        return time.perf_counter() - began, server.cpu_seconds() - before, failed


def _ask_until(server: Serving, is_right: Callable[[bytes], bool]) -> int:
    """Ask again and again until the response is right; return how many requests have failed."""
    deadline, failed = time.monotonic() + PATIENCE, 0
    while time.monotonic() < deadline:
        try:
            status, _, content = ask(server, asking.head("closing.txt", server.peer.path))
        except (OSError, CannotRunError):
            failed += 1
        else:
            if status == 200 and is_right(content):
                return failed
            failed += status != 200
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
