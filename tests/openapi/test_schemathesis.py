"""schemathesis, with all of its checks, finds no lie in the description of the library."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis
from tests.openapi.conftest import LIBRARY
from tests.speed import PATIENCE

from fanlight.testing import LiveServer

CASES = 300  # at least; some 20 s on an idle machine make two or three times as many


def test_schemathesis_finds_nothing(library: Any, tmp_path: Path) -> None:
    """Values that are allowed and that are not, missing fields, other methods and credentials: all is as described."""
    examples = hypothesis.settings().max_examples // 5
    with LiveServer(library.app) as server:
        command = [str(Path(sys.executable).with_name("schemathesis"))]
        command += ["--config-file", str(LIBRARY / "schemathesis.toml"), "run", f"{server.url}/openapi.json"]
        command += ["--checks", "all", "--max-examples", str(examples), "--seed", "1", "--no-color"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert "No issues found" in done.stdout, done.stdout[-8000:]
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found is not None, done.stdout[-2000:]
    assert int(found[2]) > CASES
    assert "Tested: 21" in done.stdout
