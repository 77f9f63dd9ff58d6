"""Jinja2, set up: templates in one folder, everything escaped, a missing name is an error.

In: a template's name and its context. Out: text. Refuses, as TemplateError with file and line, a
template that is not there, that is broken, or that uses a name it was not given (to show nothing in
its place would hide the mistake; `{{ name | default("") }}` says that nothing is meant).
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Mapping
from pathlib import Path

import jinja2
from jinja2 import meta

from fanlight.errors import Mistake, TemplateError

_ENDINGS = (".html", ".htm", ".xml", ".svg", ".txt", ".md")


class Templates:
    """The templates of one folder; each is read and compiled once."""

    def __init__(self, folder: Path | None, names: Mapping[str, object], *, reload: bool = False) -> None:
        """Use a folder, and `names` in every template; `reload` looks for changes at every use."""
        self.folder = folder
        loader = jinja2.FileSystemLoader(folder) if folder is not None else jinja2.DictLoader({})
        self._environment = jinja2.Environment(
            loader=loader,
            autoescape=jinja2.select_autoescape(  # everything but plain text
                disabled_extensions=("txt", "md"), default_for_string=True, default=True
            ),
            undefined=jinja2.StrictUndefined,
            auto_reload=reload,
            keep_trailing_newline=True,
        )
        self._environment.globals.update(names)
        self._compiled: dict[str, jinja2.Template] = {}
        self._is_reloading = reload

    def has(self, name: str) -> bool:
        """Say whether there is a template of that name."""
        return name in self.names()

    def names(self) -> list[str]:
        """Return the names of all templates in the folder."""
        if self.folder is None or not self.folder.is_dir():
            return []
        found = self._environment.list_templates(filter_func=lambda name: name.endswith(_ENDINGS))
        return [name for name in found if not any(part.startswith(".") for part in name.split("/"))]

    def render(self, name: str, context: Mapping[str, object]) -> str:
        """Return a template's text. Raises TemplateError; what a template calls may raise what it likes."""
        template = self._compiled.get(name)
        if template is None:
            template = self._load(name)
        try:
            return template.render(context)
        except jinja2.TemplateNotFound as error:
            raise TemplateError(self._missing(str(error.name), f"{name} asks for it")) from None
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{error.filename or error.name}:{error.lineno}: {error.message}") from None
        except jinja2.UndefinedError as error:
            raise TemplateError(f"{self._place(error, name)}: {error.message}") from error

    def _load(self, name: str) -> jinja2.Template:
        try:
            template = self._environment.get_template(name)
        except jinja2.TemplateNotFound:
            raise TemplateError(self._missing(name)) from None
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{error.filename or error.name}:{error.lineno}: {error.message}") from None
        if not self._is_reloading:
            self._compiled[name] = template
        return template

    def _missing(self, name: str, why: str = "") -> str:
        close = difflib.get_close_matches(name, self.names(), 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        where = self.folder or "this app, which has no folder of templates"
        return f"there is no template {name} in {where}{f' ({why})' if why else ''}{hint}"

    def _place(self, error: BaseException, name: str) -> str:
        """Return "file:line" of the innermost template that an error passed through."""
        folder = str(self.folder)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith(folder):
                return f"{frame.filename}:{frame.lineno}"
        return name

    def check(self) -> list[Mistake]:
        """Return what is wrong with the templates of the folder, without rendering any."""
        mistakes = []
        names = set(self.names())
        for name in sorted(names):
            path = (self.folder or Path()) / name
            try:
                source = path.read_text(encoding="utf-8")
                tree = self._environment.parse(source, name, str(path))
                self._environment.compile(source, name, str(path))
            except jinja2.TemplateSyntaxError as error:
                mistakes.append(
                    Mistake(
                        message=f"the template {name} is broken: {error.message}", places=(f"{path}:{error.lineno}",)
                    )
                )
                continue
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(Mistake(message=f"the template {name} can't be read: {error}", places=(str(path),)))
                continue
            wanted = {each for each in meta.find_referenced_templates(tree) if each is not None}
            mistakes.extend(self._dangling(path, source, each) for each in sorted(wanted - names))
        return mistakes

    def _dangling(self, path: Path, source: str, wanted: str) -> Mistake:
        line = next((number for number, text in enumerate(source.splitlines(), 1) if wanted in text), 1)
        close = difflib.get_close_matches(wanted, self.names(), 1)
        return Mistake(
            message=f"{path.name} asks for the template {wanted}, which is not there",
            places=(f"{path}:{line}",),
            hint=f"did you mean {close[0]}?" if close else f"make {(self.folder or Path()) / wanted}, or take it out",
        )
