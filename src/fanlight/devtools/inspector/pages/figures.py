"""Times and sizes as they stand in a page: short, with a unit, and as precise as is of use."""

from __future__ import annotations

import math
import time

from fanlight.devtools.inspector.exchange_record import Exchange

_UNITS = ("bytes", "kB", "MB", "GB")
_SHORTEST, _LONGEST = 1e-4, 10.0  # seconds: the ends of the bar in the list


def duration(seconds: float) -> str:
    """Return a duration: "0.08 ms", "12.4 ms", "1.24 s", "2 min 5 s"."""
    if seconds < 0:
        return "-"
    if seconds < 1:
        milliseconds = seconds * 1000
        return f"{milliseconds:.{2 if milliseconds < 10 else 1 if milliseconds < 100 else 0}f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def size(count: int) -> str:
    """Return a number of bytes: "1 byte", "84 bytes", "1.2 kB"."""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    power = min(3, int(math.log10(count) // 3))
    value = count / 1000**power
    return f"{value:.1f} {_UNITS[power]}" if value < 100 else f"{value:.0f} {_UNITS[power]}"


def clock(began_at: float) -> str:
    """Return a time of today: "20:31:05.042"."""
    return time.strftime("%H:%M:%S", time.localtime(began_at)) + f".{int(began_at % 1 * 1000):03}"


def bar(seconds: float) -> float:
    """Return how much of its bar a duration fills, from 0 to 100, on a logarithmic scale from 0.1 ms to 10 s."""
    if seconds <= _SHORTEST:
        return 2.0
    share = math.log(min(seconds, _LONGEST) / _SHORTEST) / math.log(_LONGEST / _SHORTEST)
    return round(max(2.0, 100 * share), 1)


def is_over(exchange: Exchange) -> bool:
    """Return whether an exchange has ended."""
    return exchange.outcome != "open"
