"""Markers for "no value", in places where None would be a value."""

from __future__ import annotations

from enum import Enum


class Sentinel(Enum):
    """Stands where there is no value."""

    MISSING = "missing"  # there is none
    OMIT = "omit"  # there is none, and the argument is left out: the function's own default applies


MISSING = Sentinel.MISSING
OMIT = Sentinel.OMIT
