"""A lazy pattern is a compiled one, a little later."""

from __future__ import annotations

import re

import pytest

from fanlight.lazy_pattern import lazy_pattern


def test_a_lazy_pattern_has_what_a_compiled_one_has() -> None:
    """Its methods and attributes are those of `re.compile` with the same text and flags, for text and bytes."""
    pattern, data = lazy_pattern("(a)b", re.IGNORECASE), lazy_pattern(b"a+")
    assert [pattern.sub("x", "zAB"), pattern.groups, pattern.pattern, data.findall(b"aab")] == [
        "zx",
        1,
        "(a)b",
        [b"aa"],
    ]


def test_a_lazy_pattern_is_compiled_when_it_is_used() -> None:
    """Making one compiles nothing, so a mistake is found at the first use."""
    pattern = lazy_pattern("(")
    with pytest.raises(re.error):
        pattern.search("a")
