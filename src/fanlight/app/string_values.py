"""Check strings and pages that stand for a response in `URLS` or `errors`.

A string that ends in ".html" is the name of a template; any other is the text of a page's heading.

In: the value, the pages of the app, and where the value stands. Out: a `Mistake` with a suggestion, or None.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from fanlight.errors import Mistake
from fanlight.lazy_pattern import lazy_pattern
from fanlight.pages.pages import Pages
from fanlight.pages.suggestion import nearest_path
from fanlight.routing.route import Route

_MARKUP = lazy_pattern(r"</[a-z][a-z0-9]*\s*>|<html\b", re.IGNORECASE)


def is_template_name(text: str) -> bool:
    """Return whether a string is the name of a template."""
    return text.endswith(".html")


def string_mistake(text: str, pages: Pages, value: str, table: str) -> Mistake | None:
    """Return what is wrong with a string: HTML source, or the name of a template that does not exist.

    `value` and `table` are the subjects of the message: "the text at /about", "URLS".
    """
    if text.lstrip("\ufeff \t\r\n").startswith("<") or _MARKUP.search(text):
        start = " ".join(text.split())[:30]
        hint = (
            "if a view returned it, write the view's name without parentheses: home, not home(); "
            'HTML of your own goes into a view, def home(): return "<p>...", or into a template, "home.html"'
        )
        return Mistake(message=f"{value} is HTML source ({start}...), but a string here is a plain heading", hint=hint)
    return template_mistake(text, pages, table) if is_template_name(text) else None


def view_name_mistakes(routes: Sequence[Route], functions: Container[str]) -> list[Mistake]:
    """Return a mistake for each string that is the name of a function of the file: the function was meant."""
    return [
        Mistake(
            message=f'the string at {route.pattern} is "{route.view}", the name of a function in this file',
            places=(route.place,),
            hint=f"write {route.view} without quotation marks; a string is the heading of a page",
        )
        for route in routes
        if isinstance(route.view, str) and route.view in functions
    ]


def template_mistake(name: str, pages: Pages, table: str) -> Mistake | None:
    """Return a mistake with a suggestion if there is no template of this name."""
    if pages.has(name):
        return None
    folder = pages.folder
    if close := nearest_path(name, pages.names()):
        hint = f'did you mean "{close}"?'
    elif folder is None:
        hint = "the app has no templates folder"
    else:
        hint = f"create {folder / name}" if folder.is_dir() else f"there is no folder {folder}"
    return Mistake(message=f'{table} names the template "{name}", which does not exist', hint=hint)
