"""Create a new site from the template in `new_site/`.

In: a folder that does not exist or is empty. Out: a site that runs, with a test. Refuses a folder that is not empty:
no file is ever overwritten.
"""

from __future__ import annotations

import re
from pathlib import Path

from fanlight.errors import AppError

_TEMPLATE = Path(__file__).parent / "new_site"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SUFFIX = ".tmpl"  # so that tools do not take the Python files of the template for ours


class NewSiteError(AppError):
    """The folder of the new site is not empty, or its name is not allowed."""


def create_site(folder: Path) -> list[str]:
    """Create a site in a folder and return the paths of its files. Raises NewSiteError."""
    name = folder.resolve().name
    if not _NAME.fullmatch(name):
        raise NewSiteError(f"{name!r} is not a name for a site; use letters, digits, - and _")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NewSiteError(f"{folder} exists and is not empty; choose another name")
    created = []
    for source in sorted(_TEMPLATE.rglob("*")):
        if source.is_file():
            path = source.relative_to(_TEMPLATE)
            target = folder / path.with_name(path.name.removesuffix(_SUFFIX))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8").replace("@NAME@", name), encoding="utf-8")
            created.append(target.relative_to(folder).as_posix())
    return created
