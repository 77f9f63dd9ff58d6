"""Say what somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" with the known word that is nearest, or "" if none is near."""
    found = get_close_matches(word, sorted(set(known)), n=1)
    return f"did you mean `{found[0]}`?" if found else ""
