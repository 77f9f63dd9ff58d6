"""Name the values of URLS, so that `url_for` can be asked by name.

In: a value of the table, whatever it is. Out: the names it answers to. Knows nothing of routes.
"""

from __future__ import annotations


def name_of(value: object) -> str:
    """Return a view's full name, "views.post"; a text's name is the text; others have none ("")."""
    if isinstance(value, str):
        return value
    name = getattr(value, "__qualname__", "")
    module = getattr(value, "__module__", "")
    if not isinstance(name, str) or not name:
        return ""
    return f"{module}.{name}" if isinstance(module, str) and module else name


def lookup_names(name: str, value: object) -> list[str]:
    """Return every name a value answers to, the shortest first: "post", "views.post", "blog.views.post"."""
    if not name or isinstance(value, str):
        return [name] if name else []  # "thanks.html" is not a thing called html
    pieces = name.split(".")
    return [".".join(pieces[start:]) for start in range(len(pieces) - 1, -1, -1)]
