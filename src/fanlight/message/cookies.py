"""Cookies: read leniently from a request, written strictly to a response (RFC 6265bis).

Refuses to write a name, value or attribute that a client would read as something else, and what a
browser would drop without a word: a prefix that is not kept, a `SameSite=None` that is not `Secure`,
too many bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from fanlight.errors import InvalidResponse

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_PATH = re.compile(r"/[\x20-:<-\x7e]*")
_DOMAIN = re.compile(r"\.?[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?")
_LONGEST = 4096  # name and value; browsers drop what is longer, without a word
_LONGEST_ATTRIBUTE = 1024  # browsers ignore it then, also without a word
_SAME_SITE = ("Lax", "Strict", "None")
_BLANKS = " \t"
FORGOTTEN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """Who may have a cookie, where, and for how long; the defaults are the safe ones."""

    path: str = "/"
    domain: str = ""  # "": this host alone
    max_age: int | timedelta | None = None  # seconds; None: until the browser is closed
    expires: datetime | None = None  # with its time zone; browsers follow max_age where there are both
    secure: bool | None = None  # by https only; None: where it is set by https
    http_only: bool = True
    same_site: Literal["Lax", "Strict", "None"] = "Lax"
    partitioned: bool = False  # kept apart for each site in which ours is embedded (CHIPS)


def read_cookies(text: str) -> dict[str, str]:
    """Return the cookies of a Cookie field; of a name that is there twice, the first.

    A client sends the one with the longest path first (RFC 6265bis section 5.8.3), so the first is the
    one that was set for this very place. Quotes around a value are taken off, nothing is decoded.
    """
    cookies: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        # SECURITY: tests/message/test_cookies.py: whatever else str.strip() takes for a blank is part of the name,
        # to browsers too: so no other name can become one with a prefix.
        name, value = name.strip(_BLANKS), value.strip(_BLANKS)
        if not equals or not name:
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        cookies.setdefault(name, value)
    return cookies


def is_undecided(name: str, options: CookieOptions) -> bool:
    """Say whether it depends on the scheme if a cookie is `Secure`."""
    return options.secure is None and not _must_be_secure(name, options)


def write_cookie(name: str, value: str, options: CookieOptions) -> str:
    """Return the value of a Set-Cookie field. Raises InvalidResponse for what no cookie can be."""
    if not _NAME.fullmatch(name):
        raise InvalidResponse(f"{name!r} is no name for a cookie")
    if not _VALUE.fullmatch(value):
        raise InvalidResponse(f"the cookie {name} can't hold {value!r}; encode it (urllib.parse.quote, or base64)")
    if len(name) + len(value) > _LONGEST:
        raise InvalidResponse(f"the cookie {name} is over {_LONGEST} bytes; browsers would drop it")
    _check_place(name, options)
    _check_safety(name, options)
    seconds = _seconds(name, options.max_age)
    attributes = {
        f"{name}={value}": True,
        f"Path={options.path}": True,
        f"Domain={options.domain}": bool(options.domain),
        f"Max-Age={seconds}": seconds is not None,
        f"Expires={_date(name, options.expires)}": options.expires is not None,
        "Secure": bool(options.secure) or _must_be_secure(name, options),
        "HttpOnly": options.http_only,
        f"SameSite={options.same_site}": True,
        "Partitioned": options.partitioned,
    }
    return "; ".join(attribute for attribute, is_wanted in attributes.items() if is_wanted)


def _check_place(name: str, options: CookieOptions) -> None:
    # SECURITY: tests/message/test_cookies.py: a semicolon or a line end would begin another attribute, or field
    if not _PATH.fullmatch(options.path) or len(options.path) > _LONGEST_ATTRIBUTE:
        raise InvalidResponse(f"the cookie {name} can't have the path {options.path!r}; it begins with / and is ASCII")
    if options.domain and (not _DOMAIN.fullmatch(options.domain) or len(options.domain) > 253):
        raise InvalidResponse(f"the cookie {name} can't have the domain {options.domain!r}; write it like example.org")
    if _has_prefix(name, "__host-") and (options.domain or options.path != "/"):
        raise InvalidResponse(f"the cookie {name} takes no domain and the path /, as its prefix promises")


def _check_safety(name: str, options: CookieOptions) -> None:
    if options.same_site not in _SAME_SITE:
        raise InvalidResponse(
            f"the cookie {name} can't have same_site={options.same_site!r}; it is Lax, Strict or None"
        )
    if options.secure is False and (why := _must_be_secure(name, options)):
        raise InvalidResponse(f"the cookie {name} can't have secure=False: {why} promises that it is; leave it out")


def _must_be_secure(name: str, options: CookieOptions) -> str:
    """Return why browsers take the cookie only if it is `Secure`, "" if they don't care."""
    if _has_prefix(name, "__secure-") or _has_prefix(name, "__host-"):
        return "its prefix"
    if options.same_site == "None":
        return 'same_site="None"'
    return "partitioned=True" if options.partitioned else ""


def _has_prefix(name: str, prefix: str) -> bool:
    return name[: len(prefix)].lower() == prefix  # in any case, as browsers take it


def _seconds(name: str, max_age: object) -> int | None:
    if isinstance(max_age, timedelta):
        return int(max_age.total_seconds())
    if max_age is None or (isinstance(max_age, int) and not isinstance(max_age, bool)):
        return max_age
    raise InvalidResponse(f"the cookie {name} can't have max_age={max_age!r}; it takes seconds, or a timedelta")


def _date(name: str, when: datetime | None) -> str:
    if when is None:
        return ""
    if when.tzinfo is None:
        raise InvalidResponse(f"the cookie {name} expires at a time without a zone; write datetime(..., tzinfo=UTC)")
    return format_datetime(when.astimezone(UTC), usegmt=True)
