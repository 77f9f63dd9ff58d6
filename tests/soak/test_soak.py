"""The soak, in short: it holds, and what it counts can fail."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_nobody_loses_an_answer_but_by_a_killed_worker() -> None:
    """Under mixed load, with kills, reloads and hostile clients, every request is answered, and nothing grows."""
    words = ["--seconds", "15", "--visitors", "6", "--of-each", "3"]
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
