"""The target of a redirect, as the value of `Location` (RFC 9110 section 10.2.2).

In: a path of this site, or a complete URL, from the app. Out: the same, percent-encoded where necessary. Refuses what
browsers read as another target than it seems to be (WHATWG URL standard: a backslash is a slash, "//" starts a host,
"https:host" has one, spaces and line ends at the start are dropped), and schemes that run a script. For targets that
come from a request, see `safe_target`.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from fanlight.errors import InvalidResponse
from fanlight.lazy_pattern import lazy_pattern

# The first pattern that matches gives the reason.
_WRONG = tuple(
    (lazy_pattern(pattern), reason)
    for pattern, reason in (
        (r"\Z", 'it is empty; write "/" for the front page'),
        (r"[^\x00-\x1f\x7f]*[\x00-\x1f\x7f]", "it contains a control character, which browsers drop"),
        (r"\s", "it starts with a space, which browsers drop; remove it"),
        (r"[^?#]*\\", "browsers read a backslash as a slash, so a host may follow; write / or %5C"),
        (r"//", "browsers read // as the start of a host; write its scheme too, or a single /"),
    )
)
_SCHEME = lazy_pattern(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB = ("http", "https")
_REFUSED = ("javascript", "vbscript", "data", "blob", "file", "filesystem", "view-source")
# SECURITY: tests/message/test_location.py: no user name ("https://us.example@them.example"), and in a host no character
# that the URL standard forbids, or that browsers decode
_AUTHORITY = lazy_pattern(r"""//(?P<host>[^\s/?#@:\\<>^|%"`{}\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?(?=[/?#]|$)""")


def encode_location(to: object) -> str:
    """Return the value of `Location` for a target. Raises InvalidResponse, which says what to write instead."""
    if not isinstance(to, str):
        raise InvalidResponse(
            f"the target of a redirect is text, not a {type(to).__name__}; for a view write request.url_for(view)"
        )
    if wrong := _error_in(to):
        raise InvalidResponse(f"{to[:200]!r} can't be the target of a redirect: {wrong}")
    try:
        return percent_encode(to)
    except UnicodeEncodeError:
        raise InvalidResponse(
            f"{to[:200]!r} can't be the target of a redirect: it has half of a surrogate pair"
        ) from None


def percent_encode(url: str) -> str:
    """Percent-encode the characters that are not allowed in a URL, and no others."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]")


def _error_in(to: str) -> str:
    for pattern, reason in _WRONG:
        if pattern.match(to):
            return reason
    scheme = _SCHEME.match(to)
    name = scheme[1].lower() if scheme is not None else ""
    if name in _REFUSED:
        return f"{name}: is not allowed in a redirect"
    if name in _WEB and not _has_one_host(to[len(name) + 1 :]):
        return "browsers may read another host in it; write https://host/path, without a user name"
    return ""


def _has_one_host(rest: str) -> bool:
    found = _AUTHORITY.match(rest)
    # Some letters become "/" or "@" when a host is converted to ASCII (UTS #46).
    return found is not None and not set(unicodedata.normalize("NFKC", found["host"])) & set("/?#@\\%")
