"""Suggest what a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the most similar known word, or "" if none is similar."""
    found = get_close_matches(word, sorted(set(known)), n=1)
    return f"did you mean `{found[0]}`?" if found else ""


def nearest_path(path: str, known: Iterable[str]) -> str:
    """Return the known path that a path was meant to be, or "": "home.html" for "templates/home.html"."""
    paths = list(known)
    found = [each for each in paths if path.endswith(f"/{each}")] or get_close_matches(path, paths, n=1)
    return found[0] if found else ""
