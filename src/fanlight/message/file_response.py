"""Make an answer of a file.

In: a path. Out: a response that says which version it is (RFC 9110 section 8.8), and whose content the
server sends without reading it. Raises OSError for what can't be read, or is no file.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from os import stat_result
from pathlib import Path
from urllib.parse import quote

from fanlight.errors import InvalidResponse
from fanlight.message.file_content import FileContent, Span, open_regular
from fanlight.message.http_date import write_date
from fanlight.message.media_types import OCTET_STREAM, media_type_by_name
from fanlight.message.response import Response

MTIME_STABLE_SECONDS = 2.0  # a file that was changed so shortly ago may change again within one tick of its clock
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1, besides letters and digits


class FileResponse(Response):
    """An answer whose content is a file; `modified` is when that was last changed, in seconds since 1970."""

    __slots__ = ("modified",)

    modified: int


def file_response(
    path: Path | str,
    *,
    download_as: str | None = None,
    media_type: str | None = None,
    encoding: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> FileResponse:
    """Return an answer with the content of a file, and with what browsers need to keep it and to resume it.

    `download_as` has the browser save it under that name instead of showing it. The media type is that of
    its own name, or else of that one, unless it is said; `encoding` is what it is compressed by, where that is so.
    Raises OSError if it can't be read, FileNotFoundError if it is no regular file, InvalidResponse for a name
    that can't be one.
    """
    disposition = None if download_as is None else content_disposition(download_as)
    file, status = open_regular(path)
    size = status.st_size
    response = FileResponse(
        FileContent(file, (Span(0, size),)),
        media_type=media_type or _media_type_of(str(path), download_as or ""),
        length=size,
    )
    now = time.time()
    fields = response.headers
    # RFC 9110 section 8.8.2.1: never later than `date`, which is up to a second old.
    fields["last-modified"] = write_date(int(min(status.st_mtime, now - 1)))
    fields["etag"] = etag_of(status, now)
    fields["accept-ranges"] = "bytes"
    response.modified = int(status.st_mtime)
    if encoding is not None:
        fields["content-encoding"] = encoding
    if disposition is not None:
        fields["content-disposition"] = disposition
    if headers is not None:
        fields.update(headers)
    return response


def _media_type_of(*names: str) -> str:
    return next((kind for kind in map(media_type_by_name, names) if kind != OCTET_STREAM), OCTET_STREAM)


def etag_of(status: stat_result, now: float) -> str:
    """Return the entity tag of a file: a weak one while it may still change without one seeing it."""
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    return tag if now - status.st_mtime >= MTIME_STABLE_SECONDS else f"W/{tag}"


def content_disposition(name: str) -> str:
    """Return the field that has a browser save a file under a name (RFC 6266, appendix D; RFC 8187).

    Raises InvalidResponse for a name with control characters, or without any other.
    """
    if not name.strip() or _CONTROL.search(name):
        raise InvalidResponse(f"{name!r} is no name for a file; it needs characters, and none that are invisible")
    name = name.replace("/", "_").replace("\\", "_")
    # Old readers decode %41 here, and disagree on quoted pairs: neither is left for them.
    plain = name.encode("ascii", "replace").decode().translate(str.maketrans('?"%', "___"))
    line = f'attachment; filename="{plain}"'
    if plain != name:
        try:
            line += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
        except UnicodeEncodeError:
            raise InvalidResponse(f"the name of a file can't have half a character in it: {name!r}") from None
    return line
