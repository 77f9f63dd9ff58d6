"""What a site has made weaker than the defaults: for `fanlight check --deploy`, which names it, and where it is.

In: nothing. Out: the type of one fact. Each part of a site that can be weakened yields its own.
"""

from __future__ import annotations

from msgspec import Struct


class Weakness(Struct, frozen=True, kw_only=True):
    """One default that a site has weakened."""

    setting: str  # as it is written: "Security(frame=None)"
    place: str  # of a mark: the pattern of its table, or the name of its view; "" for the whole site
    risk: str  # what it makes possible, one sentence
    advice: str  # what to write instead
