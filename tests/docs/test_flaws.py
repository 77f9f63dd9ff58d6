"""The page of published flaws names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "reference" / "flaws.md").read_text()
REPORTS = 122


def test_every_test_that_is_named_exists() -> None:
    """Each row's tests are functions in the files that are linked."""
    named = re.findall(r"\[`(test_\w+)`\]\(\.\./\.\./(tests/flaws/\w+\.py)\)", PAGE)
    assert len(named) > REPORTS / 2
    for name, path in named:
        assert f"def {name}(" in (REPOSITORY / path).read_text(), f"{path} has no {name}"


def test_every_report_has_one_row() -> None:
    """No report is missing or listed twice; one without a test has a reason."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    rows = [row for row in rows if row[0] not in ("software", "---")]
    assert len(rows) == len({row[:2] for row in rows}) == REPORTS
    for _, report, _, here, tests in rows:
        assert tests != "-" or here.startswith(("Does not arise: ", "Unknown: ")), report


def test_every_test_of_the_folder_is_named() -> None:
    """The page names all tests in tests/flaws."""
    for path in (REPOSITORY / "tests" / "flaws").glob("test_*.py"):
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE):
            assert f"[`{name}`]" in PAGE, f"{name} of {path.name} is not on the page"
