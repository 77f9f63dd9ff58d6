"""Where tests of a site are saved, and how they import the site.

In: the app that is served. Out: a folder and an import, or the reason why there is none. A test stands in the folder
from which the site's module is imported, because there pytest finds the module by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from msgspec import Struct

from fanlight.devtools.inspector.replay.saved_test import SiteImport, site_import


class SavedTestPlace(Struct, frozen=True):
    """A folder for tests; `site` is None where the site can't be imported by a test, and `problem` says why."""

    folder: Path
    site: SiteImport | None
    problem: str = ""


def no_place(problem: str) -> SavedTestPlace:
    """Return a place where no test can be saved."""
    return SavedTestPlace(Path(), None, problem)


def place_for(app: object, file: Path) -> SavedTestPlace:
    """Return the place for tests of the app of a file."""
    for name, module in list(sys.modules.items()):
        root = _root_of(name, file)
        if root is not None and getattr(module, "__file__", None) == str(file):
            attribute = _name_of_app(module, app)
            if attribute is None:
                return no_place(f"{file.name} has no app and no URLS that a test could import")
            return SavedTestPlace(root, site_import(name, attribute))
    return no_place(f"{file.name} has a name that can't be imported by a test; rename it, to main.py for example")


def _root_of(module: str, file: Path) -> Path | None:
    """Return the folder from which a module with this name has been imported, if its file is this one."""
    path = file.parent if file.stem == "__init__" else file.with_suffix("")
    parts = module.split(".")
    if tuple(parts) != path.parts[-len(parts) :]:
        return None
    return path.parents[len(parts) - 1]


def _name_of_app(module: ModuleType, app: object) -> str | None:
    """Return the name of the app in its module, "" if it is made of `URLS`, None if there is neither."""
    names = [name for name, value in vars(module).items() if value is app]
    if names:
        return names[0]
    if "URLS" in vars(module):
        return ""
    return None
