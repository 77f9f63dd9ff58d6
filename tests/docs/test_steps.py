"""The programs of the tutorial are also files that can be run, and the two never differ."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
STEPS = sorted(each for each in (REPOSITORY / "examples" / "steps").iterdir() if each.is_dir())


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_is_as_its_page_prints_it(step: Path, blocks_of: Callable[[str], list[Any]]) -> None:
    """Each file of a step stands whole on the step's page, and the page has no file that the step lacks."""
    page = (REPOSITORY / "docs" / "tutorial" / f"{step.name}.md").read_text()
    printed = {}
    for block in blocks_of(page):
        if block.language in ("python", "html"):
            name, _, text = block.text.partition("\n")
            printed[re.sub(r"^(# |<!-- )| -->$", "", name)] = text
    files = [each for each in step.rglob("*") if each.is_file() and "__pycache__" not in each.parts]
    assert printed == {each.relative_to(step).as_posix(): each.read_text() for each in files}


def test_there_are_the_five_steps_of_the_lesson() -> None:
    """The lesson has five steps; a step that is lost would not be compared."""
    assert [step.name for step in STEPS] == ["1-socket", "2-request", "3-urls", "4-views", "5-errors"]
