"""Values in short: of what a view gets, of the names in a template, of the parameters of a query.

In: any value of a site. Out: text of bounded length. Never raises, whatever the `repr` of the value does, and never
walks through all of a big value.
"""

from __future__ import annotations

import reprlib

from fanlight.devtools.inspector.recording_limits import MAX_VALUE_CHARACTERS

MAX_PLAIN = 100  # characters of a string whose repr is short in any case
MAX_INT = 1 << 64
_PLAIN = (float, bool, type(None))
MAX_ITEMS = 12  # of a container
_SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset)


class _ShortRepr(reprlib.Repr):
    """A repr with the limits of the recorder."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = MAX_VALUE_CHARACTERS
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = MAX_ITEMS


_repr = _ShortRepr()


def short_value(value: object) -> str:
    """Return the repr of a value, cut."""
    kind = type(value)  # PERF: benchmarks/inspector.py: most values are plain and short
    if kind in _PLAIN or (kind is str and len(value) < MAX_PLAIN):  # type: ignore[arg-type]  # a string
        return repr(value)
    if kind is int and -MAX_INT < value < MAX_INT:  # type: ignore[operator]  # an int
        return repr(value)
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value[: MAX_VALUE_CHARACTERS + 1])  # reprlib would make the repr of all of it
    try:
        text = _repr.repr(value)
    except Exception as error:  # noqa: BLE001 - the value is of a class of the site
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= MAX_VALUE_CHARACTERS else text[: MAX_VALUE_CHARACTERS - 1] + "…"


def type_and_size(value: object) -> str:
    """Return the type of a value, and how much is in it where that is known without asking the value's own code."""
    name = type(value).__name__
    return f"{name}, {len(value)}" if type(value) in _SIZED else name  # type: ignore[arg-type]  # all of them have a length
