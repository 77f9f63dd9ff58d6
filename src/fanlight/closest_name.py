"""Find the name that was meant by a misspelt one, for "did you mean ...?"."""

from __future__ import annotations

from collections.abc import Iterable


def closest_name(name: str, known: Iterable[str]) -> str:
    """Return the most similar of the known names, "" if none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

    return next(iter(get_close_matches(name, list(known), n=1)), "")
