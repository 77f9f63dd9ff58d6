"""The tables of settings are the settings'."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_the_tables_are_up_to_date() -> None:
    """docs/reference/settings.md holds just what scripts/settings_table.py prints."""
    command = [sys.executable, "scripts/settings_table.py"]
    tables = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert tables in (REPOSITORY / "docs" / "reference" / "settings.md").read_text()
