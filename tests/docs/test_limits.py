"""The table of limits is the limits'."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_table_is_up_to_date() -> None:
    """docs/reference/limits.md holds just what scripts/limits_table.py prints."""
    command = [sys.executable, "scripts/limits_table.py"]
    table = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert table in (REPOSITORY / "docs" / "reference" / "limits.md").read_text()
