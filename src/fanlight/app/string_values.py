"""Find out before the port opens what is wrong with a text that stands where a view could: in URLS, or in errors.

In: a text, and the pages. Out: a mistake with what was likely meant, or None.
"""

from __future__ import annotations

import difflib

from fanlight.errors import Mistake
from fanlight.pages.pages import Pages


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


def markup_for_text(text: str, where: str) -> Mistake | None:
    """Return what is wrong with a text that is the source of a page, None if it is a heading, as it should be."""
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return None
    start = " ".join(text.split())[:30]
    hint = (
        "if a view returned it, write the view's name without parentheses: home, not home(); "
        'HTML of your own goes into a view, def home(): return "<p>...", or into a template, "home.html"'
    )
    return Mistake(
        message=f"{where} is the source of a page ({start}...), and a text there is a plain heading", hint=hint
    )
