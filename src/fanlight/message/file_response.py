"""Respond with a file.

In: a path. Out: a response with validators (RFC 9110 section 8.8), whose content the server sends with `sendfile`.
Raises OSError for a file that can't be read, or is not a regular file.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from os import stat_result
from pathlib import Path

from fanlight.message.file_content import FileContent, Span, open_regular
from fanlight.message.file_disposition import content_disposition
from fanlight.message.headers import MutableHeaders, Pair
from fanlight.message.http_date import write_date
from fanlight.message.media_types import OCTET_STREAM, media_type_by_name
from fanlight.message.response import Response
from fanlight.message.uploaded_files import safe_type, uploaded_fields

MTIME_STABLE_SECONDS = 2.0  # a file that was changed later can change again without a new mtime


class FileResponse(Response):
    """A response whose content is a file; `modified` is its modification time, in seconds since 1970."""

    __slots__ = ("modified",)

    modified: int

    def send_parts(self, content: FileContent, pieces: Sequence[bytes | Span]) -> None:
        """Send only parts of the file, with status 206."""
        self.status = 206
        self.content = parts = FileContent(content.file, pieces)
        self.length = parts.length


class PrebuiltFields(tuple[Pair, ...]):  # noqa: SLOT001 - a tuple can have no slots
    """Fields that are sent again and again; the wire keeps the head that it makes of them with them, as `head`."""

    head: tuple[int, bytes] = (0, b"")  # the status, and its line with those of the fields


class PrebuiltResponse(FileResponse):
    """A response with prebuilt fields, for content that is served again and again; accessing `headers` copies them.

    `prebuilt` is the same each time, of fields that were checked before; of `PrebuiltFields` the wire writes the lines
    once. With `replaces` some of them replace fields that the server adds to all responses.
    """

    # PERF: benchmarks/run.py: neither checks its fields again nor makes an object for them.
    __slots__ = ("_prebuilt",)

    def __init__(  # noqa: PLR0913 - given by name, for each file
        self,
        content: bytes | FileContent,
        prebuilt: tuple[Pair, ...],
        *,
        media_type: str,
        length: int,
        modified: int,
        status: int = 200,
        replaces: bool = False,
    ) -> None:
        self.content = content
        self.status = status
        self.media_type = media_type
        self._length = length
        self.modified = modified
        self.own_headers = None
        self._prebuilt = prebuilt
        if replaces:
            self.headers  # noqa: B018 - which fields are replaced is known to those that can be changed

    @property
    def headers(self) -> MutableHeaders:
        """The header fields, which can be changed."""
        if self.own_headers is None:
            self.own_headers = MutableHeaders()
            self.own_headers.load_checked(self._prebuilt)
        return self.own_headers

    def copy(self) -> PrebuiltResponse:
        """Return a copy with the same content, status and fields."""
        made = PrebuiltResponse(
            self.content,  # type: ignore[arg-type]  # as it was made
            self._prebuilt,
            media_type=self.media_type,
            length=self._length or 0,
            modified=self.modified,
            status=self.status,
        )
        made.own_headers = None if self.own_headers is None else self.own_headers.copy()
        return made

    def fields(self) -> Sequence[Pair]:
        """Return the fields for the wire."""
        return self._prebuilt if self.own_headers is None else self.own_headers.pairs()


def file_response(
    path: Path | str,
    *,
    download_as: str | None = None,
    media_type: str | None = None,
    encoding: str | None = None,
    headers: Mapping[str, str] | None = None,
    uploaded: bool = False,
) -> FileResponse:
    """Return a response with the content of a file, which browsers can cache and resume.

    With `download_as` a browser saves the file under that name instead of showing it. The default media type is
    that of the path's extension, or of that of `download_as`. `encoding` is the content coding of a compressed file.
    `uploaded`: a visitor has sent it, so it is sent like the files of `Static(..., uploads=True)`: images, sound and
    films as they are, anything else as a download.
    Raises OSError if the file can't be read, FileNotFoundError if it is not a regular file, InvalidResponse for an
    invalid `download_as`.
    """
    disposition = None if download_as is None else content_disposition(download_as)
    file, status = open_regular(path)
    size = status.st_size
    media_type = media_type or _media_type_of(str(path), download_as or "")
    media_type = safe_type(media_type) if uploaded else media_type
    response = FileResponse(FileContent(file, (Span(0, size),)), media_type=media_type, length=size)
    now = time.time()
    fields = response.headers
    # RFC 9110 section 8.8.2.1: never later than `date`, which may be a second old.
    fields["last-modified"] = write_date(int(min(status.st_mtime, now - 1)))
    fields["etag"] = etag_of(status, now)
    fields["accept-ranges"] = "bytes"
    response.modified = int(status.st_mtime)
    if encoding is not None:
        fields["content-encoding"] = encoding
    if uploaded:
        fields.update(dict(uploaded_fields(media_type, Path(path).name)))
    if disposition is not None:
        fields["content-disposition"] = disposition
    if headers is not None:
        fields.update(headers)
    return response


def _media_type_of(*names: str) -> str:
    return next((kind for kind in map(media_type_by_name, names) if kind != OCTET_STREAM), OCTET_STREAM)


def etag_of(status: stat_result, now: float) -> str:
    """Return the entity tag of a file; it is weak while the file can still change without a new mtime."""
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    return tag if now - status.st_mtime >= MTIME_STABLE_SECONDS else f"W/{tag}"
