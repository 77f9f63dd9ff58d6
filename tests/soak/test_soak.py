"""A short soak passes, and each thing that it measures can fail."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.soak.report import LEAST_SECONDS, Measured, problems
from tests.soak.tally import Tally

REPOSITORY = Path(__file__).parents[2]


def test_no_response_is_lost_but_by_a_killed_worker() -> None:
    """Under mixed load, with kills, reloads and hostile clients, every request gets a response, and nothing grows."""
    words = ["--seconds", "8", "--visitors", "6", "--of-each", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.soak", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| failed otherwise | 0 |" in done.stdout


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (Measured(memory_before=50 << 20, memory_after=60 << 20), "memory grew: 50.0 MiB to 60.0 MiB"),
        (Measured(calm_begin=50 << 20, calm_end=70 << 20, seconds=LEAST_SECONDS), "workers grew: 50.0 MiB to 70.0 MiB"),
        (Measured(files_before=5, files_after=6), "open files grew: 5 to 6"),
        (Measured(exit_code=1), "exit code 1"),
        (Measured(log_lines=["a  ERROR  b"]), "unexpected in the log: a  ERROR  b"),
    ],
    ids=["memory", "workers", "files", "exit code", "log"],
)
def test_a_soak_fails_for_what_grew_or_went_wrong(measured: Measured, said: str) -> None:
    """Each measured thing that grew or went wrong is one problem, and nothing else is."""
    assert problems(Tally(), measured) == [said]


def test_a_short_soak_does_not_judge_the_growth_of_workers() -> None:
    """The memory of a worker grows until it has served everything once."""
    assert problems(Tally(), Measured(calm_begin=50 << 20, calm_end=70 << 20, seconds=15)) == []
