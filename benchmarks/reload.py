"""How long it takes from saving a file to the first response of the new code, beside other development servers.

In: settings. Out: a table, and results/reload.json. Each server has one file with one view, and ours also the lesson's
app and the guestbook; the file is saved as editors do that write another file and rename it, with another text each
time; a client sends requests, one after the other over new connections, until it gets the new text. The servers take
turns. Requests that fail or are refused on the way are counted: a browser that refreshes in that moment shows an error
page.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import report
from machine import facts
from revisions import older
from versions import GUESTBOOK, LESSON, PATH, Site

if TYPE_CHECKING:
    from settings import Settings

MOST_SAVES = 20
PATIENCE = 60.0
PAUSE_SECONDS = 1.5  # between two saves to one server: as a person, and so that no server takes them for one
REQUEST_SECONDS = 0.005  # between two requests


FANLIGHT = 'def index() -> str:\n    return "text {number}"\n\n\nURLS = {{"/": index}}\n'
FLASK = (
    "from flask import Flask\n\napp = Flask(__name__)\n\n\n"
    '@app.get("/")\ndef index() -> str:\n    return "text {number}"\n'
)
STARLETTE = (
    "from starlette.applications import Starlette\nfrom starlette.responses import PlainTextResponse\n"
    "from starlette.routing import Route\n\n\n"
    'async def index(request):\n    return PlainTextResponse("text {number}")\n\n\n'
    'app = Starlette(routes=[Route("/", index)])\n'
)


@dataclass(frozen=True)
class Peer:
    """A development server, and a site for it."""

    name: str
    site: str | Site  # the text of its file, or an example
    command: Callable[[int], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the page that is asked for."""
        return PATH if isinstance(self.site, Site) else "/"


def _example(site: Site) -> Peer:
    command = ["-m", "fanlight", "dev", site.served, "--port"]
    return Peer(f"fanlight dev, {site.name}", site, lambda port: [*command, str(port)])


OURS = (
    Peer("fanlight dev", FANLIGHT, lambda port: ["-m", "fanlight", "dev", "--port", str(port)]),
    _example(LESSON),
    _example(GUESTBOOK),
)
OTHERS = (
    Peer("flask --debug", FLASK, lambda port: ["-m", "flask", "--app", "main", "--debug", "run", "--port", str(port)]),
    Peer("uvicorn --reload", STARLETTE, lambda port: ["-m", "uvicorn", "main:app", "--reload", "--port", str(port)]),
)


@dataclass
class Measured:
    """What was measured of one server."""

    peer: Peer
    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def save(self, number: int) -> None:
        """Save the file with another text."""
        if isinstance(self.peer.site, Site):
            self.peer.site.save(self.folder, number)
            return
        beside = self.folder / "main.new"
        beside.write_text(self.peer.site.format(number=number))
        beside.rename(self.folder / "main.py")

    def get(self) -> str:
        """Return the text of the page, "" if the request failed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", self.peer.path)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()
        return text if response.status == 200 else ""

    def wait_for(self, number: int) -> int:
        """Wait until the page has the text; return how many requests failed meanwhile."""
        until, failed = time.monotonic() + PATIENCE, 0
        while (text := self.get()) != f"text {number}":
            failed += not text
            if time.monotonic() > until:
                sys.exit(f"{self.peer.name} has not loaded the change")
            time.sleep(REQUEST_SECONDS)
        return failed

    def measure(self, number: int) -> None:
        """Save once, and record how long it takes."""
        began = time.perf_counter()
        self.save(number)
        failed = self.wait_for(number)
        self.seconds.append(time.perf_counter() - began)
        self.failed += failed


def started(peer: Peer, folder: Path) -> Measured:
    """Return a server that responds."""
    folder.mkdir()
    if isinstance(peer.site, Site):
        folder = peer.site.copy_to(folder)
    else:
        (folder / "main.py").write_text(peer.site.format(number=0))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1"} | peer.environment
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *peer.command(port)],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    server = Measured(peer, folder, port, process)
    server.wait_for(0)
    return server


def main(settings: Settings) -> None:
    """Measure, print and save."""
    machine = facts()
    saves = 3 if settings.is_short else MOST_SAVES
    servers: list[Measured] = []
    with tempfile.TemporaryDirectory() as place, older(settings.before, OURS) as before:
        try:
            peers = (*OURS, *before, *OTHERS)
            servers = [started(peer, Path(place, str(number))) for number, peer in enumerate(peers)]
            time.sleep(PAUSE_SECONDS)
            for number in range(1, saves + 1):
                settings.say(f"save {number} of {saves}")
                for server in servers:
                    server.measure(number)
                time.sleep(PAUSE_SECONDS)
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait(PATIENCE)
    lines = [
        [
            server.peer.name,
            *(f"{each(server.seconds) * 1000:.0f}" for each in (median, min, max)),
            str(server.failed),
        ]
        for server in servers
    ]
    title = f"From saving a file to the first response of the new code, {saves} saves, ms\n\n"
    text = title + report.table(("server", "median", "min", "max", "failed requests"), lines)
    print(text)
    results = [
        {"server": each.peer.name, "seconds": report.spread(each.seconds), "failed": each.failed} for each in servers
    ]
    report.save(settings.file("reload"), machine, asdict(settings), results, text)
