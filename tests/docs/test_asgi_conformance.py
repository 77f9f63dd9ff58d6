"""The page about the rules of ASGI and WSGI names only existing files and tests, and its numbers are right."""

import re
from collections import Counter

import pytest
from tests.docs.test_conformance import KINDS, PAGE, VERDICT, missing, rows

TESTS = PAGE.parents[2] / "tests"
TEXT = (PAGE.parent / "asgi-conformance.md").read_text()
ROWS = list(rows(TEXT))
VERDICTS = ("yes", "no", "does not arise")


def test_what_each_rule_names_exists() -> None:
    """Every file and test that a row names is there."""
    assert missing(TEXT) == []


def test_each_rule_has_a_verdict() -> None:
    """A rule that holds has a place and a test; any other has a reason, and the test that it names exists."""
    assert len(ROWS) > 120
    code = "".join(path.read_text() for path in (TESTS / "foreign").glob("test_*.py"))
    for row in ROWS:
        assert VERDICT.fullmatch(row.verdict), row
        assert (row.verdict == "yes") == bool(row.where) == bool(row.shown_by), row
        for name in re.findall(r"`(test_\w+)`", row.verdict):
            assert f"def {name}(" in code, row


def test_the_rules_of_a_section_are_numbered() -> None:
    """From 1, so that a row can be named."""
    for chapter in {row.chapter for row in ROWS}:
        numbers = [int(row.section) for row in ROWS if row.chapter == chapter]
        assert numbers == list(range(1, len(numbers) + 1)), chapter


def test_the_counts_are_right() -> None:
    """The table at the top counts the rows below."""
    counts: Counter[tuple[int, str]] = Counter()
    for row in ROWS:
        kind = next(index for index, pattern in enumerate(KINDS) if re.search(pattern, row.clause))
        counts[kind, row.verdict.partition(",")[0]] += 1
    table = TEXT.partition("|---|---|---|---|\n")[2].partition("\n\n")[0]
    found = [[int(cell) for cell in line.strip("|").split("|")[1:]] for line in table.splitlines()]
    assert found == [[counts[kind, verdict] for verdict in VERDICTS] for kind in range(3)]


@pytest.mark.parametrize("folder", ["foreign", "hosted"])
def test_every_test_of_a_rule_is_named(folder: str) -> None:
    """The page names all tests that are there for it alone."""
    for path in (TESTS / folder).glob("test_*_conformance.py"):
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE):
            assert f"`{name}`" in TEXT, f"{name} of {path.name} is not on the page"
