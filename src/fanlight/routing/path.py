"""Split a request's path into decoded segments, and join segments to a path.

In: the path as it was sent, still percent-encoded. Out: its segments, each decoded exactly once and after the split, so
that an encoded slash stays inside its segment (RFC 3986 section 2.4). Refuses invalid percent-encoding, bytes that are
not UTF-8, and NUL.

A path with dot-segments (`..`, also encoded, also after an encoded slash or a backslash) is valid but UNMATCHABLE: no
view ever gets such a value, so a view may append a parameter to the name of a folder.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

UNMATCHABLE = [""]  # for a path with dot-segments: the one list of segments that no pattern matches

_INVALID = re.compile("%(?![0-9A-Fa-f]{2})|%00")
_SLASHES = re.compile(r"[/\\]")
_SAFE = "!$&'()*+,;=:@"  # what RFC 3986 allows in a segment beside letters, digits and -._~
# A segment that is its own decoded text, and the only form in which that text is sent; no dot-segment.
is_plain_segment = re.compile(r"(?!\.\.?\Z)[A-Za-z0-9._~!$&'()*+,;=:@-]+").fullmatch


def has_dot_segments(text: str) -> bool:
    """Return whether a value would leave a folder to whose name it is appended."""
    if text[:1] in ("/", "\\"):
        return True
    return "." in text and not {".", ".."}.isdisjoint(_SLASHES.split(text))


def decode_path(raw_path: str) -> list[str] | None:
    """Return "" and the decoded segments, or None for an invalid path (400)."""
    # PERF: benchmarks/routing.py; a path without any of these is its own decoded form, and has no dot-segments.
    if not ("%" in raw_path or "/." in raw_path or "\\" in raw_path) and raw_path.isascii():
        segments = raw_path.split("/")
        return segments if raw_path and not segments[0] else None
    if not raw_path.startswith("/") or not raw_path.isascii() or _INVALID.search(raw_path):
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
    """Return a path as a browser sends it: what the user has encoded stays, the rest is encoded."""
    return quote(typed, safe=_SAFE + '%/\\?#[]{}|<>^`"', errors="surrogatepass")


def encode_path(segments: list[str]) -> str:
    """Return the path that decodes to these segments (without the leading "").

    Everything that RFC 3986 does not allow in a segment is encoded: a slash, a backslash, a line end.
    """
    # SECURITY: tests/routing/test_redirect.py::test_no_redirect_leaves_the_site
    return "/" + "/".join([quote(segment, safe=_SAFE) for segment in segments])
