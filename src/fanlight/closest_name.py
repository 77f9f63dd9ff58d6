"""Find the name that was meant by a misspelt one, for "did you mean ...?"."""

from __future__ import annotations

from collections.abc import Iterable


def closest_name(name: str, known: Iterable[str]) -> str:
    """Return the most similar of the known names, "" if none is similar."""
    return next(iter(closest_names(name, known, 1)), "")


def closest_names(name: str, known: Iterable[str], count: int) -> list[str]:
    """Return the known names that are similar to a name, the most similar first: `count` at most."""
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

    return get_close_matches(name, list(known), n=count)
