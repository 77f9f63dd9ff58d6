"""Cookies: parsed leniently from a request, written strictly to a response (RFC 6265bis).

Any text can be a value: characters that are not allowed in a cookie, and "%", are percent-encoded as UTF-8, as by
`encodeURIComponent`. Refuses to write an invalid name or attribute, and a cookie that browsers would silently drop: one
that breaks the rules of its prefix, a `SameSite=None` that is not `Secure`, or one that is too long.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, unquote_to_bytes

from msgspec import Struct
from msgspec.structs import astuple

from fanlight.closest_name import closest_name
from fanlight.errors import InvalidResponse
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.headers import is_token
from fanlight.message.http_date import format_date

_AS_IT_IS = "!#$&'()*+-./:<=>?@[]^_`{|}~"  # allowed in a value (RFC 6265, cookie-octet), without "%"
_is_plain = re.compile(rf"[0-9A-Za-z{re.escape(_AS_IT_IS)}]*").fullmatch
_PERCENT_ENCODED = lazy_pattern(rb"(?:[^%]|%[0-9A-Fa-f]{2})*")
_ESCAPE = lazy_pattern(rb"\\(?:([0-3][0-7]{2})|(.))", re.DOTALL)
_PATH = re.compile(r"/[\x20-:<-\x7e]*")
_DOMAIN = lazy_pattern(r"\.?[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?")
_MAX_SECONDS = 10**10  # over 300 years; browsers keep a cookie for at most 400 days
_MAX_LENGTH = 4096  # name and value; browsers silently drop longer ones
_MAX_ATTRIBUTE_LENGTH = 1024  # browsers silently ignore longer ones
_SAME_SITE = ("", "Lax", "Strict", "None")
_BLANKS = " \t"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CookieOptions(Struct, frozen=True, kw_only=True):
    """The attributes of a cookie; the defaults are the safe ones."""

    path: str = "/"
    domain: str = ""  # "": only this host
    max_age: int | timedelta | None = None  # seconds; None: until the browser is closed
    expires: datetime | None = None  # with a time zone; browsers prefer max_age
    secure: bool | None = None  # sent only over https; None: if the response is sent over https
    http_only: bool = True
    same_site: Literal["", "Lax", "Strict", "None"] = ""  # "": Lax, or None for a partitioned cookie
    partitioned: bool = False  # stored separately for each site that embeds this one (CHIPS)


def read_cookie_options(given: Mapping[str, Any]) -> CookieOptions:
    """Return options from keyword arguments. Raises TypeError for an unknown one."""
    try:
        return CookieOptions(**given)  # whose types are checked when they are written
    except TypeError:
        names = CookieOptions.__struct_fields__
        name = next(each for each in given if each not in names)
        plain = {each.replace("_", ""): each for each in names}
        close = closest_name(name.lower().replace("_", ""), plain)
        hint = f"did you mean {plain[close]}?" if close else f"the options are {', '.join(names)}"
        raise TypeError(f"a cookie has no option {name}; {hint}") from None


def read_cookies(text: str) -> dict[str, str]:
    """Return the cookies of a Cookie field; the first one of each name.

    A client sends the most specific one first, with the longest path (RFC 6265bis section 5.8.3).
    Values are decoded, names are not.
    """
    cookies: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        # SECURITY: tests/message/test_cookies.py: other characters that str.strip() would remove are part of the name,
        # as in browsers, so that no other name can turn into one with a prefix.
        name, value = name.strip(_BLANKS), value.strip(_BLANKS)
        if equals and name and name not in cookies:
            cookies[name] = _read(value)
    return cookies


def _read(value: str) -> str:
    """Decode a value: one of ours, one encoded by a script, or one quoted by another server."""
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    if not is_quoted and "%" not in value and value.isascii():
        return value
    try:
        data = value.encode("latin-1")  # as it was sent
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogatepass")
    if is_quoted:
        data = _ESCAPE.sub(_unescaped, data[1:-1])
    elif _PERCENT_ENCODED.fullmatch(data):
        try:
            return unquote_to_bytes(data).decode()
        except UnicodeDecodeError:  # not percent-encoded text
            return value
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unescaped(found: re.Match[bytes]) -> bytes:
    r"""Return the byte for `\054` or `\"`, as Python's http.cookies writes them in a quoted value."""
    octal, letter = found.groups()
    return bytes([int(octal, 8)]) if octal else letter


def write_cookie(name: str, value: str, options: CookieOptions) -> tuple[str, bool]:
    """Return the value of a Set-Cookie field, and whether it gets `Secure` if the response is sent over https.

    Raises InvalidResponse for an invalid cookie.
    """
    written = _written(name, value)
    if len(name) + len(written) > _MAX_LENGTH:
        raise InvalidResponse(f"the cookie {name!r} is over {_MAX_LENGTH} bytes; browsers would drop it")
    chosen = astuple(options)
    try:
        attributes, depends_on_scheme = _attributes(name, *chosen)
    except TypeError:  # one of them has no hash, so it is of a wrong type
        attributes, depends_on_scheme = _attributes.__wrapped__(name, *chosen)
    return f"{name}={written}; {attributes}", depends_on_scheme


# PERF: benchmarks/sessions.py: a site has few cookies, and their attributes do not change. `typed`: 1 is not True.
@functools.lru_cache(128, typed=True)
def _attributes(name: str, *chosen: Any) -> tuple[str, bool]:
    """Return what stands behind the value, and whether `Secure` depends on the scheme, for the values of options."""
    options = CookieOptions(**dict(zip(CookieOptions.__struct_fields__, chosen, strict=True)))
    _check_kinds(name, options)
    seconds, expires = _seconds(name, options.max_age), _date(name, options.expires)
    if mistake := _mistake_in(name, options):
        raise InvalidResponse(f"the cookie {name!r} {mistake}")
    attributes = {
        f"Path={options.path}": True,
        f"Domain={options.domain}": bool(options.domain),
        f"Max-Age={seconds}": seconds is not None,
        f"Expires={expires}": bool(expires),
        "Secure": bool(options.secure) or bool(_must_be_secure(name, options)),
        "HttpOnly": options.http_only,
        # In a frame of another site, where partitioned cookies are used, browsers ignore SameSite=Lax.
        f"SameSite={options.same_site or ('None' if options.partitioned else 'Lax')}": True,
        "Partitioned": options.partitioned,
    }
    written = "; ".join(attribute for attribute, is_wanted in attributes.items() if is_wanted)
    return written, options.secure is None and not _must_be_secure(name, options)


def cookie_key(line: str) -> tuple[str, str, str, bool]:
    """Return the key of a cookie: browsers store one for each name, domain, path and partition."""
    name, *attributes = (each.strip(_BLANKS) for each in line.split(";"))
    found = {key.lower(): what for key, _, what in (each.partition("=") for each in attributes)}
    domain = found.get("domain", "").lower().removeprefix(".")
    return name.partition("=")[0], domain, found.get("path", ""), "partitioned" in found


def _written(name: object, value: object) -> str:
    if not isinstance(name, str) or not is_token(name):
        raise InvalidResponse(f"{name!r} is not a valid name for a cookie; use letters, digits, - and _")
    if not isinstance(value, str):
        hint = {int: f"str({value!r})", bytes: "its .decode()", type(None): "delete_cookie to delete it"}
        instead = hint.get(type(value), "json.dumps(...), or another conversion to text")
        raise InvalidResponse(f"the cookie {name!r} can't hold a {type(value).__name__}, only text; write {instead}")
    if value.__class__ is str and _is_plain(value):  # PERF: benchmarks/sessions.py: quote() takes three times as long
        return value
    try:
        return quote(value, safe=_AS_IT_IS)
    except UnicodeEncodeError:
        raise InvalidResponse(f"the cookie {name!r} can't hold half of a surrogate pair: {value!r}") from None


def _check_kinds(name: str, options: CookieOptions) -> None:
    for option, kind, hint in (
        ("path", str, 'a text like "/"'),
        ("domain", str, 'a text like "example.org"; leave it out for only this host'),
        ("secure", bool | None, "True or False; leave it out to set it if the response is sent over https"),
        ("http_only", bool, "True or False"),
        ("partitioned", bool, "True or False"),
        ("same_site", str, '"Lax", "Strict" or "None"'),
    ):
        if not isinstance(given := getattr(options, option), kind):
            raise InvalidResponse(f"the cookie {name!r} can't have {option}={given!r}; it takes {hint}")


def _mistake_in(name: str, options: CookieOptions) -> str:
    # SECURITY: tests/message/test_cookies.py: a semicolon or a line end would start another attribute, or field
    if not _PATH.fullmatch(options.path) or len(options.path) > _MAX_ATTRIBUTE_LENGTH:
        return f"can't have the path {options.path!r}; it starts with / and is ASCII"
    if options.domain and (not _DOMAIN.fullmatch(options.domain) or len(options.domain) > 253):
        return f"can't have the domain {options.domain!r}; write it like example.org"
    if _has_prefix(name, "__host-") and (options.domain or options.path != "/"):
        return "must have no domain and the path /, because of its prefix"
    if options.same_site not in _SAME_SITE:
        return f'can\'t have same_site={options.same_site!r}; it takes "Lax", "Strict" or "None"'
    if options.secure is False and (why := _must_be_secure(name, options)):
        return f"can't have secure=False, because of {why}; leave it out"
    return ""


def _must_be_secure(name: str, options: CookieOptions) -> str:
    """Return why browsers require the cookie to be `Secure`, "" if they don't."""
    if _has_prefix(name, "__secure-") or _has_prefix(name, "__host-"):
        return "its prefix"
    if options.same_site == "None":
        return 'same_site="None"'
    return "partitioned=True" if options.partitioned else ""


def _has_prefix(name: str, prefix: str) -> bool:
    return name[: len(prefix)].lower() == prefix  # case-insensitive, as in browsers


def _seconds(name: str, max_age: object) -> int | None:
    if isinstance(max_age, timedelta):
        max_age = math.ceil(max_age.total_seconds())  # rounding half a second down would delete the cookie
    is_whole = isinstance(max_age, int) and not isinstance(max_age, bool)
    if max_age is None or (is_whole and abs(max_age) <= _MAX_SECONDS):  # type: ignore[arg-type]  # it is an int
        return max_age  # type: ignore[return-value]  # as above
    given = "that many seconds" if is_whole else f"max_age={max_age!r}"
    raise InvalidResponse(
        f"the cookie {name!r} can't have {given}; it takes max_age as an int up to {_MAX_SECONDS}, or a timedelta"
    )


def _date(name: str, when: object) -> str:
    if when is None:
        return ""
    if not isinstance(when, datetime):
        hint = "it must be a datetime with a time zone; for seconds, or a timedelta, use max_age=..."
        raise InvalidResponse(f"the cookie {name!r} can't have expires={when!r}; {hint}")
    if when.tzinfo is None:
        raise InvalidResponse(
            f"the cookie {name!r} has an expires without a time zone; write datetime(..., tzinfo=UTC)"
        )
    try:
        return format_date(when.astimezone(UTC).timetuple())
    except OverflowError:
        raise InvalidResponse(f"the cookie {name!r} can't have expires={when!r}: it is out of range in UTC") from None
