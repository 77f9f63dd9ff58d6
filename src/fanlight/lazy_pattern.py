"""A regular expression that is compiled when it is first used.

In: what `re.compile` takes. Out: an object with the methods of a compiled pattern. It is for what few requests have,
and for what is wrong: a start would compile a hundred patterns, and use a dozen. Patterns that most requests need are
compiled when their module is loaded, so that none of these waits for them.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _LazyPattern:
    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    def __getattr__(self, name: str) -> Any:
        """Compile the pattern, and keep its method: from then on it is found without this function."""
        found = getattr(re.compile(*self._parts), name)
        setattr(self, name, found)
        return found


def lazy_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern; a mistake in it raises `re.error` when it is first used."""
    return cast("re.Pattern[AnyStr]", _LazyPattern(text, flags))
