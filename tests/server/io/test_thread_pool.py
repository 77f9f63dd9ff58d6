"""The thread pool, listening addresses, limits, and the end of a process whose main thread is stuck."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.connection.connection import wire_limits
from fanlight.server.io.thread_pool import ThreadPool
from fanlight.server.listening.listen import listen, url_of
from fanlight.settings.limits import Limits

# --- the pool -----------------------------------------------------------------------------------


def test_a_pool_makes_no_more_threads_than_allowed() -> None:
    """Work beyond the threads waits; work beyond that is refused."""
    pool, let_go, done = ThreadPool(2, 3), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        assert let_go.wait(PATIENCE)
        done.release()

    assert [pool.submit(work) for _ in range(6)] == [True] * 5 + [False]
    let_go.set()
    for _ in range(5):
        assert done.acquire(timeout=PATIENCE)
    pool.close()


def test_a_pool_uses_a_thread_again() -> None:
    """One piece of work after the other needs one thread."""
    pool, names = ThreadPool(8, 8), []
    for _ in range(5):
        done = threading.Event()

        def work(done: threading.Event = done) -> None:
            names.append(threading.current_thread().name)
            done.set()

        pool.submit(work)
        assert done.wait(PATIENCE)
        while pool._idle < 1:
            pass
    assert set(names) == {"fanlight-1"}
    pool.close()


def _idle(pool: ThreadPool, count: int) -> None:
    """Wait until so many threads wait for work."""
    while pool._idle != count:
        pass


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), MemoryError()])
def test_a_thread_outlives_whatever_its_work_raises(error: BaseException) -> None:
    """A pool whose work fails, in whichever way, has as many threads as before."""

    def fail() -> None:
        raise error

    pool = ThreadPool(1, 8)
    for _ in range(3):
        assert pool.submit(fail)
    _idle(pool, 1)
    done = threading.Event()
    assert pool.submit(done.set)
    assert done.wait(PATIENCE)
    assert (pool._made, pool.waiting) == (1, 0)
    pool.close()


def test_a_thread_that_cannot_be_started_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no thread left, work is refused, or waits for one that there is; then all is as before."""
    pool, let_go, done = ThreadPool(4, 8), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        assert let_go.wait(PATIENCE)
        done.release()

    def cannot(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", cannot)
        assert not pool.has_room()
        assert not pool.submit(work)
    assert pool.has_room()
    assert pool.submit(work)
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", cannot)
        assert pool.submit(work)
    let_go.set()
    for _ in range(2):
        assert done.acquire(timeout=PATIENCE)
    _idle(pool, 1)
    assert (pool._made, pool.waiting) == (1, 0)
    pool.close()


# --- addresses ----------------------------------------------------------------------------------


def test_an_address_is_listened_on() -> None:
    """host:port with port 0 gives a listening socket on a port of the system's choice."""
    (sock,) = listen("127.0.0.1:0")
    with sock, socket.create_connection(sock.getsockname()[:2], PATIENCE):
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_an_ipv6_address_is_written_in_brackets() -> None:
    """[::1]:port listens on IPv6, and its URL has the brackets too."""
    (sock,) = listen("[::1]:0")
    with sock:
        assert url_of(sock) == f"http://[::1]:{sock.getsockname()[1]}"


def test_localhost_is_every_loopback_on_one_port() -> None:
    """`localhost` answers on IPv4 and on IPv6, whichever a browser tries, with the same port."""
    socks = listen("localhost:0")
    assert len({sock.getsockname()[1] for sock in socks}) == 1
    for sock in socks:
        with sock, socket.create_connection(sock.getsockname()[:2], PATIENCE):
            pass


def test_a_taken_port_names_its_owner() -> None:
    """Who tries to listen on a taken port is told which program has it, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnavailable) as caught:
            listen(f"127.0.0.1:{port}")
    message = str(caught.value)
    assert f"127.0.0.1:{port} is in use" in message
    assert f"--port {port + 1}" in message
    if sys.platform.startswith("linux"):
        assert f"(process {os.getpid()})" in message


@pytest.mark.parametrize(
    "bind", ["", "8000", "localhost", "localhost:", "localhost:x", "a:99999", "a:-1", "::1:80", "unix:"]
)
def test_what_is_no_address_is_refused(bind: str) -> None:
    """A malformed address is refused with the forms that would do."""
    with pytest.raises(InvalidSetting):
        listen(bind)


def test_a_name_of_no_address_is_told() -> None:
    """A host that can't be resolved is told by name."""
    with pytest.raises(AddressUnavailable, match="no-such-host"):
        listen("no-such-host.invalid:80")


def test_a_unix_socket_takes_the_place_of_a_dead_one(tmp_path: Path) -> None:
    """The file that a killed server left behind is replaced."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    (sock,) = listen(f"unix:{path}")
    with sock, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_unix_socket_does_not_take_the_place_of_a_living_one(tmp_path: Path) -> None:
    """A socket that still answers is left alone."""
    path = tmp_path / "s"
    (sock,) = listen(f"unix:{path}")
    with sock, pytest.raises(AddressUnavailable, match="in use by a running"):
        listen(f"unix:{path}")


def test_a_file_is_not_taken_for_a_socket(tmp_path: Path) -> None:
    """A path that is some other file is refused, and the file stays."""
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(AddressUnavailable, match="not a socket"):
        listen(f"unix:{path}")
    assert path.read_text() == "precious"


# --- limits -------------------------------------------------------------------------------------


def test_limits_refuse_what_makes_no_sense() -> None:
    """A limit below its minimum, or not a number, is refused by its name."""
    for wrong in ({"threads": 0}, {"head_bytes": -1}, {"idle_seconds": 0}, {"connections": True}, {"threads": "8"}):
        with pytest.raises(InvalidSetting, match=next(iter(wrong))):
            Limits(**wrong)


def test_limits_hand_the_wire_its_part() -> None:
    """What the wire enforces has the same names and numbers there."""
    assert wire_limits(Limits(head_bytes=1234)).head_bytes == 1234


def test_a_stuck_main_thread_is_left_in_the_end(tmp_path: Path) -> None:
    """A process whose view never returns ends after drain_seconds all the same, and says so."""
    program = tmp_path / "program.py"
    program.write_text(
        "import threading\n"
        "from fanlight import Response\n"
        "from fanlight.server.start import serve\n"
        "from fanlight.settings.limits import Limits\n"
        "from fanlight.settings.options import Options\n"
        "from fanlight.testing import FakeHandler\n"
        "def stuck(request):\n"
        "    print('entered', flush=True)\n"
        "    threading.Event().wait()\n"
        "options = Options(bind=('127.0.0.1:0',), limits=Limits(drain_seconds=0.1))\n"
        "handler = FakeHandler({'/': stuck})\n"
        "serve(lambda: (handler, {}), options, lambda urls, facts: print(urls[0], flush=True))\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    host, _, port = process.stdout.readline().strip().removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert process.stdout.readline() == "entered\n"
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 70
    assert re.search(r"MainThread at \S+program.py:\d+ in stuck", errors)
