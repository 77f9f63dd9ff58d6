"""Make the pages of an app of what is given as its `templates`.

In: a folder or `Templates(...)`, and the functions that every template has. Out: `Pages`, and what is wrong with what
the templates are given. Refuses a folder that is named and not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.app.context_pages import ContextPages
from fanlight.binding.dependencies import Dependencies
from fanlight.binding.dependency_plan import DependencyPlan
from fanlight.errors import Mistake, SetupError
from fanlight.pages.pages import Pages
from fanlight.pages.templates import Templates, read_templates

if TYPE_CHECKING:
    from fanlight.pages.environment import FolderEnvironment

TEMPLATES = "templates"


def make_pages(
    given: str | Path | Templates | None,
    folder: Path,
    names: Mapping[str, object],
    dependencies: Dependencies,
    choose: Callable[[type[FolderEnvironment]], type[FolderEnvironment]] | None,
) -> tuple[Pages, list[Mistake]]:
    """Return the pages, and what is wrong with what their templates are given; their folder is in another.

    `choose` returns the class of their environment.
    """
    if given is None:
        return Pages(None, names), []
    templates, mistakes = read_templates(given)
    plans: Mapping[str, DependencyPlan] = {}
    try:
        plans = dependencies.of_context(templates.context)
    except SetupError as error:
        mistakes += error.mistakes
    parts = folder / templates.folder, names, templates, choose
    return ContextPages(plans, *parts) if plans else Pages(*parts), mistakes


def folder_mistakes(given: str | Path | Templates | None, folder: Path | None) -> list[Mistake]:
    """Return what is wrong with a folder of templates that is named."""
    name = given.folder if isinstance(given, Templates) else given
    if folder is None or str(given) == TEMPLATES or folder.is_dir() or not isinstance(name, str | Path):
        return []
    return [Mistake(message=f'templates="{name}" names no folder', hint=f"create the folder {folder}")]
