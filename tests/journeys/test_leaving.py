"""A server that serves ends in time, whatever the site has started and whatever it does with signals."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Pair
from tests.speed import PATIENCE, seconds

RUN = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--control", "none", "--no-access-log"]
QUICK_DRAIN = ["--drain-seconds", "0.3"]
WORKERS = ["0", "1"]


def alone_and(*with_a_worker: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return each name for a process without workers, and some of them for one with a worker, too."""
    return [*((name, "0") for name in names), *((name, "1") for name in with_a_worker)]


# What a view leaves behind that does not end by itself.
LEFT = {
    "a thread": "def view():\n    threading.Thread(target=time.sleep, args=(600,)).start()\n    return 'x'\n",
    "a daemon thread": """
def view():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return 'x'
""",
    "an executor": """
from concurrent.futures import ThreadPoolExecutor
executor = ThreadPoolExecutor()
def view():
    executor.submit(time.sleep, 600)
    return 'x'
""",
    "to_thread": """
tasks = []
async def view():
    tasks.append(asyncio.create_task(asyncio.to_thread(time.sleep, 600)))
    await asyncio.sleep(0)
    return 'x'
""",
    "a task that takes no cancellation": """
tasks = []
async def stay():
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass
async def view():
    tasks.append(asyncio.create_task(stay()))
    await asyncio.sleep(0)
    return 'x'
""",
    "work after the response": "def view(request):\n    request.after(time.sleep, 600)\n    return 'x'\n",
    "an atexit handler": "import atexit\natexit.register(time.sleep, 600)\ndef view():\n    return 'x'\n",
    "a lifespan": "async def LIFESPAN():\n    yield\n    await asyncio.sleep(600)\ndef view():\n    return 'x'\n",
    "a plain lifespan": "def LIFESPAN():\n    yield\n    time.sleep(600)\ndef view():\n    return 'x'\n",
}
ENDS_WELL = {"a daemon thread"}
# What a view that does not return does.
STUCK = {
    "a view": "def view():\n    time.sleep(600)\n",
    "a view that computes": "def view():\n    while True:\n        pass\n",
    "a view that blocks the loop": "async def view():\n    time.sleep(600)\n",
    "a view that takes no cancellation": """
async def view():
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass
""",
    "a view in a thread": "async def view():\n    await asyncio.to_thread(time.sleep, 600)\n",
}


def source(view: str) -> str:
    imports = "import asyncio, os, signal, threading, time\n"
    mark = "def middleware(request):\n    open('asked', 'w').close()\n    yield\nMIDDLEWARE = [middleware]\n"
    return f"{imports}{view}{mark}URLS = {{'/': view, '/quick': 'quick'}} | globals().get('MORE', {{}})\n"


class Server:
    """A server, and what it has said."""

    def __init__(self, folder: Path, view: str, *words: str, **how: Any) -> None:
        self.folder = folder
        (folder / "main.py").write_text(source(view))
        self.errors = folder / "errors"
        with self.errors.open("w") as errors:
            process: Any = subprocess.Popen(
                [*RUN, *words],
                cwd=folder,
                text=True,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                **how,
            )
        self.process: subprocess.Popen[str] = process
        assert self.process.stdout is not None
        banner = ""
        while "Ctrl+C stops it" not in banner:
            line = self.process.stdout.readline()
            assert line, self.errors.read_text()
            banner += line
        self.port = int(banner.partition("//localhost:")[2].split()[0])

    def ask(self, path: str = "/") -> socket.socket:
        """Ask, and return when the request has come."""
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self.wait_for((self.folder / "asked").exists)
        return client

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, self.errors.read_text()
            time.sleep(0.005)

    def wait_for_words(self, words: str) -> None:
        self.wait_for(lambda: words in self.errors.read_text())

    def tell(self, *numbers: int) -> None:
        for number in numbers:
            self.process.send_signal(number)

    def end(self) -> int:
        return self.process.wait(PATIENCE)


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Give a function that serves a view, and ends the server."""
    made: list[Server] = []

    def begin(view: str, *words: str, **how: Any) -> Server:
        made.append(Server(tmp_path, view, *words, **how))
        return made[-1]

    yield begin
    for each in made:
        each.process.kill()
        each.process.communicate()


def all_of(client: socket.socket) -> bytes:
    received = b""
    with client:
        while piece := client.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(("name", "workers"), alone_and("a thread", "a lifespan", names=LEFT))
def test_what_a_view_has_left_behind_does_not_keep_the_server(start: Start, name: str, workers: str) -> None:
    """One signal: it ends a few seconds after the drain, and its exit code says whether something was cut off."""
    server = start(LEFT[name], *QUICK_DRAIN, "--workers", workers)
    assert all_of(server.ask()).endswith(b"x")
    server.tell((signal.SIGTERM, signal.SIGINT)[len(name) % 2])
    began = time.monotonic()
    code = server.end()
    assert code == (0 if name in ENDS_WELL else 70)
    assert time.monotonic() - began < 0.3 + 5 + seconds(2)


@pytest.mark.parametrize(("name", "workers"), alone_and("a view that computes", "a view in a thread", names=STUCK))
def test_a_view_that_does_not_return_does_not_keep_the_server(start: Start, name: str, workers: str) -> None:
    """One signal: its client is cut off at the end of the drain, and the server ends; the log says where it stands."""
    server = start(STUCK[name], *QUICK_DRAIN, "--workers", workers)
    client = server.ask()
    server.tell((signal.SIGTERM, signal.SIGINT)[len(name) % 2])
    began = time.monotonic()
    assert all_of(client) == b""
    assert server.end() == 70
    assert time.monotonic() - began < 0.3 + 5 + seconds(2)
    assert "did not stop in time" not in server.errors.read_text()  # a worker ends itself


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_off_whatever_runs(start: Start, second: int, workers: str) -> None:
    """The same one again is a second one, whenever it comes; the other kind is, a while later."""
    server = start(STUCK["a view that takes no cancellation"], "--workers", workers)
    client = server.ask()
    server.tell(signal.SIGTERM)
    server.wait_for_words("a second signal closes their connections")
    if second != signal.SIGTERM:
        time.sleep(1.6)  # the time in which the two are one
    server.tell(second)
    began = time.monotonic()
    assert all_of(client) == b""
    assert server.end() == 128 + second
    assert time.monotonic() - began < 1 + seconds(2)


@pytest.mark.parametrize("workers", WORKERS)
def test_both_signals_to_the_whole_group_are_one(start: Start, workers: str) -> None:
    """Ctrl+C in a terminal, and a program in it that sends SIGTERM to all it has started: what runs is finished."""
    server = start(
        "def view():\n    while not os.path.exists('gate'):\n        time.sleep(0.005)\n    return 'done'\n",
        *("--workers", workers),
    )
    client = server.ask()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.killpg(server.process.pid, number)
    server.wait_for_words("a second signal closes their connections")
    (server.folder / "gate").touch()
    assert all_of(client).endswith(b"done")
    assert server.end() == 0


def test_a_stop_ends_the_trial_of_new_code(start: Start) -> None:
    """SIGUSR2, and SIGTERM before the new code was tried: it is not taken up any more, and nothing is wrong."""
    server = start("def view():\n    return 'x'\n", "--workers", "1")
    main = server.folder / "main.py"
    main.write_text(main.read_text() + "open('tried', 'w').close()\ntime.sleep(5)\n")
    server.tell(signal.SIGUSR2)
    server.wait_for((server.folder / "tried").exists)
    server.tell(signal.SIGTERM)
    assert server.end() == 0
    assert "ERROR" not in server.errors.read_text()


# --- what the site does with signals -----------------------------------------------------------------

OWN_HANDLERS = {
    "at import": "signal.signal(signal.SIGTERM, lambda *_: None)\ndef view():\n    return 'x'\n",
    "in the lifespan": """
def LIFESPAN():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    yield
def view():
    return 'x'
""",
    "on the loop": """
async def LIFESPAN():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    yield
def view():
    return 'x'
""",
    "in a view": "async def view():\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    return 'x'\n",
    "its own place": """
import socket
ours, theirs = socket.socketpair()
ours.setblocking(False)
async def view():
    signal.set_wakeup_fd(ours.fileno())
    return 'x'
""",
    "none, it blocks them": """
async def view():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    return 'x'
""",
}


@pytest.mark.parametrize(("name", "workers"), alone_and("in the lifespan", "its own place", names=OWN_HANDLERS))
def test_handlers_of_the_site_do_not_keep_the_server(start: Start, name: str, workers: str) -> None:
    """Whatever it installs, and wherever: a signal ends the server, which says that it has put its own back."""
    view = OWN_HANDLERS[name]
    server = start(view, "--workers", workers)
    assert all_of(server.ask()).endswith(b"x")
    if "signal.signal" in view and workers == "0":
        server.wait_for_words("the site installed a handler for SIGTERM in place of the server's")
    server.tell(signal.SIGTERM)
    assert server.end() == 0


def test_other_handlers_of_the_site_are_called(start: Start) -> None:
    """What a site installs on the loop for a signal that is not ours still comes to it."""
    server = start("""
async def LIFESPAN():
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, lambda: open('called', 'w').close())
    yield
def view():
    return 'x'
""")
    server.tell(signal.SIGWINCH)
    server.wait_for((server.folder / "called").exists)
    server.tell(signal.SIGTERM)
    assert server.end() == 0


def test_a_signal_to_a_forked_child_is_none_to_the_server(start: Start) -> None:
    """A child that a view has forked is ended by SIGTERM as any process is, and the server serves on."""
    server = start("""
def view():
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")
    assert all_of(server.ask()).endswith(b"\r\n\r\n-15")
    assert all_of(server.ask("/quick")).startswith(b"HTTP/1.1 200 OK")
    assert server.process.poll() is None
    assert "stopping" not in server.errors.read_text()
    server.tell(signal.SIGTERM)
    assert server.end() == 0


# --- a terminal that is closed -------------------------------------------------------------------------


def in_terminal(folder: Path, *words: str, before: Callable[[], object] = lambda: None) -> tuple[int, int]:
    """Start a server in a terminal of its own; return its process id and the terminal."""
    (folder / "main.py").write_text(source("def view():\n    return 'x'\n"))
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        before()
        os.execv(sys.executable, [*RUN, "--log-file", "log", *words])
    printed = b""
    while b"Ctrl+C stops it" not in printed:
        printed += os.read(master, 4096)
    return pid, master


@pytest.mark.parametrize("workers", WORKERS)
def test_a_closed_terminal_ends_the_server(tmp_path: Path, workers: str) -> None:
    """Its SIGHUP is no order to load the code anew: the server leaves, as after SIGTERM."""
    pid, master = in_terminal(tmp_path, "--workers", workers)
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "loading new code" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("workers", WORKERS)
def test_under_nohup_a_server_outlives_its_terminal(tmp_path: Path, workers: str) -> None:
    """Who starts it with SIGHUP ignored wants it to go on; SIGTERM ends it."""
    pid, master = in_terminal(
        tmp_path, "--workers", workers, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    os.close(master)
    time.sleep(0.5)  # there is nothing to wait for: nothing happens
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_sighup_without_workers_is_no_end(start: Start) -> None:
    """A supervisor's order to load anew: one process can't, says so, and serves on."""
    server = start("def view():\n    return 'x'\n")
    server.tell(signal.SIGHUP)
    server.wait_for_words("SIGHUP reloads the code only with --workers")
    assert all_of(server.ask()).endswith(b"x")
    server.tell(signal.SIGTERM)
    assert server.end() == 0


# --- what has come by half -----------------------------------------------------------------------------

HALVES = {
    "a head": b"GET / HTTP/1.1\r\nHost",
    "content": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "nothing": b"",
    "content that a view takes as it comes": b"POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx",
}


@pytest.mark.parametrize(("name", "workers"), alone_and("a head", "content", names=HALVES))
def test_half_a_request_does_not_hold_up_the_end(start: Start, name: str, workers: str) -> None:
    """Its client has ARRIVING_SECONDS, whatever drain_seconds are, and is told by a 408."""
    server = start(
        """
from fanlight import ContentStream
async def taken(content: ContentStream):
    return str(len(await content.read()))
async def kept(data: dict):
    return "kept"
def view():
    return "x"
MORE = {"POST /": kept, "POST /taken": taken}
""",
        *("--workers", workers),
    )
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(HALVES[name])
        time.sleep(0.3)  # until it has come
        server.tell(signal.SIGTERM)
        began = time.monotonic()
        answer = all_of(client)
        assert server.end() == 0
    assert time.monotonic() - began < 0.5 + 2.5 + seconds(2)
    assert answer[:12] == (b"HTTP/1.1 408" if HALVES[name] else b"")


def test_half_a_handshake_does_not_hold_up_the_end(start: Start, localhost: Pair) -> None:
    """A client in the middle of its TLS handshake has ARRIVING_SECONDS, too."""
    server = start(
        "def view():\n    return 'x'\n",
        *("--cert", localhost.cert, "--key", localhost.key),
    )
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        time.sleep(0.3)  # until it has come
        server.tell(signal.SIGTERM)
        began = time.monotonic()
        assert server.end() == 0
    assert time.monotonic() - began < 0.5 + 2.5 + seconds(2)
