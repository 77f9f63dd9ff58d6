"""A clock that jumps: the Date of responses follows it, deadlines are not affected."""

import socket
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

Serve = Callable[..., Any]
# In the served process, the clock is set by a file. (The system's clock can't be set for one process alone.)
CLOCK = """
import os, time
_time, _time_ns, _gmtime, _localtime = time.time, time.time_ns, time.gmtime, time.localtime
def offset():
    try:
        with open(os.environ["CLOCK_FILE"]) as file:
            return float(file.read() or 0)
    except OSError:
        return 0.0
time.time = lambda: _time() + offset()
time.time_ns = lambda: _time_ns() + int(offset() * 1e9)
time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
time.localtime = lambda seconds=None: _localtime(time.time() if seconds is None else seconds)
"""
DAY = 86_400.0


@pytest.fixture
def clock(tmp_path: Path) -> tuple[Callable[[float], None], dict[str, str]]:
    """Return a function that shifts the clock, and the environment of a process that uses it."""
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    file = tmp_path / "clock"

    def shift(seconds: float) -> None:
        fresh = file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(file)

    return shift, {"PYTHONPATH": str(tmp_path), "CLOCK_FILE": str(file)}


def date_of(site: Any) -> float:
    connection = site.connect()
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read() == b"hello"
    connection.close()
    return parsedate_to_datetime(response.getheader("date") or "").timestamp()


@pytest.mark.parametrize("words", [(), ("--workers", "1", "--heartbeat-seconds", "3")], ids=["one process", "a worker"])
@pytest.mark.parametrize("jump", [-DAY, DAY], ids=["back", "forward"])
def test_a_jump_of_the_clock_affects_only_dates(
    serve: Serve, clock: tuple[Callable[[float], None], dict[str, str]], jump: float, words: tuple[str, ...]
) -> None:
    """Date follows the clock within two seconds; a kept connection stays; a slow head is refused at its deadline."""
    shift, environment = clock
    site = serve("--head-seconds", "1", *words, environment=environment)
    before = date_of(site)
    kept = site.connect()
    kept.request("GET", "/worker")
    pid = kept.getresponse().read()
    with socket.create_connection(("127.0.0.1", site.port), 60) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        shift(jump)
        response = slow.recv(65536)  # the deadline is by the monotonic clock: it is kept all the same
    assert response.startswith(b"HTTP/1.1 408 ")
    site.wait_until(lambda: "yes" if abs(date_of(site) - before - jump) < 60 else "", "date that follows the clock")
    kept.request("GET", "/worker")
    assert kept.getresponse().read() == pid
    kept.close()
    assert "ERROR" not in site.log.read_text()
    assert site.stop() == 0
