"""Several workers under a supervisor, through whatever an operator or a failure does to them, under constant load."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

SITE = """
import os, time

VERSION = "one"

def version():
    return VERSION

def worker():
    return str(os.getpid())

async def hang():
    time.sleep(600)

def slow():
    time.sleep(1)
    return "slow"

URLS = {"/": version, "/worker": worker, "/hang": hang, "/slow": slow}
"""
PAUSE_SECONDS = 0.002  # between two requests of a visitor
Serve = Callable[..., Any]


class Visitor:
    """Sends requests all the time, over one connection for as long as it lasts; each must get a response."""

    def __init__(self, port: str) -> None:
        """Begin, in a thread."""
        self._address = ("127.0.0.1", int(port))
        self.contents: list[bytes] = []
        self.failures: list[str] = []
        self._is_over = threading.Event()
        self._seen = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.is_set():
            try:
                with socket.create_connection(self._address, PATIENCE) as client:
                    while not self._is_over.wait(PAUSE_SECONDS) and self._send_request(client):
                        pass
            except OSError as error:
                self.failures.append(repr(error))
                return

    def _send_request(self, client: socket.socket) -> bool:
        """Send one request; return whether the connection can be used again."""
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = client.recv(65536)  # it is short: it comes in one piece
        with self._seen:
            if response.startswith(b"HTTP/1.1 200 OK\r\n"):
                self.contents.append(response.rpartition(b"\r\n")[2])
            else:
                self.failures.append(repr(response))
            self._seen.notify_all()
        return b"\r\nconnection: close\r\n" not in response

    def wait_for(self, content: bytes) -> None:
        """Return once a response had this content."""
        with self._seen:
            assert self._seen.wait_for(lambda: self.failures or content in self.contents[-3:], PATIENCE)

    def stop(self) -> list[str]:
        """Stop sending; return the failures."""
        self._is_over.set()
        self._thread.join()
        return self.failures


@pytest.fixture
def visit() -> Iterator[Callable[[str], Visitor]]:
    """Return a function that starts a visitor of a port."""
    visitors: list[Visitor] = []

    def begin(port: str) -> Visitor:
        visitors.append(Visitor(port))
        return visitors[-1]

    yield begin
    for each in visitors:
        each.stop()


def write(folder: Path, version: str = "one") -> None:
    (folder / "main.py").write_text(SITE.replace('"one"', f'"{version}"'))


def get(port: str, path: str) -> str:
    with socket.create_connection(("127.0.0.1", int(port)), PATIENCE) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received = read_all(client)
    return received.partition(b"\r\n\r\n")[2].decode()


def workers_of(site: Any) -> set[int]:
    pid = site.process.pid
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.fixture
def site(serve: Serve, tmp_path: Path) -> Any:
    """Give a site with two workers."""
    write(tmp_path)
    return serve(tmp_path, "--workers", "2", "--no-access-log", "--heartbeat-seconds", "2")


def test_the_supervisor_serves_no_requests(site: Any) -> None:
    """Requests are served by the workers, and there are as many as were set."""
    workers = workers_of(site)
    assert len(workers) == 2
    assert {int(get(site.port, "/worker")) for _ in range(10)} <= workers


def test_sighup_loads_new_code_without_a_failed_request(
    site: Any, tmp_path: Path, visit: Callable[[str], Visitor]
) -> None:
    """The responses change from old to new code, every request gets one, and all workers are new."""
    visitors = [visit(site.port) for _ in range(4)]
    before = workers_of(site)
    write(tmp_path, "two")
    site.send_signal(signal.SIGHUP)
    site.read_until("stopping the old workers one by one")
    for each in visitors:
        each.wait_for(b"two")
    assert [each.stop() for each in visitors] == [[], [], [], []]
    assert not before & {int(get(site.port, "/worker")) for _ in range(10)}


def test_sigusr2_replaces_the_supervisor_without_a_failed_request(
    site: Any, tmp_path: Path, visit: Callable[[str], Visitor]
) -> None:
    """After two SIGUSR2 the process id is the same, the workers are new, and every request got a response."""
    visitors = [visit(site.port) for _ in range(2)]
    for version in ("two", "three"):
        write(tmp_path, version)
        site.send_signal(signal.SIGUSR2)
        site.read_until("checking the new code before the supervisor loads it")
        site.read_until("stopping the old workers one by one")
        for each in visitors:
            each.wait_for(version.encode())
    assert [each.stop() for each in visitors] == [[], []]
    site.send_signal(signal.SIGTERM)
    assert site.wait_for_exit() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
def test_code_that_does_not_start_changes_nothing(
    site: Any, tmp_path: Path, visit: Callable[[str], Visitor], number: signal.Signals
) -> None:
    """The same workers serve on, no request fails, and the reason is logged."""
    visitor = visit(site.port)
    before = workers_of(site)
    (tmp_path / "main.py").write_text("boom(")
    site.send_signal(number)
    printed = site.read_until("the old code goes on serving")
    assert "SyntaxError" in printed
    assert workers_of(site) == before
    assert visitor.stop() == []


def test_a_killed_worker_is_replaced(site: Any) -> None:
    """SIGKILL, as by the kernel when memory is short: it is logged, and another worker takes its place."""
    victim = next(iter(workers_of(site)))
    os.kill(victim, signal.SIGKILL)
    assert f"worker {victim} was killed by SIGKILL" in site.read_until("starting another")
    until = time.monotonic() + PATIENCE
    while len(workers_of(site) - {victim}) < 2:
        assert time.monotonic() < until
        assert get(site.port, "/") == "one"


def test_a_worker_that_hangs_is_dumped_and_replaced(site: Any) -> None:
    """The log has the line of the view that hangs; other requests are served all the while, and afterwards."""
    with socket.create_connection(("127.0.0.1", int(site.port)), PATIENCE) as client:
        client.sendall(b"GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n")
        printed = site.read_until("starting another")
        assert "has sent no heartbeat for 2 s; its threads are at:" in printed
        assert re.search(r'main\.py", line \d+ in hang', printed)
        assert client.recv(1024) == b""
    assert get(site.port, "/") == "one"


def test_a_blocking_sync_view_does_not_end_a_worker(serve: Serve, tmp_path: Path) -> None:
    """A view that takes longer than the heartbeat delays no other request, and its worker lives."""
    write(tmp_path)
    site = serve(tmp_path, "--workers", "1", "--no-access-log", "--heartbeat-seconds", "0.5")
    before = workers_of(site)
    assert get(site.port, "/slow") == "slow"
    assert workers_of(site) == before


def test_a_worker_is_replaced_after_its_number_of_requests(
    serve: Serve, tmp_path: Path, visit: Callable[[str], Visitor]
) -> None:
    """--worker-requests: a worker ends once another is ready, and no request fails."""
    write(tmp_path)
    site = serve(tmp_path, "--workers", "1", "--no-access-log", "--worker-requests", "50", "--heartbeat-seconds", "1")
    first = get(site.port, "/worker")
    visitor = visit(site.port)
    site.read_until("requests; starting another")
    until = time.monotonic() + PATIENCE
    while get(site.port, "/worker") == first:
        assert time.monotonic() < until
    assert visitor.stop() == []


def test_a_worker_is_replaced_over_its_memory_limit(serve: Serve, tmp_path: Path) -> None:
    """--worker-bytes: a worker with more memory is replaced."""
    write(tmp_path)
    site = serve(tmp_path, "--workers", "1", "--worker-bytes", "1M", "--heartbeat-seconds", "1")
    site.read_until("MiB of memory; starting another")


def test_sigterm_ends_all_processes(site: Any, visit: Callable[[str], Visitor]) -> None:
    """Running requests are finished, then supervisor and workers have ended, with exit code 0."""
    response: list[str] = []
    asking = threading.Thread(target=lambda: response.append(get(site.port, "/slow")))
    asking.start()
    until = time.monotonic() + PATIENCE
    while not any("ESTABLISHED" in line for line in _connections(site.port)):
        assert time.monotonic() < until
    workers = workers_of(site)
    time.sleep(0.2)  # the request is short behind its connection; there is nothing to wait on
    site.send_signal(signal.SIGTERM)
    assert site.wait_for_exit() == 0
    asking.join()
    assert response == ["slow"]
    assert not any(Path(f"/proc/{each}").exists() for each in workers)


def _connections(port: str) -> list[str]:
    wanted = f":{int(port):04X} "
    tables = [Path("/proc/net/tcp").read_text(), Path("/proc/net/tcp6").read_text()]
    return ["ESTABLISHED" for table in tables for line in table.splitlines()[1:] if wanted in line and " 01 " in line]


def test_workers_end_when_their_supervisor_is_killed(site: Any) -> None:
    """A worker without a supervisor finishes its requests, and ends."""
    workers = workers_of(site)
    site.process.kill()
    site.process.wait(PATIENCE)
    assert (
        site.rest().count("the supervisor is gone; shutting down") == 2
    )  # `rest` ends when all have closed their output
    until = time.monotonic() + PATIENCE
    while any(_is_alive(each) for each in workers):  # a moment after its output
        assert time.monotonic() < until


def _is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_site_that_can_not_start_opens_no_port(tmp_path: Path) -> None:
    """With a mistake in its table no port is opened; it is reported once, and the exit code is 1."""
    (tmp_path / "main.py").write_text("URLS = {'nonsense': 'x'}\n")
    command = [sys.executable, "-m", "fanlight", "run", "--port", "0", "--workers", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "error" in done.stderr
    assert "Fanlight  http" not in done.stdout


def test_a_program_may_have_workers(serve: Serve, tmp_path: Path) -> None:
    """`python main.py` with app.run(workers=2) starts itself again for each worker."""
    source = SITE + 'if __name__ == "__main__":\n    from fanlight import App\n    App(URLS).run(port=0, workers=2)\n'
    (tmp_path / "main.py").write_text(source)
    site = serve(tmp_path, command=("main.py",))
    assert int(get(site.port, "/worker")) in workers_of(site)
    site.send_signal(signal.SIGHUP)
    site.read_until("stopping the old workers one by one")
    assert get(site.port, "/") == "one"


def test_the_pid_file_is_there_while_it_runs(serve: Serve, tmp_path: Path) -> None:
    """The pid file has the supervisor's process id, also after an upgrade, and is removed at the end."""
    write(tmp_path)
    file = tmp_path / "site.pid"
    site = serve(tmp_path, "--workers", "1", "--pid-file", str(file))
    assert file.read_text() == f"{site.process.pid}\n"
    site.send_signal(signal.SIGUSR2)
    site.read_until("stopping the old workers one by one")
    assert file.read_text() == f"{site.process.pid}\n"
    site.send_signal(signal.SIGTERM)
    assert site.wait_for_exit() == 0
    assert not file.exists()


def test_an_unknown_user_or_group_is_refused(tmp_path: Path) -> None:
    """An unknown user is reported before anything is opened."""
    write(tmp_path)
    command = [sys.executable, "-m", "fanlight", "run", "--workers", "1", "--user", "no-such-user"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "there is no user 'no-such-user' on this machine" in done.stderr
