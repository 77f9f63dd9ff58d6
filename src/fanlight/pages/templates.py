"""Render the templates of one folder: everything escaped, a missing name is an error.

In: a template's name and its context. Out: text. Each template is read and compiled once, and again
only if `reload` was asked for and its file has changed. Refuses, as TemplateError with file and line,
a template that is not there, that is broken, or that uses a name it was not given (to show nothing in
its place would hide the mistake; `{{ name | default("") }}` says that nothing is meant).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2

from fanlight.errors import Mistake
from fanlight.pages.environment import BoundedDict, FolderEnvironment
from fanlight.pages.loader import FolderLoader
from fanlight.pages.template_check import check_templates


class Templates:
    """The templates of one folder; None, or a folder that is not there, has none."""

    def __init__(self, folder: Path | None, names: Mapping[str, object], *, reload: bool = False) -> None:
        """Use a folder, and `names` in every template; `reload` looks for changes at every use."""
        self.folder = folder
        self._environment = FolderEnvironment(FolderLoader(folder), names, auto_reload=reload)
        self._compiled: dict[str, jinja2.Template] = BoundedDict()
        self._is_reloading = reload

    def has(self, name: str) -> bool:
        """Say whether there is a template of that name; one that leaves the folder never is."""
        return self._environment.loader.has(name)

    def names(self) -> list[str]:
        """Return the names of all templates in the folder: HTML, XML and plain text."""
        return self._environment.loader.list_sure()

    def render(self, name: str, context: Mapping[str, object]) -> str:
        """Return a template's text. Raises TemplateError with file and line; an HTTPError raised inside passes."""
        template = self._compiled.get(name) or self._load(name)
        return template.render(context)

    def check(self, *, assets: bool = True) -> list[Mistake]:
        """Compile every template and follow what it names; return what is wrong, file by file."""
        return check_templates(self._environment, assets=assets)

    def _load(self, name: str) -> jinja2.Template:
        template = self._environment.load(name)
        if not self._is_reloading:
            self._compiled[name] = template
        return template
