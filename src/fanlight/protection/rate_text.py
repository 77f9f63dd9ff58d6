"""Read a rate as it is written in code: "10/minute", "100/hour", "5/10 seconds".

In: a text. Out: a `Rate`. Refuses every other spelling with AppError, which says what to write: a limit that was
understood differently than it was meant protects nothing.
"""

from __future__ import annotations

from fanlight.errors import AppError
from fanlight.lazy_pattern import lazy_pattern
from fanlight.stores.rate import Rate

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SHORT = {
    **dict.fromkeys(("s", "sec", "secs", "seconds"), "second"),
    **dict.fromkeys(("m", "min", "mins", "minutes"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs", "hours"), "hour"),
    **dict.fromkeys(("d", "days"), "day"),
}
# One time is singular and without a number, several are plural.
_RATE = lazy_pattern(r"([1-9][0-9]{0,6})/(?:([1-9][0-9]{0,7}) )?(second|minute|hour|day)(s?)")
_LIKE_A_RATE = lazy_pattern(r"\s*([0-9]{1,7})\s*(?:/|per|in|every|each|a|an)\s*([0-9]{1,8})?\s*([a-z]+)\s*")
_EXAMPLES = 'write a count and a time, like "10/minute", "100/hour" or "5/10 seconds"'


def read_rate(text: object) -> Rate:
    """Return the rate that a text means. Raises AppError."""
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or found[2] == "1" or (found[2] is None) == bool(found[4]):
        raise AppError(f"{_shown(text)} is no rate; {_suggestion(text)}")
    try:
        return Rate(int(found[1]), _SECONDS[found[3]] * int(found[2] or 1))
    except ValueError as error:
        raise AppError(f"{_shown(text)} is no rate: {error}") from None


def _shown(text: object) -> str:
    return repr(text) if len(repr(text)) < 60 else f"{repr(text)[:57]}..."


def _suggestion(text: object) -> str:
    """Return what was meant, if that is certain, else examples."""
    found = _LIKE_A_RATE.fullmatch(text.lower()) if isinstance(text, str) else None
    if found is None:
        return _EXAMPLES
    count, number, unit = int(found[1]), int(found[2] or 1), _SHORT.get(found[3], found[3])
    if unit in ("week", "weeks"):
        number, unit = 7 * number, "day"
    if not count or not number or unit not in _SECONDS:
        return _EXAMPLES
    written = f"{count}/{unit}" if number == 1 else f"{count}/{number} {unit}s"
    return f'write "{written}"' if _RATE.fullmatch(written) else _EXAMPLES
