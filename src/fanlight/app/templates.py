"""Find out before the port opens whether a template that is named is there.

In: a name, and the pages. Out: a mistake with the name that was likely meant, or None.
"""

from __future__ import annotations

import difflib

from fanlight.errors import Mistake
from fanlight.pages import Pages


def misnamed_template(name: str, pages: Pages, where: str) -> Mistake | None:
    """Return what is wrong with the name of a template, None if there is one of that name."""
    if pages.has(name):
        return None
    names = pages.names()
    folder = pages.folder
    ending = [each for each in names if name.endswith(f"/{each}")]  # "templates/home.html"
    close = ending or difflib.get_close_matches(name, names, n=1)
    if close:
        hint = f'did you mean "{close[0]}"?'
    elif folder is None:
        hint = "there is no folder of templates"
    else:
        hint = f"write it to {folder / name}" if folder.is_dir() else f"there is no folder {folder}"
    return Mistake(message=f'{where} names the template "{name}", which is not there', hint=hint)
