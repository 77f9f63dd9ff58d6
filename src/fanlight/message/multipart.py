"""multipart/form-data: text fields and files (RFC 7578), by the `multipart` library.

In: a file with the content, and the boundary. Out: pairs of name and text, or name and `Upload`.
Refuses malformed parts with 400 and parts over a limit with 413. A client's file name is never used
as a path.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from multipart import (  # type: ignore[import-untyped]  # it comes without types
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from fanlight.errors import BadRequest, ContentTooLarge
from fanlight.message.form import FormLimits, MultiMapping

READ_BYTES = 64 * 1024


class Upload:
    """A file that was posted; `file` is open at its beginning, and gone when the answer is out."""

    __slots__ = ("file", "filename", "media_type", "name", "size")

    def __init__(self, name: str, filename: str, media_type: str, file: BinaryIO, size: int) -> None:
        """Keep what the part said; `filename` is its last segment only, and may be empty."""
        self.name, self.filename, self.media_type = name, filename, media_type
        self.file, self.size = file, size

    def save_to(self, path: Path | str) -> Path:
        """Write the file where the app says, never where the client says; return the path.

        Raises FileExistsError rather than overwrite, and OSError when there is no room.
        """
        target = Path(path)
        self.file.seek(0)
        with target.open("xb") as out:
            try:
                shutil.copyfileobj(self.file, out, READ_BYTES)
            except BaseException:
                out.close()
                target.unlink()
                raise
        return target

    def __repr__(self) -> str:
        return f"Upload({self.name!r}, {self.filename!r}, {self.media_type!r}, {self.size} bytes)"


class Form(MultiMapping["str | Upload"]):
    """The fields of a posted form."""

    __slots__ = ()

    def close(self) -> None:
        """Delete the files that came with it."""
        for _, value in self.pairs():
            if isinstance(value, Upload):
                _delete(value.file)


def read_multipart(file: BinaryIO, content_type: str, limits: FormLimits) -> list[tuple[str, str | Upload]]:
    """Return the fields of a multipart form. Raises BadRequest or ContentTooLarge."""
    boundary = parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise BadRequest("the multipart form has no boundary")
    reader = _Reader(limits)
    try:
        with PushMultipartParser(
            boundary,
            max_header_size=limits.header_bytes,
            max_segment_count=limits.fields + limits.files,
        ) as parser:
            while not parser.closed:
                for each in parser.parse(file.read(READ_BYTES)):
                    reader.take(each)
    except ParserError as error:
        reader.close()
        raise BadRequest(f"the multipart form is malformed: {error}") from None
    except ParserLimitReached as error:
        reader.close()
        raise ContentTooLarge(f"the multipart form is over a limit: {error}") from None
    except BaseException:
        reader.close()
        raise
    return reader.pairs


class _Reader:
    """Collects the parts of one form."""

    def __init__(self, limits: FormLimits) -> None:
        self.pairs: list[tuple[str, str | Upload]] = []
        self._limits = limits
        self._segment: MultipartSegment | None = None
        self._text = bytearray()
        self._file: BinaryIO | None = None
        self._files = 0

    def take(self, each: MultipartSegment | bytes | bytearray | None) -> None:
        """Take a part's head, a piece of it, or its end."""
        if isinstance(each, MultipartSegment):
            self._begin(each)
        elif each is None:
            self._end()
        elif self._file is not None:
            self._file.write(each)
        else:
            self._text += each
            if len(self._text) > self._limits.field_bytes:
                raise ContentTooLarge(f"a field of the form is over {self._limits.field_bytes} bytes")

    def _begin(self, segment: MultipartSegment) -> None:
        if segment.disposition != "form-data" or not segment.name:
            raise BadRequest("a part of the multipart form has no name")
        self._segment = segment
        self._text.clear()
        if segment.filename is None:
            return
        self._files += 1
        if self._files > self._limits.files:
            raise ContentTooLarge(f"there are over {self._limits.files} files in the form")
        spooled = tempfile.SpooledTemporaryFile(max_size=self._limits.memory_bytes)  # noqa: SIM115 - closed with the form
        self._file = cast("BinaryIO", spooled)

    def _end(self) -> None:
        segment, file = self._segment, self._file
        self._segment = self._file = None
        if segment is None:
            return
        if file is None:
            try:
                self.pairs.append((segment.name, bytes(self._text).decode()))
            except UnicodeDecodeError:
                raise BadRequest(f"the field {segment.name!r} is not UTF-8") from None
            return
        size = file.tell()
        file.seek(0)
        filename = last_segment(segment.filename or "")
        self.pairs.append((segment.name, Upload(segment.name, filename, segment.content_type or "", file, size)))

    def close(self) -> None:
        """Delete what has come so far."""
        if self._file is not None:
            _delete(self._file)
        Form(self.pairs).close()


def _delete(file: BinaryIO) -> None:
    """Close a temporary file; that its last bytes found no room any more matters to nobody."""
    with contextlib.suppress(OSError):
        file.close()


def last_segment(filename: str) -> str:
    """Return the last segment of a client's file name, without what a file system could take amiss."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isprintable()).strip(". ")
    # SECURITY: tests/message/test_request.py: never a path, never hidden, never too long
    return os.fsdecode(os.fsencode(name)[:255])
