"""A thousand bad clients of each kind: honest ones notice nothing, memory has its bound, and they are let go of."""

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
from tests.hostile.crowd import MANNERS, Crowd
from tests.soak.served import Served
from tests.speed import FACTOR, PATIENCE, seconds

COUNT, FEW = 2000, 8
CROWD = max(500, int(COUNT / 2 / FACTOR))  # of them, where memory is weighed and everybody is to be let go of
REPOSITORY = Path(__file__).parents[2]
# Deadlines that a test can wait for; whoever is over them is let go of at the next tick of a second.
WHILE = str(ceil(seconds(3)))
LIMITS = (
    f"--connections-per-address 0 --head-seconds {WHILE} --handshake-seconds {WHILE} --idle-seconds {WHILE}"
    f" --content-seconds {WHILE} --write-seconds {WHILE} --linger-seconds 1 --least-rate 100000"
).split()
# An honest client never waits until the crowd has been let go of; docs/reference/hostile.md has the milliseconds of a
# quiet machine, and here two cores carry the server, the crowd, and the tests that run beside.
MOST_MS = 1000.0 * (int(WHILE) + 1)
KIB = {  # that one connection costs at most, by its phase; docs/reference/hostile.md says what is in it
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
    """Return how often an honest client failed, and the longest it waited, in milliseconds."""
    command = [sys.executable, "-m", "tests.soak.honest", str(port), str(while_seconds), *more]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    found = re.match(r"\d+ answers, (\d+) failures.* worst ([\d.]+) ms", said)
    assert found, said
    return int(found[1]), float(found[2])


@pytest.mark.parametrize("kind", [name for name, manner in MANNERS.items() if not manner.is_tls])
def test_a_crowd_disturbs_nobody_and_is_let_go_of(serve: Serve, kind: str) -> None:
    """While they are there honest clients are answered and memory stays in its bound; then they are gone."""
    served = serve(*LIMITS)
    before = most = sum(served.memory().values())
    files = sum(served.files().values())
    crowd = Crowd(served.port, MANNERS[kind], CROWD)
    with crowd.holding():
        failures, worst = honest(served.port, seconds(2))
        most = max(most, sum(served.memory().values()))
        served.wait_until(lambda: sum(served.files().values()) <= files + FEW, PATIENCE, "the crowd is let go of")
    assert failures == 0
    assert worst < MOST_MS
    assert (most - before) / CROWD / 1024 < KIB[kind]


def test_a_crowd_that_never_ends_its_handshake(serve: Serve, pair: Any) -> None:
    """The same over TLS: a thousand handshakes are begun, and none goes on."""
    served = serve(*LIMITS, "--cert", pair.cert, "--key", pair.key, "--redirect-from", "127.0.0.1:0")
    before, files = sum(served.memory().values()), sum(served.files().values())
    crowd = Crowd(served.port, MANNERS["slow handshake"], CROWD)
    with crowd.holding():
        most = sum(served.memory().values())
        said = subprocess.run(
            ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"https://127.0.0.1:{served.port}/page/1"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        served.wait_until(lambda: sum(served.files().values()) <= files + FEW, PATIENCE, "the crowd is let go of")
    assert said == "200"
    assert (most - before) / CROWD / 1024 < KIB["slow handshake"]


def test_a_crowd_from_one_address_gets_its_share_and_no_more(serve: Serve) -> None:
    """By default a thousand of one address get in, the others are closed, and who comes from elsewhere is served."""
    served = serve("--head-seconds", WHILE)
    files = sum(served.files().values())
    with Crowd(served.port, MANNERS["silent"], COUNT).holding():
        failures, worst = honest(served.port, seconds(2))
        held = sum(served.files().values()) - files
    assert failures == 0
    assert worst < MOST_MS
    assert 990 <= held <= 1000 + FEW
    assert "127.0.0.1 has 1000 connections, the limit for one address" in served.log.read_text()


def test_a_full_server_lets_clients_wait(serve: Serve) -> None:
    """When every place is taken new clients wait in the system's queue, and are served when places are free again."""
    served = serve("--connections", "500", "--connections-per-address", "0", "--head-seconds", WHILE)
    url = f"http://127.0.0.1:{served.port}/page/1"
    with (
        Crowd(served.port, MANNERS["silent"], COUNT).holding(),
        urllib.request.urlopen(url, timeout=PATIENCE) as answer,
    ):
        assert answer.status == 200
    assert "Limits.connections is reached" in served.log.read_text()
