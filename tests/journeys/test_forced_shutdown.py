"""A shutdown ends in time, whatever the site has started and whatever it does with signals."""

from __future__ import annotations

import os
import pty
import re
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
from tests.sockets import read_and_close
from tests.speed import PATIENCE, seconds

RUN = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--control", "none", "--no-access-log"]
QUICK_DRAIN = ["--drain-seconds", "0.3"]
WORKERS = ["0", "1"]


def with_and_without_workers(*with_a_worker: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return each name for a process without workers, and some of them also for one with a worker."""
    return [*((name, "0") for name in names), *((name, "1") for name in with_a_worker)]


# Views that leave something running that does not end by itself.
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
# Views that do not return.
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
HANGS_IN_MAIN_THREAD = {"a view", "a view that computes", "a view that blocks the loop"}


def source(view: str) -> str:
    imports = "import asyncio, os, signal, threading, time\n"
    mark = "def middleware(request):\n    open('requested', 'w').close()\n    yield\nMIDDLEWARE = [middleware]\n"
    return f"{imports}{view}{mark}URLS = {{'/': view, '/quick': 'quick'}} | globals().get('MORE', {{}})\n"


class Server:
    """A server process and its output."""

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

    def send_request(self, path: str = "/") -> socket.socket:
        """Send a request; return when the middleware has run for it."""
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        self.wait_for((self.folder / "requested").exists)
        return client

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until, self.errors.read_text()
            time.sleep(0.005)

    def wait_for_log(self, words: str) -> None:
        self.wait_for(lambda: words in self.errors.read_text())

    def send_signals(self, *numbers: int) -> None:
        for number in numbers:
            self.process.send_signal(number)

    def wait_for_exit(self) -> int:
        return self.process.wait(PATIENCE)


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a server with a view; it is killed after the test."""
    made: list[Server] = []

    def begin(view: str, *words: str, **how: Any) -> Server:
        made.append(Server(tmp_path, view, *words, **how))
        return made[-1]

    yield begin
    for each in made:
        each.process.kill()
        each.process.communicate()


@pytest.mark.parametrize(("name", "workers"), with_and_without_workers("a thread", "a lifespan", names=LEFT))
def test_what_a_view_left_running_does_not_delay_shutdown(start: Start, name: str, workers: str) -> None:
    """After one signal the server ends a few seconds after the drain; its exit code says if something was cut off."""
    server = start(LEFT[name], *QUICK_DRAIN, "--workers", workers)
    assert read_and_close(server.send_request()).endswith(b"x")
    server.send_signals((signal.SIGTERM, signal.SIGINT)[len(name) % 2])
    began = time.monotonic()
    code = server.wait_for_exit()
    assert code == (0 if name in ENDS_WELL else 70)
    assert time.monotonic() - began < 0.3 + 5 + seconds(2)


@pytest.mark.parametrize(
    ("name", "workers"), with_and_without_workers("a view that computes", "a view in a thread", names=STUCK)
)
def test_a_view_that_does_not_return_does_not_delay_shutdown(start: Start, name: str, workers: str) -> None:
    """Its client is cut off at the end of the drain, and the server ends; the log has the line where the view hangs."""
    server = start(STUCK[name], *QUICK_DRAIN, "--workers", workers)
    client = server.send_request()
    server.send_signals((signal.SIGTERM, signal.SIGINT)[len(name) % 2])
    began = time.monotonic()
    assert read_and_close(client) == b""
    assert server.wait_for_exit() == 70
    assert time.monotonic() - began < 0.3 + 5 + seconds(2)
    errors = server.errors.read_text()
    assert "did not stop in time" not in errors  # a worker ends itself
    assert (re.search(r"main\.py:\d+ in view", errors) is not None) == (name in HANGS_IN_MAIN_THREAD)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_off_whatever_runs(start: Start, second: int, workers: str) -> None:
    """The same signal again is a second one at any time; another kind of signal is one after a while."""
    server = start(STUCK["a view that takes no cancellation"], "--workers", workers)
    client = server.send_request()
    server.send_signals(signal.SIGTERM)
    server.wait_for_log("a second signal closes their connections")
    if second != signal.SIGTERM:
        time.sleep(1.6)  # the time in which the two are one
    server.send_signals(second)
    began = time.monotonic()
    assert read_and_close(client) == b""
    assert server.wait_for_exit() == 128 + second
    assert time.monotonic() - began < 1 + seconds(2)


@pytest.mark.parametrize("workers", WORKERS)
def test_sigint_and_sigterm_together_are_one_signal(start: Start, workers: str) -> None:
    """Ctrl+C in a terminal, passed on as SIGTERM by a program, counts once: running requests are finished."""
    server = start(
        "def view():\n    while not os.path.exists('gate'):\n        time.sleep(0.005)\n    return 'done'\n",
        *("--workers", workers),
    )
    client = server.send_request()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.killpg(server.process.pid, number)
    server.wait_for_log("a second signal closes their connections")
    (server.folder / "gate").touch()
    assert read_and_close(client).endswith(b"done")
    assert server.wait_for_exit() == 0


def test_sigterm_cancels_an_upgrade(start: Start) -> None:
    """SIGTERM before the new code of a SIGUSR2 was tried: the upgrade is dropped, and nothing is wrong."""
    server = start("def view():\n    return 'x'\n", "--workers", "1")
    main = server.folder / "main.py"
    main.write_text(main.read_text() + "open('tried', 'w').close()\ntime.sleep(5)\n")
    server.send_signals(signal.SIGUSR2)
    server.wait_for((server.folder / "tried").exists)
    server.send_signals(signal.SIGTERM)
    assert server.wait_for_exit() == 0
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


@pytest.mark.parametrize(
    ("name", "workers"), with_and_without_workers("in the lifespan", "its own place", names=OWN_HANDLERS)
)
def test_signal_handlers_of_the_site_do_not_prevent_shutdown(start: Start, name: str, workers: str) -> None:
    """Whatever handler the site installs, a signal ends the server, which logs that it has restored its own."""
    view = OWN_HANDLERS[name]
    server = start(view, "--workers", workers)
    assert read_and_close(server.send_request()).endswith(b"x")
    if "signal.signal" in view and workers == "0":
        server.wait_for_log("the site installed a handler for SIGTERM in place of the server's")
    server.send_signals(signal.SIGTERM)
    assert server.wait_for_exit() == 0


def test_handlers_for_other_signals_are_called(start: Start) -> None:
    """A handler that the site installs on the loop for a signal the server does not use is called."""
    server = start("""
async def LIFESPAN():
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, lambda: open('called', 'w').close())
    yield
def view():
    return 'x'
""")
    server.send_signals(signal.SIGWINCH)
    server.wait_for((server.folder / "called").exists)
    server.send_signals(signal.SIGTERM)
    assert server.wait_for_exit() == 0


def test_a_signal_to_a_forked_child_does_not_affect_the_server(start: Start) -> None:
    """A forked child is ended by SIGTERM like any process, and the server serves on."""
    server = start("""
def view():
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""")
    assert read_and_close(server.send_request()).endswith(b"\r\n\r\n-15")
    assert read_and_close(server.send_request("/quick")).startswith(b"HTTP/1.1 200 OK")
    assert server.process.poll() is None
    assert "stopping" not in server.errors.read_text()
    server.send_signals(signal.SIGTERM)
    assert server.wait_for_exit() == 0


# --- a terminal that is closed -------------------------------------------------------------------------


def start_in_terminal(folder: Path, *words: str, before: Callable[[], object] = lambda: None) -> tuple[int, int]:
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
    """The SIGHUP of a closed terminal is no request to reload: the server stops, as after SIGTERM."""
    pid, master = start_in_terminal(tmp_path, "--workers", workers)
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "loading new code" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("workers", WORKERS)
def test_under_nohup_a_server_outlives_its_terminal(tmp_path: Path, workers: str) -> None:
    """A server started with SIGHUP ignored outlives its terminal; SIGTERM ends it."""
    pid, master = start_in_terminal(
        tmp_path, "--workers", workers, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    os.close(master)
    time.sleep(0.5)  # there is nothing to wait for: nothing happens
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_sighup_without_workers_does_not_stop_the_server(start: Start) -> None:
    """SIGHUP is a request to reload: a single process can't, logs so, and serves on."""
    server = start("def view():\n    return 'x'\n")
    server.send_signals(signal.SIGHUP)
    server.wait_for_log("SIGHUP reloads the code only with --workers")
    assert read_and_close(server.send_request()).endswith(b"x")
    server.send_signals(signal.SIGTERM)
    assert server.wait_for_exit() == 0


# --- incomplete requests ---------------------------------------------------------------------------------

HALVES = {
    "a head": b"GET / HTTP/1.1\r\nHost",
    "content": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    "nothing": b"",
    "content that a view takes as it comes": b"POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx",
}


@pytest.mark.parametrize(("name", "workers"), with_and_without_workers("a head", "content", names=HALVES))
def test_an_incomplete_request_does_not_delay_shutdown(start: Start, name: str, workers: str) -> None:
    """Its client has ARRIVING_SECONDS, whatever drain_seconds is, and gets a 408."""
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
        server.send_signals(signal.SIGTERM)
        began = time.monotonic()
        response = read_and_close(client)
        assert server.wait_for_exit() == 0
    assert time.monotonic() - began < 0.5 + 2.5 + seconds(2)
    assert response[:12] == (b"HTTP/1.1 408" if HALVES[name] else b"")


def test_an_incomplete_handshake_does_not_delay_shutdown(start: Start, localhost: Pair) -> None:
    """A client in the middle of its TLS handshake has ARRIVING_SECONDS, too."""
    server = start(
        "def view():\n    return 'x'\n",
        *("--cert", localhost.cert, "--key", localhost.key),
    )
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        time.sleep(0.3)  # until it has come
        server.send_signals(signal.SIGTERM)
        began = time.monotonic()
        assert server.wait_for_exit() == 0
    assert time.monotonic() - began < 0.5 + 2.5 + seconds(2)
