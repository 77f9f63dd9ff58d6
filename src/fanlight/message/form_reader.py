"""Parse multipart/form-data (RFC 7578) with the `multipart` library.

In: the content, complete or in pieces as it is received. Out: pairs of name and text, or name and `Upload`.
Refuses malformed parts with 400, and what exceeds a limit with 413, as soon as it is parsed. Until the form is
complete, memory is bounded by `FormLimits.memory_bytes`; then its texts are in memory too.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from multipart import (  # type: ignore[import-untyped]  # it comes without types
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
)

from fanlight.errors import BadRequest, ContentTooLarge
from fanlight.message.body_policy import FormLimits, limit_error
from fanlight.message.charset import decode_text
from fanlight.message.part_header import boundary_of, read_part_head
from fanlight.message.spool import Spool
from fanlight.message.temporary_files import close, open_unnamed
from fanlight.message.upload import Upload, close_files, last_segment

BIG_BYTES = 512 * 1024  # larger uploads have a temporary file of their own


class _Part:
    """A part of a form that is being received; its name, file name, type and text are in the spool."""

    # `type_bytes` is the length of a file's media type, or of a text's charset.
    __slots__ = ("file", "filename_bytes", "name_bytes", "size", "spooled", "type_bytes")

    def __init__(self, name_bytes: int, filename_bytes: int | None, type_bytes: int) -> None:
        self.name_bytes, self.filename_bytes, self.type_bytes = name_bytes, filename_bytes, type_bytes
        self.size = self.spooled = 0  # bytes received, and how many of them are in the spool
        self.file: BinaryIO | None = None  # with all of its bytes, for a file of over BIG_BYTES


class FormReader:
    """Parses one form.

    Names, texts and small files are kept in one spool, each big file in a file of its own. So a client that sends
    slowly costs one spool, and one file descriptor per `BIG_BYTES` sent.
    """

    def __init__(self, content_type: str, limits: FormLimits) -> None:
        self._content_type, self._limits = content_type, limits
        self._parser: PushMultipartParser | None = None
        self._parts: list[_Part] = []
        self._pairs: list[tuple[str, str | Upload]] = []
        self._spool = Spool(limits.memory_bytes)
        self._texts = self._files = self._text_bytes = 0
        self._names_charset: int | None = None  # index of the field `_charset_`

    def feed(self, piece: bytes | bytearray) -> None:
        """Parse a piece. Raises BadRequest or ContentTooLarge, and OSError if the disk is full."""
        try:
            parser = self._parser
            if parser is None:
                parser = self._parser = self._new_parser()
            if not parser.closed:
                for each in parser.parse(piece):
                    self._take(each)
        except ParserLimitReached as error:
            raise ContentTooLarge(f"the multipart form is over a limit: {error}") from None
        except ParserError as error:
            raise BadRequest(f"the multipart form is malformed: {error}") from None

    def end(self) -> list[tuple[str, str | Upload]]:
        """Return all fields. Raises BadRequest for a form without its end, and OSError if the disk is full."""
        try:
            parser = self._new_parser() if self._parser is None else self._parser
            parser.close()
        except ParserError as error:
            raise BadRequest(f"the multipart form is malformed: {error}") from None
        charset = self._common_charset()
        start, memory_left = 0, self._limits.memory_bytes
        while self._parts:
            part = self._parts[0]
            name, start = self._text(start, part.name_bytes)
            filename, start = self._text(start, part.filename_bytes or 0)
            kind, start = self._text(start, part.type_bytes)
            if part.filename_bytes is None:
                self._pairs.append((name, self._value(name, start, part.size, kind or charset)))
            else:
                file = self._file(part, start, memory_left)
                memory_left -= part.size if isinstance(file, BytesIO) else 0
                self._pairs.append((name, Upload(name, last_segment(filename), kind, file, part.size)))
            start += part.spooled
            del self._parts[0]
        self._spool.close()
        return self._pairs

    def texts(self) -> list[tuple[str, str]]:
        """Return the texts that are complete so far, so that the form can be shown again with them."""
        found = []
        for part, start in zip(self._parts[:-1], self._starts(), strict=False):
            name, start = self._text(start, part.name_bytes)  # noqa: PLW2901 - moved past the name
            if part.filename_bytes is None:
                found.append((name, self._spool.read_at(start + part.type_bytes, part.size).decode("utf-8", "replace")))
        return found

    def close(self) -> None:
        """Delete the files received so far."""
        for part in self._parts:
            if part.file is not None:
                close(part.file)
        self._parts.clear()
        self._spool.close()
        close_files(value for _, value in self._pairs)

    # --- while it is received ---------------------------------------------------------------

    def _new_parser(self) -> PushMultipartParser:
        limits, boundary = self._limits, boundary_of(self._content_type)
        # One more than allowed in all, so that the check here is the one that fails: it names the limit.
        max_parts = limits.fields + limits.files + 1
        # latin-1 keeps every byte of a part's header; `read_part_head` decodes it.
        return PushMultipartParser(
            boundary, max_header_size=limits.header_bytes, max_segment_count=max_parts, header_charset="latin-1"
        )

    def _take(self, each: MultipartSegment | bytes | bytearray | None) -> None:
        """Process the header of a part, a piece of its content, or its end (None)."""
        if isinstance(each, MultipartSegment):
            self._begin(each)
        elif each is None:
            file = self._parts[-1].file
            if file is not None:
                file.flush()  # so that a full disk is an error now, not when the view reads
        elif self._parts[-1].filename_bytes is None:
            self._take_text(self._parts[-1], each)
        else:
            self._take_file(self._parts[-1], each)

    def _begin(self, segment: MultipartSegment) -> None:
        head, limits = read_part_head(segment.headerlist), self._limits
        if head.filename is None:
            self._texts += 1
            if head.name == "_charset_":
                self._names_charset = len(self._parts)
            if self._texts > limits.fields:
                raise limit_error(f"there are over {limits.fields} fields in the form", "fields")
        else:
            self._files += 1
            if self._files > limits.files:
                raise limit_error(f"there are over {limits.files} files in the form", "files", head.name)
        third = head.charset if head.filename is None else head.kind
        name, filename, kind = (text.encode("utf-8", "replace") for text in (head.name, head.filename or "", third))
        self._spool.write(name + filename + kind)
        self._parts.append(_Part(len(name), None if head.filename is None else len(filename), len(kind)))

    def _take_text(self, part: _Part, piece: bytes | bytearray) -> None:
        part.size += len(piece)
        self._text_bytes += len(piece)
        limits = self._limits
        if part.size > limits.field_bytes:
            what = f"a field of the form is over {limits.field_bytes} bytes"
            raise limit_error(what, "field_bytes", self._last_name())
        if self._text_bytes > limits.text_bytes:
            raise limit_error(f"the texts of the form are over {limits.text_bytes} bytes", "text_bytes")
        part.spooled = part.size
        self._spool.write(piece)

    def _take_file(self, part: _Part, piece: bytes | bytearray) -> None:
        part.size += len(piece)
        max_bytes = self._limits.file_bytes
        if max_bytes is not None and part.size > max_bytes:
            raise limit_error(f"a file of the form is over {max_bytes} bytes", "file_bytes", self._last_name())
        if part.file is None and part.size > BIG_BYTES:
            part.file = open_unnamed()
            part.file.write(self._spool.cut(part.spooled))
            part.spooled = 0
        if part.file is not None:
            part.file.write(piece)
        else:
            self._spool.write(piece)
            part.spooled = part.size

    def _starts(self) -> Iterator[int]:
        """Yield the position in the spool of each part."""
        start = 0
        for part in self._parts:
            yield start
            start += part.name_bytes + (part.filename_bytes or 0) + part.type_bytes + part.spooled

    def _last_name(self) -> str:
        *_, start = self._starts()
        return self._text(start, self._parts[-1].name_bytes)[0]

    # --- when it is complete ---------------------------------------------------------------

    def _text(self, start: int, size: int) -> tuple[str, int]:
        return (self._spool.read_at(start, size).decode() if size else ""), start + size

    def _value(self, name: str, start: int, size: int, charset: str) -> str:
        try:
            return decode_text(self._spool.read_at(start, size), charset)
        except BadRequest as error:
            what = "is not UTF-8" if charset == "utf-8" else f"has charset={charset[:40]}: {error.detail}"
            raise BadRequest(f"the field {name!r} {what}") from None

    def _common_charset(self) -> str:
        """Return the charset of texts that name none: the value of the field `_charset_` (RFC 7578, 4.6), or UTF-8."""
        if self._names_charset is None:
            return "utf-8"
        part, start = self._parts[self._names_charset], list(self._starts())[self._names_charset]
        start += part.name_bytes + part.type_bytes
        return self._spool.read_at(start, part.size).decode("ascii", "replace").strip() or "utf-8"

    def _file(self, part: _Part, start: int, memory_left: int) -> BinaryIO:
        file = part.file
        if file is None:
            content = self._spool.read_at(start, part.size)
            if part.size <= memory_left:
                return BytesIO(content)
            file = part.file = open_unnamed()
            file.write(content)
            file.flush()
        file.seek(0)
        return file
