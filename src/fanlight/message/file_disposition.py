"""The `content-disposition` of a download: a file name, as every client reads it.

In: the name. Out: the value of the field. Refuses, as InvalidResponse, what is no name.
"""

from __future__ import annotations

from urllib.parse import quote

from fanlight.errors import InvalidResponse
from fanlight.lazy_pattern import lazy_pattern

_CONTROL = lazy_pattern(r"[\x00-\x1f\x7f]")
_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1, besides letters and digits


def content_disposition(name: str) -> str:
    """Return the `content-disposition` for a download under a name (RFC 6266, appendix D; RFC 8187).

    Raises InvalidResponse for an empty name, and for one with control characters.
    """
    if not name.strip() or _CONTROL.search(name):
        raise InvalidResponse(f"{name!r} is not a valid file name; it must not be empty or contain control characters")
    name = name.replace("/", "_").replace("\\", "_")
    # Some clients decode %41 here, and they disagree on backslashes, so neither is sent.
    plain = name.encode("ascii", "replace").decode().translate(str.maketrans('?"%', "___"))
    line = f'attachment; filename="{plain}"'
    if plain != name:
        try:
            line += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
        except UnicodeEncodeError:
            raise InvalidResponse(f"the file name contains half of a surrogate pair: {name!r}") from None
    return line
