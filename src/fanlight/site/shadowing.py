"""Find the files beside a site that would hide a module of Python from every library.

In: the folder that becomes the first entry of `sys.path`. Out: what is wrong with a file or package in it that has the
name of a module that Python, Fanlight or a library may import later. A module that is built into the interpreter, or
frozen in it, can't be hidden, and a few are imported by no library.
"""

from __future__ import annotations

import _imp
import os
import sys
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from pathlib import Path

STANDARD_NAMES = frozenset({*sys.stdlib_module_names, "fanlight"})
_LIBRARIES = {"jinja2", "markupsafe", "multipart"}  # that Fanlight imports when it needs them
_NEVER_IMPORTED = {"antigravity", "idlelib", "lib2to3", "test", "this", "turtle", "turtledemo"}
_HIDEABLE = frozenset(
    name
    for name in (STANDARD_NAMES | _LIBRARIES) - _NEVER_IMPORTED - {*sys.builtin_module_names}
    if not _imp.is_frozen(name)
)
_INSTALLED = {"site-packages", "dist-packages"}


def hiding_problem(folder: Path, *, may_be_package: bool) -> str:
    """Return which file of a folder hides a module, and what to do about it; "" if none does."""
    first = next(_files_that_hide(folder), None)
    if first is None:
        return ""
    place = os.path.relpath(first) if first.is_relative_to(Path.cwd()) else first
    hint = f"rename {first.name}"
    if may_be_package and folder.name.isidentifier():
        hint += (
            f"; or make {folder.name} a package, with an empty __init__.py, and write `from .{first.stem} import ...`"
        )
    return f"{place} has the name of a module of Python or Fanlight, and would hide it from every library: {hint}"


def _files_that_hide(folder: Path) -> Iterator[Path]:
    """Yield the files and packages of a folder that hide a module if the folder is the first that is searched."""
    if folder.name in _INSTALLED:
        return
    suffixes = tuple(all_suffixes())
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            name, dot, _ = entry.name.partition(".")
            if name not in _HIDEABLE:
                continue
            path = Path(entry.path)
            if (dot and path.name.endswith(suffixes)) or (not dot and (path / "__init__.py").is_file()):
                yield path
