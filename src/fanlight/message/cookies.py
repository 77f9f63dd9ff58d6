"""Cookies: read leniently from a request, written strictly to a response (RFC 6265).

Refuses to write a name or value that a client would read as something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from fanlight.errors import InvalidResponse

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_ATTRIBUTE = re.compile(r"[\x20-:<-\x7e]*")
_LONGEST = 4096  # browsers drop what is longer, without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """Who may have a cookie, where, and for how long; the defaults are the safe ones."""

    path: str = "/"
    domain: str = ""
    max_age: int | None = None  # seconds
    expires: datetime | None = None
    secure: bool = False
    http_only: bool = True
    same_site: Literal["Lax", "Strict", "None"] = "Lax"


def read_cookies(text: str) -> dict[str, str]:
    """Return the cookies of a Cookie field; of a name that is there twice, the first (RFC 6265 section 5.4)."""
    cookies: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.strip().partition("=")
        if not equals or not name:
            continue
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        cookies.setdefault(name.strip(), value.strip())
    return cookies


def write_cookie(name: str, value: str, options: CookieOptions) -> str:
    """Return the value of a Set-Cookie field. Raises InvalidResponse for what no cookie can be."""
    if not _NAME.fullmatch(name):
        raise InvalidResponse(f"{name!r} is no name for a cookie")
    if not _VALUE.fullmatch(value):
        raise InvalidResponse(f"the cookie {name} can't hold {value!r}; encode it (urllib.parse.quote, or base64)")
    for attribute in (options.path, options.domain):
        # SECURITY: tests/message/test_response.py: a semicolon would begin another attribute
        if not _ATTRIBUTE.fullmatch(attribute):
            raise InvalidResponse(f"the cookie {name} can't have {attribute!r} as its path or domain")
    if len(name) + len(value) > _LONGEST:
        raise InvalidResponse(f"the cookie {name} is over {_LONGEST} bytes; browsers would drop it")
    is_secure = options.secure or options.same_site == "None" or name.startswith(("__Secure-", "__Host-"))
    if name.startswith("__Host-") and (options.domain or options.path != "/"):
        raise InvalidResponse(f"the cookie {name} takes no domain and the path /, as its prefix promises")
    attributes = {
        f"{name}={value}": True,
        f"Path={options.path}": True,
        f"Domain={options.domain}": bool(options.domain),
        f"Max-Age={options.max_age}": options.max_age is not None,
        f"Expires={_date(options.expires)}": options.expires is not None,
        "Secure": is_secure,
        "HttpOnly": options.http_only,
        f"SameSite={options.same_site}": True,
    }
    return "; ".join(attribute for attribute, is_wanted in attributes.items() if is_wanted)


def _date(when: datetime | None) -> str:
    return format_datetime(when.astimezone(UTC), usegmt=True) if when is not None else ""
