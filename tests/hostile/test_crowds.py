"""A thousand hostile clients of each kind: honest ones notice nothing, memory is bounded, and they are disconnected."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from tests.hostile.crowd import BEHAVIOURS, Crowd
from tests.soak.served import Served
from tests.speed import FACTOR, PATIENCE, seconds

from fanlight.server.connection.client_pace import LEAST_RATE

COUNT, FEW = 2000, 8
CROWD = max(500, int(COUNT / 2 / FACTOR))  # of them, where memory is measured and all are disconnected
REPOSITORY = Path(__file__).parents[2]
# Deadlines that a test can wait for; connections past them are closed at the next tick of a second.
WHILE = str(ceil(seconds(3)))
LIMITS = (
    f"--connections-per-address 0 --head-seconds {WHILE} --idle-seconds {WHILE}"
    f" --content-seconds {WHILE} --write-seconds {WHILE}"
).split()
# An honest client never waits until the crowd is disconnected; docs/reference/hostile.md has the milliseconds of a
# quiet machine, and here two cores carry the server, the crowd, and the tests that run beside.
MOST_MS = 1000.0 * (int(WHILE) + 1)
KIB = {  # that one connection costs at most, by its phase; docs/reference/hostile.md lists what it consists of
    "silent": 5,
    "idle after a response": 6,
    "slow head": 6,
    "slow head, nearly full": 30,
    "slow content": 15,
    "slow content, up to the file": 110,
    "slow content in tiny chunks": 15,
    "slow read": 8,
    "slow read, pipelined": 30,
    "slow handshake": 8,
}
Serve = Callable[..., Served]


def honest(port: int, while_seconds: float, *more: str) -> tuple[int, float]:
    """Return the failures of an honest client, and its longest wait in milliseconds."""
    command = [sys.executable, "-m", "tests.soak.honest", str(port), str(while_seconds), *more]
    printed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    found = re.match(r"\d+ responses, (\d+) failures.* worst ([\d.]+) ms", printed)
    assert found, printed
    return int(found[1]), float(found[2])


@pytest.mark.parametrize("kind", [name for name, behaviour in BEHAVIOURS.items() if not behaviour.is_tls])
def test_a_crowd_disturbs_no_honest_client_and_is_disconnected(serve: Serve, kind: str) -> None:
    """Meanwhile honest clients get their responses and memory is bounded; then the crowd is disconnected."""
    served = serve(*LIMITS)
    before = most = sum(served.memory().values())
    files = sum(served.files().values())
    crowd = Crowd(served.port, BEHAVIOURS[kind], CROWD)
    with crowd.holding():
        failures, worst = honest(served.port, seconds(2))
        most = max(most, sum(served.memory().values()))
        patience = PATIENCE + len(BEHAVIOURS[kind].opening) / LEAST_RATE  # each byte received extends the deadline
        served.wait_until(lambda: sum(served.files().values()) <= files + FEW, patience, "the crowd is disconnected")
    assert failures == 0
    assert worst < MOST_MS
    assert (most - before) / CROWD / 1024 < KIB[kind]


def test_a_crowd_that_never_finishes_its_handshake(serve: Serve, pair: Any) -> None:
    """The same over TLS: a thousand handshakes are begun, and none is finished."""
    served = serve(*LIMITS, "--cert", pair.cert, "--key", pair.key, "--redirect-from", "127.0.0.1:0")
    before, files = sum(served.memory().values()), sum(served.files().values())
    crowd = Crowd(served.port, BEHAVIOURS["slow handshake"], CROWD)
    with crowd.holding():
        most = sum(served.memory().values())
        printed = subprocess.run(
            ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"https://127.0.0.1:{served.port}/page/1"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        served.wait_until(lambda: sum(served.files().values()) <= files + FEW, PATIENCE, "the crowd is disconnected")
    assert printed == "200"
    assert (most - before) / CROWD / 1024 < KIB["slow handshake"]


def test_a_crowd_from_one_address_is_limited(serve: Serve) -> None:
    """By default a thousand connections of one address are accepted, others closed; other addresses are served."""
    served = serve("--head-seconds", WHILE)
    files = sum(served.files().values())
    with Crowd(served.port, BEHAVIOURS["silent"], COUNT).holding():
        failures, worst = honest(served.port, seconds(2))
        held = sum(served.files().values()) - files
    assert failures == 0
    assert worst < MOST_MS
    assert 990 <= held <= 1000 + FEW
    assert "127.0.0.1 has 1000 connections, the limit for one address" in served.log.read_text()


def test_a_full_server_lets_clients_wait(serve: Serve) -> None:
    """At the limit of connections new clients wait in the system's queue, and are served when others have gone."""
    served = serve("--connections", "500", "--connections-per-address", "0", "--head-seconds", WHILE)
    url = f"http://127.0.0.1:{served.port}/page/1"
    with (
        Crowd(served.port, BEHAVIOURS["silent"], COUNT).holding(),
        urllib.request.urlopen(url, timeout=PATIENCE) as response,
    ):
        assert response.status == 200
    assert "Limits.connections is reached" in served.log.read_text()
