"""Count calls by the generic cell rate algorithm (GCRA, ITU-T I.371): one number for each key.

In: a rate, the number that was kept, and the time. Out: whether the call is allowed, and the number to keep. Never
allows more than `count` calls and one more for each `seconds / count` that have passed, in any span of time: there is
no window whose edge could be used for twice as many. Has no clock and keeps nothing: what a store keeps for a key is
the moment at which all its calls are available again ("theoretical arrival time"), in microseconds since 1970.
Integers, so that nothing is rounded; they are exact in the doubles of Redis's Lua until the year 2255.

    rate 4 in 40 s       time   kept before   kept after
                            0             0           10   allowed, 3 remain, all 4 after 10 s
                            1            10           20   allowed, 2 remain, all 4 after 19 s
                            1            20           30   allowed, 1 remains
                            1            30           40   allowed, 0 remain
                            1            40           40   refused, retry after 9 s: 40 + 10 is more than 40 s ahead
                           10            40           50   allowed
"""

from __future__ import annotations

from msgspec import Struct

SECOND = 1_000_000  # microseconds
MAX_COUNT = 1_000_000
MAX_RATE_SECONDS = 366 * 86400
MAX_PER_SECOND = 10_000  # an interval of 100 microseconds: rounding it up loses less than one call in a hundred


class Rate(Struct, frozen=True):
    """How many calls are allowed: `count` in `seconds`, all of them at once or spread."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        """Refuse, as ValueError, a rate that can't be counted exactly."""
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"a rate allows 1 to {MAX_COUNT} calls, and not {self.count!r}")
        if not 0 < self.seconds <= MAX_RATE_SECONDS:
            raise ValueError(
                f"a rate is for more than 0 and at most {MAX_RATE_SECONDS} seconds, and not {self.seconds!r}"
            )
        if self.count > self.seconds * MAX_PER_SECOND:
            raise ValueError(
                f"a rate allows at most {MAX_PER_SECOND} calls a second; count {self.count} in more than one"
            )

    @property
    def interval(self) -> int:
        """The microseconds in which one more call becomes available, rounded up: never more calls than the rate."""
        return -(-round(self.seconds * SECOND) // self.count)


class Taken(Struct, frozen=True):
    """Whether a call was allowed, and what is left."""

    is_allowed: bool
    remaining: int  # calls that are allowed at this moment, after this one
    retry_seconds: float  # until a call is allowed; 0 if this one is
    reset_seconds: float  # until all calls are available again


def take_at(kept: int | None, now: int, rate: Rate) -> tuple[int, Taken]:
    """Return what to keep, and whether one call is allowed now; `kept` and `now` are in microseconds.

    A kept number that is further ahead than this rate could have put it was made by another rate, or by a clock that
    has been set back: it counts as all calls taken now, so no one is locked out for longer than `rate.seconds`.
    """
    interval = rate.interval
    full = now + interval * rate.count
    start = now if kept is None else min(max(kept, now), full)
    is_allowed = start + interval <= full
    if is_allowed:
        start += interval
    return start, taken(start, now, rate, is_allowed=is_allowed)


def taken(kept: int, now: int, rate: Rate, *, is_allowed: bool) -> Taken:
    """Return what is left, by the number that is kept after a call."""
    interval = rate.interval
    free = now + interval * rate.count - kept  # microseconds of calls that are available
    return Taken(
        is_allowed,
        remaining=free // interval,
        retry_seconds=0.0 if is_allowed else (interval - free) / SECOND,
        reset_seconds=(kept - now) / SECOND,
    )
