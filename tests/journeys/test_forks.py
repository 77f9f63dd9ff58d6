"""Child processes that a site forks or starts: they end by a signal, and hold no server, client or port."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.journeys.conftest import Site
from tests.speed import PATIENCE, seconds

Serve = Callable[..., Site]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

SLEEP = """
def sleep():
    _close_output()  # else the test waits for what it prints
    time.sleep(600)

def _close_output():
    for number in range(100, 0, -1):
        try:
            if os.path.sameopenfile(number, 1):
                os.close(number)
        except OSError:
            pass
"""
SITE = (
    """
import asyncio, ctypes, multiprocessing, os, socket, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor

from fanlight import lane

forking = multiprocessing.get_context("fork")
methods = {name: multiprocessing.get_context(name) for name in ("fork", "spawn", "forkserver")}
started = []


"""
    + SLEEP
    + """
def square(number):
    return number * number

def ended(method="fork"):
    process = methods[method].Process(target=sleep)
    process.start()
    process.terminate()
    process.join(30)
    return str(process.exitcode)

@lane("inline")
def inline(method="fork"):
    return ended(method)

@lane("thread")
def thread(method="fork"):
    return ended(method)

async def task(method="fork"):
    return ended(method)

def pool(method="fork"):
    with methods[method].Pool(2) as workers:
        return str(sum(workers.map(square, range(5))))

def executor(method="fork"):
    with ProcessPoolExecutor(2, mp_context=methods[method]) as workers:
        return str(sum(workers.map(square, range(5))))

def keep():
    process = forking.Process(target=sleep, daemon=True)
    process.start()
    started.append(process)
    return str(process.pid)

def keep_by_c():
    c = ctypes.PyDLL(None)
    pid = c.fork()
    if pid == 0:
        c.sleep(600)  # the child may hang before, for want of the interpreter's other threads: it is killed in any case
        c._exit(0)
    return str(pid)

def forked(how: str):
    pid = os.fork()
    if pid == 0:
        if how == "exit":
            sys.exit(3)
        elif how == "raise":
            1 / 0
        elif how == "return":
            return "a child's"
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

@lane("thread")
def forked_thread(how: str):
    return forked(how)

async def forked_task(how: str):
    pid = os.fork()
    if pid == 0:
        if how == "exit":
            sys.exit(3)
        elif how == "raise":
            1 / 0
        elif how == "wait":
            await asyncio.sleep(0)
        return "a child's"
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

def forked_stream():
    pid = os.fork()
    if pid == 0:
        yield "a child's"
    yield str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) >= 0)

def forked_after(request, how: str):
    request.after(forked, how)
    return "ok"

def program():
    os.system("sleep 600 >/dev/null 2>&1 & echo $! > program.pid")
    return "started"

def inheritable():
    return [number for number in range(3, 100) if _is_inheritable(number)]

def _is_inheritable(number):
    try:
        return os.get_inheritable(number)
    except OSError:
        return False

def closes():
    for number in range(3, 100):
        try:
            socket.socket(fileno=os.dup(number)).getpeername()[1]
            os.close(number)
        except (OSError, IndexError):
            pass
    return "nobody gets this"

def breaks():
    yield "half"
    time.sleep(0.2)
    raise RuntimeError("the rest never comes")

async def index():
    return str(os.getpid())

async def counted():
    with open("counted.txt", "a") as file:
        file.write(".")
    return "counted"

URLS = {
    "/": index, "/counted": counted,
    "/inline": inline, "/thread": thread, "/task": task, "/pool": pool, "/executor": executor,
    "/keep": keep, "/keep-by-c": keep_by_c,
    "/forked/{how}": forked, "/forked-thread/{how}": forked_thread, "/forked-task/{how}": forked_task,
    "/forked-stream": forked_stream, "/forked-after/{how}": forked_after,
    "/program": program, "/inheritable": inheritable, "/breaks": breaks, "/closes": closes,
}
"""
)
WORKERS = pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["alone", "workers"])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return the folder of the site."""
    (tmp_path / "main.py").write_text(SITE)
    return tmp_path


@pytest.fixture
def ended(site: Path) -> Iterator[list[int]]:
    """Return a list of process ids that are killed after the test."""
    pids: list[int] = []
    yield pids
    for each in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def fetch(site: Site, path: str = "/") -> str:
    """Return the site's response over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", int(site.port), timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def check_serves_and_stops(site: Site) -> None:
    """Check that the server responds, and stops with exit code 0."""
    assert fetch(site).isdigit()
    site.send_signal(signal.SIGTERM)
    assert site.wait_for_exit() == 0


@pytest.fixture(scope="module", params=[(), ("--workers", "1")], ids=["alone", "workers"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a site for several tests; after the last one it still responds, and stops with exit code 0."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "main.py").write_text(SITE)
    served = Site([sys.executable, "-m", "fanlight", "run", "--port", "0", *request.param], folder)
    try:
        yield served
        check_serves_and_stops(served)
    finally:
        if served.process.poll() is None:
            served.process.kill()
        served.wait_for_exit()


@pytest.mark.parametrize("lane", ["inline", "thread", "task"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_is_terminated(shared: Site, lane: str, method: str) -> None:
    """`Process.terminate()` right after `start()` ends the child and nothing else, in every lane."""
    for _ in range(3):
        assert fetch(shared, f"/{lane}?method={method}") == str(-signal.SIGTERM)


@pytest.mark.parametrize("kind", ["pool", "executor"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_works_and_ends(shared: Site, kind: str, method: str) -> None:
    """A process pool made in a view returns its results, and is gone when the view has ended."""
    assert fetch(shared, f"/{kind}?method={method}") == "30"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/forked/exit", "3"),
        ("/forked/raise", "1"),
        ("/forked/return", "0"),
        ("/forked-thread/exit", "3"),
        ("/forked-thread/raise", "1"),
        ("/forked-thread/return", "0"),
        ("/forked-task/exit", "3"),
        ("/forked-task/raise", "1"),
        ("/forked-task/return", "0"),
        ("/forked-task/wait", "0"),
        ("/forked-stream", "True"),
        ("/forked-after/exit", "ok"),
    ],
)
def test_a_forked_child_is_no_second_server(shared: Site, path: str, code: str) -> None:
    """After `os.fork()` in a view the child ends where its code ends, with its exit code; only the parent responds."""
    pid = int(fetch(shared))
    children = Path(f"/proc/{pid}/task/{pid}/children")
    before = children.read_text()  # the servers of forks, which earlier tests have started, stay
    for _ in range(3):
        assert fetch(shared, path) == code
    assert int(fetch(shared)) == pid
    assert children.read_text() == before


@pytest.mark.parametrize("words", [(), ("--uvloop",)], ids=["asyncio", "uvloop"])
def test_a_forked_child_runs_no_other_view(serve: Serve, site: Path, words: tuple[str, ...]) -> None:
    """A child that an async view forks ends with that view: those of the same turn run in the parent alone."""
    served = serve(site, *words)
    # While the first child is forked and waited for, the others arrive: they begin together.
    paths = ["/forked-task/return", *["/counted"] * 4, "/forked-task/return", *["/counted"] * 4]
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", int(served.port))
        clients = [stack.enter_context(socket.create_connection(address, PATIENCE)) for _ in paths]
        for client, path in zip(clients, paths, strict=True):
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        bodies = [client.makefile("rb").read().rpartition(b"\r\n\r\n")[2] for client in clients]
    assert bodies == [b"0", *[b"counted"] * 4] * 2
    assert (site / "counted.txt").read_text() == "." * 8
    check_serves_and_stops(served)


def test_a_child_holds_neither_clients_nor_the_port(serve: Serve, site: Path, ended: list[int]) -> None:
    """While a child runs, a client sees its connection end, and the port is free once the server is killed."""
    served = serve(site, "--idle-seconds", "1")
    with socket.create_connection(("127.0.0.1", int(served.port)), PATIENCE) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert kept.recv(1000)
        ended.append(int(fetch(served, "/keep")))
        assert kept.recv(1000) == b""  # after the idle time
    served.process.kill()
    served.wait_for_exit()
    os.kill(ended[0], 0)
    with socket.create_server(("127.0.0.1", int(served.port))):
        pass


def test_a_failed_stream_is_cut_off_though_a_child_has_its_socket(serve: Serve, site: Path, ended: list[int]) -> None:
    """A stream that fails is cut off even where C code, without Python's hooks, has forked a child."""
    served = serve(site)
    connection = http.client.HTTPConnection("127.0.0.1", int(served.port), timeout=PATIENCE)
    connection.request("GET", "/keep-by-c")
    ended.append(int(connection.getresponse().read()))
    connection.request("GET", "/breaks")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()
    os.kill(ended.pop(), signal.SIGKILL)  # it has the server's output, which is read to its end
    check_serves_and_stops(served)


def test_a_socket_closed_by_the_site_does_not_delay_shutdown(serve: Serve, site: Path) -> None:
    """A connection whose descriptor is closed can't be unregistered; it is dropped, and the server stops."""
    served = serve(site)
    with contextlib.suppress(OSError, http.client.HTTPException):
        fetch(served, "/closes")
    # Its number is free for the next connection before the server knows, and may be closed a second time: once.
    with contextlib.suppress(OSError, http.client.HTTPException):
        fetch(served)
    check_serves_and_stops(served)


@WORKERS
def test_programs_inherit_nothing(serve: Serve, site: Path, ended: list[int], words: tuple[str, ...]) -> None:
    """No descriptor of the server is open in a program that a view starts; the port is free when the server ends."""
    served = serve(site, *words)
    assert fetch(served, "/inheritable") == "[]"
    assert fetch(served, "/program") == "started"
    ended.append(int((site / "program.pid").read_text()))
    check_serves_and_stops(served)
    with socket.create_server(("127.0.0.1", int(served.port))):
        pass


LIFESPAN = (
    """
import multiprocessing, os, sys, time

"""
    + SLEEP
    + """
{before}

def LIFESPAN():
    {during}
    yield

def index():
    return str(os.getpid())

URLS = {{"/": index}}
"""
)
PROCESS = "p = multiprocessing.get_context('fork').Process(target=sleep); p.start(); open('pid', 'w').write(str(p.pid))"
FORKS = [
    *("if os.fork() == 0: sys.exit(0)", "if os.fork() == 0: 1 / 0", "os.fork()"),
    "os.fork() or os.kill(os.getpid(), 15)",
]


@WORKERS
@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("place", ["before", "during"])
def test_a_child_forked_at_startup_is_no_second_server(
    serve: Serve, tmp_path: Path, words: tuple[str, ...], fork: str, place: str
) -> None:
    """A child forked at import time or in the lifespan ends, and the site serves."""
    (tmp_path / "main.py").write_text(LIFESPAN.format(**{"before": "", "during": "pass", place: fork}))
    served = serve(tmp_path, *words)
    pid = int(fetch(served))
    until = time.monotonic() + PATIENCE
    while any(_state(int(each)) != "Z" for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        assert time.monotonic() < until
        time.sleep(0.05)
    check_serves_and_stops(served)


@pytest.mark.parametrize("place", ["before", "during"])
def test_a_process_started_at_startup_is_terminated(serve: Serve, tmp_path: Path, place: str) -> None:
    """SIGTERM ends a process started at import time or in the lifespan, and does not affect the site."""
    (tmp_path / "main.py").write_text(LIFESPAN.format(**{"before": "", "during": "pass", place: PROCESS}))
    served = serve(tmp_path)
    child = int((tmp_path / "pid").read_text())
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while _state(child) != "Z":
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(seconds(0.2))  # by now the site would have acted on it
    assert fetch(served).isdigit()


PROGRAM = """
import multiprocessing, time
from fanlight import App

def work():
    pass

def index():
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
    return str(process.exitcode)

app = App({"/": index})
app.run(port=0)
"""


def test_an_inherited_socket_is_not_inherited_further(tmp_path: Path) -> None:
    """A program started at import time or in the lifespan does not inherit the port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        number = sock.fileno()
        look = f"os.system('readlink /proc/self/fd/{number} >> seen; echo looked >> seen')"
        (tmp_path / "main.py").write_text(
            f"import os\n{look}\ndef LIFESPAN():\n    {look}\n    yield\nURLS = {{'/': 'hi'}}\n"
        )
        command = [sys.executable, "-m", "fanlight", "run", "--bind", f"fd:{number}"]
        with subprocess.Popen(command, cwd=tmp_path, pass_fds=[number], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert any("Ctrl+C" in line for line in process.stdout)
            process.terminate()
    assert (tmp_path / "seen").read_text() == "looked\n" * 2


def test_a_program_without_a_main_guard_is_no_second_server(serve: Serve, tmp_path: Path) -> None:
    """A spawned child imports the program again: `app.run()` in it says what to write, and serves nothing."""
    (tmp_path / "main.py").write_text(PROGRAM)
    served = serve(tmp_path, command=("main.py",))
    assert fetch(served) == "1"
    served.send_signal(signal.SIGTERM)
    assert 'write `if __name__ == "__main__":`' in served.rest()


def test_a_program_serves_without_standard_streams(tmp_path: Path) -> None:
    """`python main.py`, started with its output closed, serves, and stops with exit code 0."""
    (tmp_path / "main.py").write_text(
        f"from fanlight import App\napp = App({{'/': 'hi'}})\napp.run(bind='unix:{tmp_path}/s')\n"
    )
    closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "main.py"]
    with subprocess.Popen(closed, cwd=tmp_path) as process:
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "s").exists():
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        process.terminate()
        assert process.wait(PATIENCE) == 0


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


if not sys.platform.startswith("linux"):  # what a process has open, and its children, are read from /proc
    pytestmark = [pytestmark, pytest.mark.skip]
