"""Every example of the documentation is run, and does what its page shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.docs.conftest import Block

REPOSITORY = Path(__file__).parents[2]
FROM_OTHERS = sorted((REPOSITORY / "docs" / "how-to").glob("from-*.md"))  # test_migration.py runs these
PAGES = [REPOSITORY / "README.md", *sorted({*(REPOSITORY / "docs").rglob("*.md")} - {*FROM_OTHERS})]
RunPage = Callable[[str, str], None]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_does_what_it_shows(page: Path, run_page: RunPage) -> None:
    """Each file, command and output of a page is as printed there; a block that is not run has a reason."""
    run_page(str(page.relative_to(REPOSITORY)), page.read_text())


def test_a_block_that_is_not_run_has_a_reason(
    blocks_of: Callable[[str], list[Block]], record_property: Callable[[str, object], None]
) -> None:
    """A block that is not run has a reason, in words; the reasons are listed in the report of the tests."""
    reasons = {
        f"{page.relative_to(REPOSITORY)}:{block.line}": block.why_not_run
        for page in PAGES
        for block in blocks_of(page.read_text())
        if block.why_not_run is not None
    }
    assert reasons, "no page has such a block: they are not found any more"
    for where, reason in reasons.items():
        record_property(where, reason)
        print(f"not run: {where}: {reason}")  # noqa: T201 - the list
    assert [where for where, reason in reasons.items() if len(reason.split()) < 3] == []


def page(*lines: str) -> str:
    return "\n".join(lines) + "\n"


MAIN = ("```python", "# main.py", "def index():", '    return "hello"', 'URLS = {"/": index}', "```")


def test_the_expected_output_passes(run_page: RunPage) -> None:
    """A command with the expected output passes; `...` stands for anything."""
    run_page("a", page(*MAIN, "```console", "$ curl -i localhost:8000/", "HTTP/1.1 200 OK", "...", "", "hello", "```"))


@pytest.mark.parametrize(
    "lines",
    [
        (*MAIN, "```console", "$ curl localhost:8000/", "good bye", "```"),
        (*MAIN, "```console", "$ curl localhost:8000/", "hello...!", "```"),
        (*MAIN, "```console", "$ fanlight run", "no such banner", "```"),
        ("```console", "$ printf 'a\\nb\\n'", "a", "```"),
    ],
)
def test_another_output_fails(run_page: RunPage, lines: tuple[str, ...]) -> None:
    """A command with another output fails, and the message has both outputs."""
    with pytest.raises(AssertionError, match=r"(?s)line .*expected:.*actual:"):
        run_page("a", page(*lines))


def test_a_table_that_no_command_uses_is_checked(run_page: RunPage) -> None:
    """A block with URLS is checked as by `fanlight check`, even if no command of the page uses it."""
    with pytest.raises(AssertionError, match="takes no slug"):
        run_page("a", page("```python", "def post(name):", "    pass", 'URLS = {"/{slug}": post}', "```"))


def test_a_program_that_fails_is_found(run_page: RunPage) -> None:
    """A block of Python without a file's name is run, and must end well."""
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_page("a", page("```python", "1 / 0", "```"))


def test_a_test_that_fails_is_found(run_page: RunPage) -> None:
    """A file of tests on a page is run with pytest, even if no command of the page does so."""
    with pytest.raises(AssertionError, match="1 failed"):
        run_page("a", page("```python", "# test_a.py", "def test_a():", "    assert False", "```", "```console",
                           "$ pytest -q", "1 passed", "```"))  # fmt: skip


def test_a_block_of_another_language_needs_a_reason(run_page: RunPage) -> None:
    """A block that can't be run needs a reason."""
    with pytest.raises(AssertionError, match="give a reason"):
        run_page("a", page("```toml", "[x]", "```"))
    run_page("a", page("<!-- not run: it is a setting of another program -->", "```toml", "[x]", "```"))


def test_a_program_that_serves_nothing_is_found(run_page: RunPage) -> None:
    """A site that does not start is reported with its output, whether the page runs it or only sends requests."""
    with pytest.raises(AssertionError, match=r"(?s)actual:.*there is no main.py"):
        run_page("a", page("```console", "$ fanlight run", "Fanlight", "```"))
    with pytest.raises(AssertionError, match=r"(?s)serves nothing.*there is no main.py"):
        run_page("a", page("```console", "$ curl localhost:8000/", "```"))


def test_a_program_that_is_meant_to_end_may_be_shown(run_page: RunPage) -> None:
    """A command that refuses to serve is an example too, if the page has its output."""
    run_page("a", page("```console", "$ fanlight run", "fanlight: there is no main.py; ...", "```"))
