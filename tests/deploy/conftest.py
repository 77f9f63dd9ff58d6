"""Run the configurations of the page about deployment with real programs, and with other ports and folders."""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "deploy.md"
SITE = """
from fanlight import EarlyHints, WebSocket

async def echo(socket: WebSocket):
    async for message in socket:
        await socket.send(message)

def hinted(hints: EarlyHints):
    hints.preload("/app.css")
    return "<h1>the page</h1>"

def seen(request, rest=""):
    return {
        "client": request.client, "scheme": request.scheme, "host": request.host, "url": request.url,
        "agent": request.headers.get("user-agent"),
    }

def taken(request):
    return {"size": len(request.content)}

URLS = {"/": seen, "/hinted": hinted, "/echo": echo, "/some/{rest...}": seen, "POST /taken": taken}
"""
_BLOCK = re.compile(r"^```\w+\n((?:#!/bin/sh\n)?# (\S+[/.]\S+|Dockerfile)([^\n]*)\n.*?)^```", re.DOTALL | re.MULTILINE)


def blocks() -> dict[str, str]:
    """Return the page's configurations, by the path in the first line of each."""
    return {path + more: text for text, path, more in _BLOCK.findall(PAGE.read_text())}


@pytest.fixture(scope="session")
def config() -> Callable[..., str]:
    """Return a function that returns a configuration with some words replaced, all of which must be in it."""

    def adapted(name: str, words: dict[str, str]) -> str:
        text = blocks()[name]
        for old, new in words.items():
            assert old in text, f"{old!r} is not in {name}"
            text = text.replace(old, new)
        return text

    return adapted


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Return a function that returns a free port, a different one each time."""
    given: set[int] = set()

    def choose() -> int:
        while True:
            with socket.create_server(("127.0.0.1", 0)) as sock:
                port: int = sock.getsockname()[1]
            if port not in given:
                given.add(port)
                return port

    return choose


class Running:
    """A program that runs until the test ends."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        """Start it in a session of its own; its output goes to a file."""
        self.log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdout=out, stderr=out, start_new_session=True
            )

    def wait_for_port(self, port: int) -> None:
        """Return once the port accepts connections."""
        self._wait_until(lambda: socket.create_connection(("127.0.0.1", port), 1).close(), f"nothing listens on {port}")

    def wait_for_handshake(self, port: int, host: str) -> None:
        """Return once TLS is spoken on the port, whose certificate may be made after it is opened."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def shake_hands() -> None:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                context.wrap_socket(sock, server_hostname=host).close()

        self._wait_until(shake_hands, f"no handshake on {port}")

    def _wait_until(self, attempt: Callable[[], None], failure: str) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                attempt()
            except OSError:
                assert self.process.poll() is None, f"it has ended:\n{self.log.read_text()}"
                assert time.monotonic() < until, f"{failure}:\n{self.log.read_text()}"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> int:
        """Stop it and all that it has started; return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a program, and waits until it listens on a port."""
    running: list[Running] = []

    def run(command: Sequence[str], port: int, **environment: str) -> Running:
        running.append(Running(command, tmp_path, environment))
        running[-1].wait_for_port(port)
        return running[-1]

    yield run
    for each in reversed(running):
        each.stop()


@pytest.fixture
def serve(start: Start, tmp_path: Path) -> Start:
    """Return a function that serves a site whose responses show what it sees of a client."""

    def run(port: int, *words: str) -> Running:
        (tmp_path / "main.py").write_text(SITE)
        return start([sys.executable, "-m", "fanlight", "run", *words], port)

    return run


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like certbot's, with a certificate for example.org and its key."""
    folder = tmp_path_factory.mktemp("live") / "example.org"
    folder.mkdir()
    make_certificate(folder)
    return folder


def make_certificate(folder: Path) -> None:
    """Create a certificate and its key in a folder."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=example.org"
    names = ["-addext", "subjectAltName=DNS:example.org"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)


@pytest.fixture
def fetch() -> Callable[..., Any]:
    """Return a function that requests a URL from a port of this machine with curl, and returns the content."""

    def run(url: str, port: int, *words: str) -> Any:
        host = re.sub(r"^https?://([^/:]+).*", r"\1", url)
        command = [
            "curl",
            "-sS",
            "--max-time",
            "30",
            "-k",
            "--connect-to",
            f"{host}:{port}:127.0.0.1:{port}",
            *words,
            url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    return run
