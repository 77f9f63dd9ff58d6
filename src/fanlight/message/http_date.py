"""Parse and format HTTP dates (RFC 9110 section 5.6.7).

In: text in one of the three formats, or seconds. Out: whole seconds since 1970, or text. A malformed date is None,
because a field with one must be ignored.
"""

from __future__ import annotations

import time
from datetime import date
from functools import lru_cache

from fanlight.lazy_pattern import lazy_pattern

# Written here, not with `email.utils` and `calendar`: they take longer to load than all of this room.
_DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = {name: at for at, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_FORMATS = (
    lazy_pattern(rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),  # the current one
    lazy_pattern(rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),  # RFC 850
    lazy_pattern(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})"),  # asctime()
)
_MONTH_NAMES = tuple(_MONTHS)
_EPOCH = date(1970, 1, 1).toordinal()
_AHEAD_YEARS = 50  # a two-digit year that would be further in the future is in the past


@lru_cache(1024)
def write_date(seconds: int) -> str:
    """Return a time, in whole seconds since 1970, as `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return format_date(time.gmtime(seconds))


def format_date(moment: time.struct_time) -> str:
    """Return a time in UTC as `Sun, 06 Nov 1994 08:49:37 GMT`."""
    year, month, day, hour, minute, second, weekday = moment[:7]
    return f"{_DAYS[weekday]}, {day:02} {_MONTH_NAMES[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


def read_date(text: str) -> int | None:
    """Return the seconds since 1970, None for a malformed date."""
    found = next((match for each in _FORMATS if (match := each.fullmatch(text))), None)
    if found is None:
        return None
    year, day = int(found["year"]), int(found["day"])
    if len(found["year"]) == 2:
        this_year = time.gmtime().tm_year
        year += this_year - this_year % 100
        year -= 100 if year > this_year + _AHEAD_YEARS else 0
    try:
        days = date(year, _MONTHS[found["month"]], 1).toordinal() - _EPOCH + day - 1
    except ValueError:  # the year 0
        return None
    return ((days * 24 + int(found["hour"])) * 60 + int(found["minute"])) * 60 + int(found["second"])
