"""Lines of the access log that the optional package `fanlight-speed` makes; only `formats.py` imports this file.

In: entries. Out: the same lines as `formats.py` makes, which makes those that are not plain: of a refusal, or of a
request line that has to be escaped, cut or redacted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import fanlight_speed

# What a line consists of: texts, and an item of the entry each, with its kind as in `fanlight_speed.c`, and the table
# that has what stands for it, None for none. Items from FIELDS on are those of `HeadFields`.
Part = str | tuple[str, int, Mapping[Any, str] | None]
FIELDS = 32
Formatter = Callable[[Sequence[Any], float], str]  # makes lines of entries, as in `formats.py`


def formatter(
    parts_of: Callable[[int], Sequence[Part]], in_python: Formatter, has_no_secret: Callable[[str, str], bool]
) -> Formatter:
    """Return the function that makes lines; `parts_of` returns the parts of the lines of a second."""
    recipe_of = lru_cache(1)(lambda second: _recipe(parts_of(second)))

    def make(entries: Sequence[Any], offset: float) -> str:
        rest, lines, at, began = list(entries), list[str](), 0, -math.inf
        while at < len(rest):
            if not 0.0 <= rest[at][0] - began < 1.0:
                second = int(rest[at][0] + offset)
                began = second - offset
                recipe, values = recipe_of(second)
            text, end = fanlight_speed.lines(rest, at, began, recipe, values, has_no_secret)
            if end == at:
                text, end = in_python(rest[at : at + 1], offset), at + 1
            lines.append(text)
            at = end
        return "".join(lines)

    return make


def _recipe(parts: Sequence[Part]) -> tuple[bytes, tuple[object, ...]]:
    """Return the kinds and items of parts, two bytes each, and their texts and tables."""
    steps = [("l", 0, part) if isinstance(part, str) else part for part in parts]
    return b"".join([b"%c%c" % (kind.encode(), item) for kind, item, _ in steps]), tuple([value for *_, value in steps])
