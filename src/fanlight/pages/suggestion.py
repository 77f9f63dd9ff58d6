"""Suggest what a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from fanlight.closest_name import closest_name


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the most similar known word, or "" if none is similar."""
    close = closest_name(word, known)
    return f"did you mean `{close}`?" if close else ""


def nearest_path(path: str, known: Iterable[str]) -> str:
    """Return the known path that a path was meant to be, or "": "home.html" for "templates/home.html"."""
    paths = list(known)
    return next((each for each in paths if path.endswith(f"/{each}")), "") or closest_name(path, paths)
