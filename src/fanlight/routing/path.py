"""Split a request's path into decoded segments, and write segments as a path again.

In: the path as it was sent, still percent-encoded. Out: its segments, each decoded exactly once
and after the split, so an encoded slash stays inside its segment (RFC 3986 section 2.4).
Refuses broken percent-encoding, bytes that are not UTF-8, and NUL. Knows nothing of routes.

A path whose segments climb (`..`, also encoded, also hidden behind an encoded slash or a
backslash) is valid but leads NOWHERE: no route ever sees such a value, so a view may put a
parameter behind a folder's name.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

UNMATCHABLE = [""]  # what a climbing path becomes: the one list of segments that no pattern matches

_BROKEN = re.compile("%(?![0-9A-Fa-f]{2})|%00")
_SLASHES = re.compile(r"[/\\]")
_SAFE = "!$&'()*+,;=:@"  # what RFC 3986 allows in a segment beside letters, digits and -._~


def has_dot_segments(text: str) -> bool:
    """Say whether a value would leave a folder that it is put behind."""
    if text[:1] in ("/", "\\"):
        return True
    return "." in text and not {".", ".."}.isdisjoint(_SLASHES.split(text))


def decode_path(raw_path: str) -> list[str] | None:
    """Return the decoded segments behind a leading "", or None for a path that is no path (400)."""
    if not raw_path.startswith("/") or not raw_path.isascii() or _BROKEN.search(raw_path):
        return None
    try:
        segments = [
            unquote_to_bytes(segment).decode() if "%" in segment else segment for segment in raw_path.split("/")
        ]
    except UnicodeDecodeError:
        return None
    # SECURITY: tests/routing/test_path.py::test_a_climbing_path_leads_nowhere
    return UNMATCHABLE if any(map(has_dot_segments, segments)) else segments


def browser_path(typed: str) -> str:
    """Return a path as a browser sends what its user types: what is encoded stays, the rest is encoded."""
    return quote(typed, safe=_SAFE + '%/\\?#[]{}|<>^`"', errors="surrogatepass")


def encode_path(segments: list[str]) -> str:
    """Return the path that decodes to these segments (without the leading "").

    Everything that RFC 3986 does not allow in a segment is encoded: a slash, a backslash, a line end.
    """
    # SECURITY: tests/routing/test_redirect.py::test_no_redirect_leaves_the_site
    return "/" + "/".join([quote(segment, safe=_SAFE) for segment in segments])
