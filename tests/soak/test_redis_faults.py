"""A short trial of a Redis with faults passes, and each thing that it counts can fail."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.soak.redis_faults import Outcome, Round, problems
from tests.soak.returning import Listener, Noted
from tests.speed import PATIENCE

REPOSITORY = Path(__file__).parents[2]


def test_nothing_that_a_redis_keeps_is_lost_while_it_is_killed_emptied_and_stopped() -> None:
    """Two sites with two workers each, and listeners that return with their last id."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.redis_faults", "--listeners", "24", "--stop-seconds", "3"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=6 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of them twice or out of order" in done.stdout


def outcome(*, line: str = "", exit_code: int = 0, **counts: object) -> Outcome:
    """Return what a trial has counted around one fault."""
    around = {"name": "stopped", "confirmed": 9, **counts}
    return Outcome(1, "Redis", rounds=[Round(**around)], log_lines=[line] if line else [], exit_code=exit_code)  # type: ignore[arg-type]  # the fields of a round


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (outcome(refused=3, gone_with_data=2), []),
        (outcome(lost=4), ["stopped: 4 were lost"]),
        (outcome(slowest_seconds=1000.0), ["stopped: publishing took 1000.0 s"]),
        (outcome(ends=Counter(left=1)), ["stopped: listeners were disconnected: {'left': 1}"]),
        (outcome(line="a  ERROR  b"), ["in the log: a  ERROR  b"]),
        (outcome(exit_code=70), ["exit code 70"]),
    ],
    ids=["nothing", "lost", "slow", "disconnected", "log", "exit code"],
)
def test_a_trial_of_a_redis_fails_for_what_went_wrong(found: Outcome, said: list[str]) -> None:
    """Each thing that went wrong is one problem, and nothing else is."""
    assert problems(found) == said


def test_a_listener_notices_what_comes_twice_or_out_of_order() -> None:
    """By the ids alone."""
    noted = Noted()
    listener = Listener(1, 0, noted)
    for each in ("5-0", "6-0", "6-0", "5-1", "7-0"):
        listener._take(each)
    assert noted.problems == [
        "listener 0 got (6, 0) twice, after (6, 0)",
        "listener 0 got (5, 1) out of order, after (6, 0)",
    ]
