"""The checks of a test session: no process is left running, and a slow machine gets more time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.leftovers import MARK, end_leftovers, leftovers
from tests.speed import QUIET_SECONDS, measured

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of processes")
NOBODY = 0  # no process has this number: so others of this session, like a browser, are not affected
WAITS = "import time; time.sleep(600)"


@ON_LINUX
def test_an_orphan_is_found_and_killed() -> None:
    """An orphan has the mark of the session in its environment, so it is found, and reported with its command line."""
    mark = f"test-{os.getpid()}/"
    script = f"{sys.executable} -c '{WAITS}' >/dev/null 2>&1 & echo $!"
    said = subprocess.run(["setsid", "sh", "-c", script], env={MARK: mark}, capture_output=True, text=True, check=True)
    pid = int(said.stdout)
    (left,) = [each for each in end_leftovers(mark, 0, of=NOBODY) if each.pid == pid]
    assert WAITS in left.command
    assert not [each for each in end_leftovers(mark, 20, of=NOBODY) if each.pid == pid]


@ON_LINUX
def test_a_child_without_the_mark_is_found() -> None:
    """A child that was started with another environment is found as a descendant."""
    with subprocess.Popen([sys.executable, "-c", WAITS], env={}) as child:
        try:
            assert child.pid in [each.pid for each in leftovers("no such mark/")]
        finally:
            child.kill()


def test_a_session_with_leftovers_fails(tmp_path: Path) -> None:
    """A session that leaves a process running fails, and the message names the process."""
    (tmp_path / "test_it.py").write_text(
        "import subprocess, sys\nimport tests.conftest\n"
        "from tests.conftest import _nothing_is_left_running\n"
        "tests.conftest.LEAVE_SECONDS = 0.2\n"
        f"def test_it():\n    subprocess.Popen([sys.executable, '-c', {WAITS!r}])\n"
    )
    repository = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(repository), MARK: f"inner-{os.getpid()}/"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(rf"left running: \d+ {re.escape(sys.executable)} -c {re.escape(WAITS)}", done.stdout)
    assert "1 passed, 1 error" in done.stdout


def test_a_machine_three_times_slower_gets_three_times_as_long() -> None:
    """The factor is the time of fixed work divided by that of a quiet machine, and at least one."""
    now = [0.0]

    def work(seconds: float) -> None:
        now[0] += seconds

    assert measured(lambda: work(3 * QUIET_SECONDS), lambda: now[0]) == pytest.approx(3)
    assert measured(lambda: work(QUIET_SECONDS / 2), lambda: now[0]) == 1
