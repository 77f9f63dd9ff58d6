"""The benchmarks are what their README says, and know which interpreter they measure with."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
from tests.benchmarks.modules import BENCHMARKS, module


def parts() -> list[str]:
    tree = ast.parse((BENCHMARKS / "run.py").read_text())
    found = next(each for each in tree.body if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "PARTS")
    assert isinstance(found.value, ast.Dict)
    return [ast.literal_eval(key) for key in found.value.keys if key is not None]


@pytest.mark.parametrize("name", parts())
def test_a_part_can_be_run_and_is_described(name: str) -> None:
    """Each part is a module with a `main` that takes the settings, and the README says what it measures."""
    assert "\ndef main(settings: Settings)" in (BENCHMARKS / f"{name}.py").read_text()
    assert re.search(rf"^\*\*`{name}`\*\*", (BENCHMARKS / "README.md").read_text(), re.MULTILINE)


def test_help_needs_no_environment() -> None:
    """`benchmarks/run --help` names the parts before anything is installed."""
    done = subprocess.run([sys.executable, BENCHMARKS / "run.py", "--help"], capture_output=True, text=True, check=True)
    assert "throughput" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "is_optimised"),
    [
        ("'--prefix=/root/.pyenv/versions/3.11.7' '--enable-shared'", False),
        ("'--enable-optimizations' '--with-lto'", True),
        ("'--with-wheel-pkg-dir=/usr/share/python-wheels/'", True),
    ],
    ids=["pyenv", "docker", "debian"],
)
def test_an_interpreter_without_a_profile_is_known(arguments: str, *, is_optimised: bool) -> None:
    """Whether an interpreter was optimised with a profile follows from how it was configured, or packaged."""
    build = module("environment").Build("CPython", "3.11.7", "/usr", arguments, "", "GCC", "", True)
    assert build.is_optimised is is_optimised
    assert ("no PGO" in build.name) is not is_optimised


def test_a_budget_allows_one_round_at_least() -> None:
    """A part without time left is still measured once; one without a budget is measured as often as asked."""
    settings = module("settings").Settings
    assert list(settings(rounds=5, until=0.0).turns()) == [0]
    assert list(settings(rounds=5).turns(most=3)) == [0, 1, 2]
