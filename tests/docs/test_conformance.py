"""The conformance page names only existing files, tests and messages, and its numbers are right."""

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.wire.test_vectors import EXPECTED

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"
VERDICT = re.compile(r"yes|(?:no|does not arise), because .+")
KINDS = (r"\*\*MUST", r"\*\*(?:SHOULD|RECOMMENDED)", "")


class Row(NamedTuple):
    """One clause of the page."""

    chapter: str
    section: str
    clause: str
    verdict: str
    where: str
    shown_by: str


def rows(text: str) -> Iterator[Row]:
    chapter = ""
    for line in text.splitlines():
        if line.startswith("### "):
            chapter = line.removeprefix("### ")
        elif chapter and re.match(r"\| \d", line):
            yield Row(chapter, *(cell.strip() for cell in line.strip("|").split("|")))


def files_of(text: str) -> dict[str, Path]:
    """Return which file each label of the page links."""
    found = re.findall(r"^\[([\w ]+)\]: (\S+)$", text, re.MULTILINE)
    return {label: (PAGE.parent / path).resolve() for label, path in found}


def missing(text: str) -> list[str]:
    """Return what the rows of a page name and no one has."""
    files = files_of(text)
    wrong = [f"[{label}] leads to {path}" for label, path in files.items() if not path.is_file()]
    for row in rows(text):
        at = f"{row.chapter}, {row.section}"
        labels = re.findall(r"\[([^\]]+)\]", row.where + row.shown_by)
        wrong += [f"{at}: [{label}] is not linked" for label in labels if label not in files]
        for label, names in re.findall(r"\[([^\]]+)\]: ([^;]+)", row.shown_by):
            path = files.get(label)
            code = path.read_text() if path is not None and path.is_file() else ""
            named = re.findall(r"`([^`]+)`", names)
            wrong += [f"{at}: {label} has no {name}" for name in named if not is_there(name, path, code)]
            if not named:
                wrong.append(f"{at}: {label} names nothing")
    return wrong


def is_there(name: str, path: Path | None, code: str) -> bool:
    if re.search(rf"^(?:async )?def {re.escape(name)}\(", code, re.MULTILINE):
        return True
    if path is None or path.name != "test_vectors.py":
        return False
    # A name with * stands for messages that are all accepted, or all refused: it would else show nothing.
    return len({isinstance(each, int) for key, each in EXPECTED.items() if fnmatchcase(key, name)}) == 1


def test_what_each_clause_names_exists() -> None:
    """Every file, test and raw message that a row names is there."""
    assert missing(PAGE.read_text()) == []


def test_each_clause_has_a_verdict() -> None:
    """A clause that holds has a place and a test; any other has a reason."""
    found_rows = list(rows(PAGE.read_text()))
    assert len(found_rows) > 150
    for row in found_rows:
        assert VERDICT.fullmatch(row.verdict), row
        if row.verdict == "yes":
            assert row.where, row
            assert row.shown_by, row


@pytest.mark.parametrize(("rfc", "chapters"), [("9112", range(2, 10)), ("9110", range(4, 16))])
def test_no_chapter_is_left_out(rfc: str, chapters: range) -> None:
    """There are clauses of every chapter that binds a server."""
    there = {row.section.partition(".")[0] for row in rows(PAGE.read_text()) if row.chapter.startswith(rfc)}
    assert {str(chapter) for chapter in chapters} <= there


def test_the_counts_are_right() -> None:
    """The table at the top counts the rows below."""
    text = PAGE.read_text()
    counts: Counter[tuple[int, str]] = Counter()
    for row in rows(text):
        kind = next(index for index, pattern in enumerate(KINDS) if re.search(pattern, row.clause))
        counts[kind, row.verdict.partition(",")[0]] += 1
    table = text.partition("|---|---|---|---|\n")[2].partition("\n\n")[0]
    found_rows = [[int(cell) for cell in line.strip("|").split("|")[1:]] for line in table.splitlines()]
    assert found_rows == [[counts[kind, verdict] for verdict in ("yes", "no", "does not arise")] for kind in range(3)]


def test_a_missing_file_or_test_is_found() -> None:
    """A row with a missing test, message or file is found."""
    text = (
        "### 9112, 2. x\n| 2 | a | yes | [gone] | [v]: `plain-get`, `no-such`, `*`; [t]: `test_no_such`; [u]: `x` |\n\n"
        "[v]: ../../tests/wire/test_vectors.py\n[t]: ../../tests/docs/test_conformance.py\n[gone]: ../../none.py\n"
    )
    at = "9112, 2. x, 2"
    assert missing(text) == [
        f"[gone] leads to {PAGE.parents[2] / 'none.py'}",
        f"{at}: [u] is not linked",
        f"{at}: v has no no-such",
        f"{at}: v has no *",
        f"{at}: t has no test_no_such",
        f"{at}: u has no x",
    ]
