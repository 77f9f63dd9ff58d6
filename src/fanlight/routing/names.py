"""The names of the values of `URLS`, by which `url_for` finds them.

In: any value of the table. Out: its names.
"""

from __future__ import annotations


def name_of(value: object) -> str:
    """Return a view's full name, "views.post", or a string itself; other values have no name ("")."""
    if isinstance(value, str):
        return value
    name = getattr(value, "__qualname__", "")
    module = getattr(value, "__module__", "")
    if not isinstance(name, str) or not name:
        return ""
    return f"{module}.{name}" if isinstance(module, str) and module else name


def lookup_names(name: str, value: object) -> list[str]:
    """Return every name by which a value is found, the shortest first: "post", "views.post", "blog.views.post"."""
    if not name or isinstance(value, str):
        return [name] if name else []  # "thanks.html" is not something named html
    pieces = name.split(".")
    return [".".join(pieces[start:]) for start in range(len(pieces) - 1, -1, -1)]
