"""The package is installed with a C compiler and without one, and Fanlight says which it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SPEED = Path(__file__).parents[2] / "speed"
NO_COMPILER = {"CC": "/nonexistent", "PATH": "/nonexistent"}
NOT_COMPILED = "fanlight-speed is not used, as it can't be loaded: it was installed without a C compiler or"


def installed(folder: Path, environment: dict[str, str]) -> Path:
    """Install the package from its source into a folder of its own."""
    source, target = folder / "source", folder / "target"
    shutil.copytree(SPEED, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index"]
    ended = subprocess.run(
        [*pip, "--target", target, source], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return target


def version_with(target: Path) -> list[str]:
    """Return what `fanlight --version` prints where the package is in a folder."""
    command = [sys.executable, "-m", "fanlight", "--version"]
    environment = os.environ | {"PYTHONPATH": str(target)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_with_a_compiler_heads_are_read_by_the_package(tmp_path: Path) -> None:
    """`pip install` compiles it, for CPython 3.11 and all later versions, and `fanlight --version` names it."""
    target = installed(tmp_path, {})
    assert [each.name for each in target.glob("*.so")] == ["fanlight_speed.abi3.so"]
    (line,) = version_with(target)
    assert line.endswith("heads are read by fanlight-speed")


def test_without_a_compiler_heads_are_read_by_python(tmp_path: Path) -> None:
    """`pip install` succeeds all the same, and `fanlight --version` says why the package is not used."""
    target = installed(tmp_path, NO_COMPILER)
    assert list(target.glob("*.so")) == []
    line, reason = version_with(target)
    assert (line.endswith("heads are read by Python"), reason[: len(NOT_COMPILED)]) == (True, NOT_COMPILED)
