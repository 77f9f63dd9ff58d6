"""Make a new site from the one that is kept in `new_site/`.

In: a folder that is not there, or is empty. Out: a site that runs and has a test. Refuses a folder
with anything in it: nothing of the user's is ever overwritten.
"""

from __future__ import annotations

import re
from pathlib import Path

from fanlight.errors import AppError

_MODEL = Path(__file__).parent / "new_site"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ENDING = ".tmpl"  # keeps Python files of the model from being taken for ours


class CanNotMake(AppError):
    """The new site would be in the way of something, or its name is none."""


def make_site(folder: Path) -> list[str]:
    """Write a new site into a folder; return the paths of its files. Raises CanNotMake."""
    name = folder.resolve().name
    if not _NAME.fullmatch(name):
        raise CanNotMake(f"{name!r} is no name for a site; use letters, digits, - and _")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CanNotMake(f"{folder} is there already, and not empty; choose another name")
    made = []
    for source in sorted(_MODEL.rglob("*")):
        if source.is_file():
            path = source.relative_to(_MODEL)
            target = folder / path.with_name(path.name.removesuffix(_ENDING))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8").replace("@NAME@", name), encoding="utf-8")
            made.append(target.relative_to(folder).as_posix())
    return made
