"""The site of the soak: a bit of everything that sites do, such that every response can be checked."""

import asyncio
import hashlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from fanlight import App, Response, Upload, render

FILE = bytes(range(256)) * 8192  # 2 MiB
WORKER = str(os.getpid())


def add_worker_field() -> Generator[None, Response, None]:
    """Name the worker in each response, so that a client knows which process it was connected to when one is killed."""
    response = yield
    response.headers["x-worker"] = WORKER


def page(number: int) -> Any:
    """Render a page from a template."""
    return render("page.html", number=number, said="<is escaped>")


def numbers(number: int) -> dict[str, int]:
    """Return JSON."""
    return {"number": number, "double": 2 * number}


def form(name: str, message: str) -> dict[str, str]:
    """Take a form."""
    return {"name": name, "message": message}


def upload(file: Upload) -> dict[str, object]:
    """Take a file."""
    return {"size": file.size, "sha256": hashlib.sha256(file.file.read()).hexdigest()}


def download() -> Response:
    """Return 2 MiB."""
    return Response(FILE, media_type="application/octet-stream")


def stream(lines: int) -> Response:
    """Return a stream from a generator."""

    def pieces() -> Iterator[str]:
        for number in range(lines):
            yield f"line {number}\n"

    return Response(pieces(), media_type="text/plain")


async def ticks(lines: int) -> AsyncIterator[str]:
    """Return a stream from an async generator."""
    for number in range(lines):
        await asyncio.sleep(0.005)
        yield f"tick {number}\n"


def slow() -> str:
    """Block for a while."""
    time.sleep(0.1)
    return "slow"


def program() -> str:
    """Run another program."""
    return str(subprocess.run(["true"], check=False).returncode)


def fork() -> str:
    """Fork a child process."""
    child = os.fork()
    if not child:
        os._exit(7)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


async def wait() -> str:
    """Wait for a while without blocking."""
    await asyncio.sleep(0.05)
    return "waited"


URLS = {
    "/page/{number}": page,
    "/json/{number}": numbers,
    "POST /form": form,
    "POST /upload": upload,
    "/download": download,
    "/stream/{lines:int}": stream,
    "/ticks/{lines:int}": ticks,
    "/slow": slow,
    "/wait": wait,
    "/program": program,
    "/fork": fork,
}

app = App(URLS, middleware=(add_worker_field,))
