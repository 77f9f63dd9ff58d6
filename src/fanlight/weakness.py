"""One default that a site has weakened, for `fanlight check --deploy`, which names it and where it is.

In: the facts. Out: the same, frozen. Each part of a site that can be weakened gives its own; what a setting risks is
known where it is defined, and which line it is on where the site is loaded.
"""

from __future__ import annotations

from msgspec import Struct


class Weakness(Struct, frozen=True, kw_only=True):
    """One default that a site has weakened."""

    setting: str  # as it is written: "Security(frame=None)"
    risk: str  # what it makes possible, half a sentence
    advice: str  # what to write instead, or when it is right
    place: str = ""  # "main.py:12"; "" where that is not known
