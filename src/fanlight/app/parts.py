"""The parts of a site that are mounted in its URLS, each with its own templates, files and error pages.

In: a `Part`, and where it is mounted. Out: its table, as that of the site is written; the pages, responses and error
handlers of what is below it. Refuses a part whose folders are not there, and what is wrong with its error pages.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fanlight.app.error_handlers import ErrorHandlers
from fanlight.app.responses import ResponseFactory
from fanlight.errors import Mistake, SetupError
from fanlight.message.nested_table import NestedTable
from fanlight.message.part import Part
from fanlight.message.route_marks import Marked
from fanlight.pages.pages import Pages
from fanlight.pages.part_pages import PartPages
from fanlight.pages.static.static import Static
from fanlight.routing.entries import Mount
from fanlight.routing.pattern import refuse
from fanlight.routing.prefixes import Prefixes
from fanlight.routing.table import Table

STATIC_KEY = "/static"
MAX_DEPTH = 64  # of tables in tables
TEMPLATES = "templates"


MakeErrors = Callable[[Mapping[Any, object] | None, Pages, ResponseFactory, Path], ErrorHandlers]
Own = tuple[ResponseFactory, ErrorHandlers]  # of a part


class MountedPart(Struct, frozen=True):
    """What a part of the site has in the place of what the site has."""

    pages: Pages
    responses: ResponseFactory
    errors: ErrorHandlers


class Parts:
    """The parts of one app."""

    def __init__(
        self, pages: Pages, responses: ResponseFactory, errors: ErrorHandlers, make_errors: MakeErrors
    ) -> None:
        self._pages, self._responses, self._errors, self._make_errors = pages, responses, errors, make_errors
        self._mounted: dict[str, tuple[Part, MountedPart]] = {}  # by the name of the part

    def of(self, mount: Mount | None) -> MountedPart | None:
        """Return what a part has, None for the site itself. Raises SetupError, once for each part."""
        if mount is None:
            return None
        part: Part = mount.part
        known = self._mounted.get(part.name)
        if known is None:
            known = self._mounted[part.name] = part, self._open(part)
            if mistakes := [*_folder_mistakes(part), *known[1].errors.mistakes]:
                raise SetupError(mistakes)
        if known[0] is not part:
            refuse(f'two parts are named "{part.name}", {known[0].file} and {part.file}', "rename one of them")
        return known[1]

    def error_view(self, mount: Mount | None, kind: type[Exception]) -> Callable[..., object] | None:
        """Return the view for the exceptions of a class that are raised in a part, or in the site itself."""
        mounted = self.of(mount)
        return (self._errors if mounted is None else mounted.errors).view_of(kind)

    def in_table(self, table: Table) -> list[tuple[Prefixes, Own]]:
        """Return what makes responses where a part of a table has no route, the innermost part first."""
        found = ((prefixes, self.of(mount)) for prefixes, mount in table.mounts)
        return [(prefixes, (each.responses, each.errors)) for prefixes, each in found if each is not None]

    def has_template(self, name: str) -> bool:
        """Return whether a part has a template, as its views name it."""
        return any(mounted.pages.has_own(name) for _, mounted in self._mounted.values())

    def _open(self, part: Part) -> MountedPart:
        if part.templates is not None:
            self._pages.mount(part.name, part.folder / part.templates)
        pages = PartPages(self._pages, part.name)
        responses = type(self._responses)(pages)
        errors = self._make_errors(part.errors, pages, responses, part.folder).inside(self._errors)
        return MountedPart(pages, responses, errors)


def contains_part(value: object) -> bool:
    """Return whether a part is mounted anywhere in a table."""
    return _contains(value, [])


def _contains(value: object, around: list[object]) -> bool:
    while isinstance(value, Marked | NestedTable):
        value = value.inner
    if not isinstance(value, Mapping) or any(value is each for each in around):
        return isinstance(value, Part)
    return any(_contains(each, [*around, value]) for each in value.values())


def table_of(part: Part) -> Mapping[str, object]:
    """Return the table of a part; its folders of files are beside its own file. Raises SetupError."""
    _check_settings(part)
    if not isinstance(part.urls, Mapping):
        refuse(f"the URLS of {part} is a {type(part.urls).__name__}", 'write a dict: Part({"/": index}, name="blog")')
    if part.static is not None and STATIC_KEY in part.urls:
        refuse(f'{part} has "{STATIC_KEY}" in its URLS, and static="{part.static}"', "leave out one of them")
    own = {} if part.static is None else {STATIC_KEY: Static(part.static)}
    return {key: _placed(value, part.folder, 0) for key, value in (*part.urls.items(), *own.items())}


def _check_settings(part: Part) -> None:
    """Raise SetupError for settings of a type that none of them has."""
    settings: tuple[tuple[str, object, tuple[type, ...], str], ...] = (
        ("name", part.name, (str,), '"blog"'),
        ("static", part.static, (str, os.PathLike, type(None)), '"static"'),
        ("templates", part.templates, (str, os.PathLike, type(None)), '"templates"'),
        ("middleware", part.middleware, (list, tuple), "[timing]"),
    )
    for name, value, kinds, example in settings:
        if not isinstance(value, kinds):
            refuse(f"{name} of {part} is a {type(value).__name__}", f"write {name}={example}")
    if not part.file.is_file():
        refuse(f"file={part.file} of {part} names no file", "leave it out, or write file=__file__")


def _placed(value: object, folder: Path, depth: int) -> object:
    """Return a value of a part's table with its files beside the part's own file."""
    if isinstance(value, Static):
        return dataclasses.replace(value, folder=folder / value.folder)
    if isinstance(value, Marked | NestedTable):
        return replace(value, inner=_placed(value.inner, folder, depth))
    if isinstance(value, Mapping) and depth < MAX_DEPTH:  # a table that holds itself is refused when it is read
        return {key: _placed(each, folder, depth + 1) for key, each in value.items()}
    return value


def _folder_mistakes(part: Part) -> list[Mistake]:
    folder = None if part.templates is None else part.folder / part.templates
    if folder is None or folder.is_dir() or str(part.templates) == TEMPLATES:
        return []
    hint = f"create the folder {folder}; in a package on PyPI it is package data"
    return [Mistake(message=f'templates="{part.templates}" of {part} names no folder', hint=hint)]
