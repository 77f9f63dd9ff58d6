"""Where a redirect leads, as the value of `Location` (RFC 9110 section 10.2.2).

In: a path of this site, or a whole URL, of the app's own making. Out: the same, percent-encoded where it must be.
Refuses what a browser reads as another place than it seems to be (the URL standard of the WHATWG: a backslash
is a slash, "//" begins a host, "https:host" has one, blanks and line ends around it are not there), and what would run
as a script. Does not know the site: whether a URL that somebody else named is safe is asked of `safe_target`.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from fanlight.errors import InvalidResponse

# The first that matches says what is wrong.
_WRONG = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"\Z", 'it is empty; for the front page write "/"'),
        (r"[^\x00-\x1f\x7f]*[\x00-\x1f\x7f]", "it has a control character in it, which browsers leave out"),
        (r"\s", "browsers leave out the blank at its beginning; leave it out yourself"),
        (
            r"[^?#]*\\",
            "to browsers its backslash is a slash, and what is behind it may be another host; write / or %5C",
        ),
        (r"//", "to browsers // begins another host; write its scheme too, or a single /"),
    )
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB = ("http", "https")
_REFUSED = ("javascript", "vbscript", "data", "blob", "file", "filesystem", "view-source")
# SECURITY: tests/message/test_location.py: no user name ("https://us.example@them.example"), and in a host nothing
# that the URL standard forbids there, or that browsers decode
_AUTHORITY = re.compile(r"""//(?P<host>[^\s/?#@:\\<>^|%"`{}\[\]]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?(?=[/?#]|$)""")


def encode_location(to: object) -> str:
    """Return the value of `Location` for a target. Raises InvalidResponse, with what to write instead."""
    if not isinstance(to, str):
        raise InvalidResponse(
            f"a redirect leads to a text, not to a {type(to).__name__}; of a view, write request.url_for(view)"
        )
    if wrong := _wrong_with(to):
        raise InvalidResponse(f"a redirect can't lead to {to[:200]!r}: {wrong}")
    try:
        return quote(to, safe="%/:=&?~#+!$,;'@()*[]")
    except UnicodeEncodeError:
        raise InvalidResponse(f"a redirect can't lead to {to[:200]!r}: there is half a character in it") from None


def _wrong_with(to: str) -> str:
    for pattern, reason in _WRONG:
        if pattern.match(to):
            return reason
    scheme = _SCHEME.match(to)
    name = scheme[1].lower() if scheme is not None else ""
    if name in _REFUSED:
        return f"{name}: is no place that a site may send its visitors to"
    return _HINT if name in _WEB and not _has_one_host(to[len(name) + 1 :]) else ""


_HINT = "write it as https://host/path, without a user name; browsers may read another host in it"


def _has_one_host(rest: str) -> bool:
    found = _AUTHORITY.match(rest)
    # Some letters become "/" or "@" where a host is made ASCII (UTS #46).
    return found is not None and not set(unicodedata.normalize("NFKC", found["host"])) & set("/?#@\\%")
