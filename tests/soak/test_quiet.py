"""A short trial of quiet rooms passes, and each thing that it counts can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.soak.quiet import Outcome, problems
from tests.speed import PATIENCE

REPOSITORY = Path(__file__).parents[2]


def test_clients_that_come_and_go_in_a_quiet_room_leave_nothing() -> None:
    """No task, no listener and no file, in whichever way they listened and left."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.quiet", "--clients", "400"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| topics with listeners | 0 before, 0 after |" in done.stdout


def outcome(*, tasks: int = 2, topics: int = 0, files: int = 20, line: str = "", exit_code: int = 0) -> Outcome:
    """Return what a trial has counted."""
    before = {"tasks": 2, "topics": 0, "files": 20}
    return Outcome(
        1,
        before={7: before},
        after={7: {"tasks": tasks, "topics": topics, "files": files}},
        log_lines=[line] if line else [],
        exit_code=exit_code,
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (outcome(), []),
        (outcome(tasks=3), ["1 tasks are left in worker 7"]),
        (outcome(topics=2), ["2 topics are left in worker 7"]),
        (outcome(files=25), ["5 files are left in worker 7"]),
        (outcome(line="a  ERROR  b"), ["in the log: a  ERROR  b"]),
        (outcome(exit_code=70), ["exit code 70"]),
    ],
    ids=["nothing", "tasks", "topics", "files", "log", "exit code"],
)
def test_a_trial_of_quiet_rooms_fails_for_what_is_left(found: Outcome, said: list[str]) -> None:
    """Each thing that is left is one problem, and nothing else is."""
    assert problems(found) == said
