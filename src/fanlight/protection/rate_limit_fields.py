"""The fields `RateLimit-Policy` and `RateLimit`, by which a client learns how often it may ask.

    RateLimit-Policy: "10/minute";q=10;w=60, "100/hour by user";q=100;w=3600
    RateLimit: "10/minute";r=4;t=6

In: limits, and what is left of one. Out: field values (draft-ietf-httpapi-ratelimit-headers-10, with items and strings
of RFC 9651). `t` is until one more request is available, so that `Retry-After` is never earlier, as the draft wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from fanlight.stores.rate import SECOND, Rate, Taken

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def policy_field(policies: Sequence[tuple[str, Rate]]) -> str:
    """Return the value of RateLimit-Policy for limits with their names."""
    return ", ".join(f"{quoted(name)};q={rate.count};w={ceil(rate.seconds)}" for name, rate in policies)


def remaining_text(rate: Rate, taken: Taken) -> str:
    """Return the parameters of RateLimit: how many more requests are allowed now, and when there is one more."""
    return f";r={taken.remaining};t={ceil(next_seconds(rate, taken))}"


def next_seconds(rate: Rate, taken: Taken) -> float:
    """Return the seconds until one more request is available than now; 0 if all are."""
    if not taken.is_allowed:
        return taken.retry_seconds
    interval = rate.interval / SECOND
    return taken.reset_seconds - (rate.count - taken.remaining - 1) * interval if taken.reset_seconds else 0.0


def retry_after(taken: Taken) -> int:
    """Return the seconds after which a refused client may ask again: whole ones, at least one."""
    return max(1, ceil(taken.retry_seconds))


def duration_text(seconds: int) -> str:
    """Return a time for the person who waits, rounded up to its largest unit: "6 seconds", "2 minutes"."""
    unit, size = next(each for each in _UNITS if seconds >= each[1])
    number = ceil(seconds / size)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def quoted(text: str) -> str:
    """Return a text as a String of RFC 9651 section 3.3.3, which has printable ASCII characters only."""
    shown = "".join(each if each.isascii() and each.isprintable() else "?" for each in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
