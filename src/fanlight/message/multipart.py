"""multipart/form-data: text fields and files (RFC 7578), by the `multipart` library.

In: the content, whole or in pieces as it comes. Out: pairs of name and text, or name and `Upload`.
Refuses malformed parts with 400 and what is over a limit with 413, as soon as it is seen. While a form
comes it holds no more in memory than its limits say; when it is whole, its texts too.
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

from fanlight.errors import AppError, BadRequest, ContentTooLarge, HTTPError
from fanlight.message.body_policy import FormLimits
from fanlight.message.charset import decoded
from fanlight.message.content import SpooledContent
from fanlight.message.form import MultiMapping, over
from fanlight.message.part_header import boundary_of, read_part_head
from fanlight.message.temporary_files import Spool, close, open_unnamed
from fanlight.message.upload import Upload, last_segment

READ_BYTES = 256 * 1024
BIG_BYTES = 512 * 1024  # of a file that gets one of its own while the form comes
Field = tuple[str, str | Upload]


class Form(MultiMapping["str | Upload"]):
    """The fields of a posted form."""

    __slots__ = ()

    def close(self) -> None:
        """Delete the files that came with it."""
        for _, value in self.pairs():
            if isinstance(value, Upload):
                close(value.file)


class FormContent(SpooledContent):
    """A multipart form, read while it comes: each file is written once, to where it can be moved from."""

    __slots__ = ("_error", "_form", "_reader", "typed")

    def __init__(self, content_type: str, limits: FormLimits) -> None:
        """Begin before the first piece."""
        super().__init__(limits.memory_bytes, limits)
        self._reader = FormReader(content_type, limits)
        self._form: Form | None = None
        self._error: HTTPError | None = None
        self.typed: MultiMapping[str] = MultiMapping()  # the texts before the one that was refused

    def write(self, piece: bytes) -> bool:
        """Read a piece; True once the form is refused, and no more of it matters. Raises OSError."""
        self.size += len(piece)
        if self._error is None:
            try:
                self._reader.feed(piece)
            except HTTPError as error:
                self._error = error
                if isinstance(error, ContentTooLarge):
                    self.typed = MultiMapping(self._reader.texts())
                self._reader.close()
        return self._error is not None

    def form(self) -> Form:
        """Return the whole form. Raises BadRequest or ContentTooLarge."""
        if self._error is not None:
            raise self._error
        if self._form is None:
            self._form = Form(self._reader.end())
        return self._form

    def read(self) -> bytes:
        """Refuse: raises AppError."""
        raise AppError("the form was read while it came, so its raw content is not kept; take request.form")

    def open(self) -> BinaryIO:
        """Refuse: raises AppError."""
        raise AppError("the form was read while it came, so its raw content is not kept; take request.form")

    def close(self) -> None:
        """Delete the files that came with it."""
        self._reader.close()
        super().close()


def read_multipart(file: BinaryIO, content_type: str, limits: FormLimits) -> list[Field]:
    """Return the fields of a multipart form that is there as a whole. Raises BadRequest or ContentTooLarge."""
    reader = FormReader(content_type, limits)
    try:
        while piece := file.read(READ_BYTES):
            reader.feed(piece)
        return reader.end()
    except BaseException:
        reader.close()
        raise


class _Part:
    """What is known of a part while the form comes; all that a client can make long waits in the spool."""

    __slots__ = ("file", "filename_bytes", "name_bytes", "size", "spooled", "type_bytes")  # of a text: of its charset

    def __init__(self, name_bytes: int, filename_bytes: int | None, type_bytes: int) -> None:
        self.name_bytes, self.filename_bytes, self.type_bytes = name_bytes, filename_bytes, type_bytes
        self.size = self.spooled = 0  # bytes of it, and how many of them are in the spool
        self.file: BinaryIO | None = None  # all of it, if it is a big file


class FormReader:
    """Collects the parts of one form.

    While it comes it holds little: names, texts and small files are in one spool, each big file in a file of its
    own. So a client that sends slowly costs a spool, and a descriptor for each `BIG_BYTES` that it has sent.
    """

    def __init__(self, content_type: str, limits: FormLimits) -> None:
        """Begin before the first piece."""
        self._content_type, self._limits = content_type, limits
        self._parser: PushMultipartParser | None = None
        self._parts: list[_Part] = []
        self._pairs: list[Field] = []
        self._spool = Spool(limits.memory_bytes)
        self._texts = self._files = self._text_bytes = 0
        self._names_charset: int | None = None  # which part is the field `_charset_`

    def feed(self, piece: bytes) -> None:
        """Read a piece. Raises BadRequest or ContentTooLarge, and OSError when there is no room for a file."""
        try:
            parser = self._parser
            if parser is None:
                parser = self._parser = self._begun()
            if not parser.closed:
                for each in parser.parse(piece):
                    self._take(each)
        except ParserLimitReached as error:
            raise ContentTooLarge(f"the multipart form is over a limit: {error}") from None
        except ParserError as error:
            raise BadRequest(f"the multipart form is malformed: {error}") from None

    def end(self) -> list[Field]:
        """Return all fields. Raises BadRequest for a form that breaks off, and OSError when there is no room."""
        try:
            parser = self._begun() if self._parser is None else self._parser
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
        """Return the texts that have come whole so far, to be shown to the visitor again."""
        found = []
        for part, start in zip(self._parts[:-1], self._starts(), strict=False):
            name, start = self._text(start, part.name_bytes)  # noqa: PLW2901 - goes on behind the name
            if part.filename_bytes is None:
                found.append((name, self._spool.read(start + part.type_bytes, part.size).decode("utf-8", "replace")))
        return found

    def close(self) -> None:
        """Delete the files that have come so far."""
        for part in self._parts:
            if part.file is not None:
                close(part.file)
        self._parts.clear()
        self._spool.close()
        Form(self._pairs).close()

    # --- while it comes ---------------------------------------------------------------------

    def _begun(self) -> PushMultipartParser:
        limits, boundary = self._limits, boundary_of(self._content_type)
        # One more than there may be: which of the two limits it was, is said here.
        most = limits.fields + limits.files + 1
        # What is not UTF-8 in a head is ours to read, or to refuse: latin-1 leaves all bytes as they are.
        return PushMultipartParser(
            boundary, max_header_size=limits.header_bytes, max_segment_count=most, header_charset="latin-1"
        )

    def _take(self, each: MultipartSegment | bytes | bytearray | None) -> None:
        """Take a part's head, a piece of it, or its end."""
        if isinstance(each, MultipartSegment):
            self._begin(each)
        elif each is None:
            file = self._parts[-1].file
            if file is not None:
                file.flush()  # what there is no room for is told now, not when the view reads
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
                raise over(f"there are over {limits.fields} fields in the form", "fields")
        else:
            self._files += 1
            if self._files > limits.files:
                raise over(f"there are over {limits.files} files in the form", "files", head.name)
        third = head.charset if head.filename is None else head.kind
        name, filename, kind = (text.encode("utf-8", "replace") for text in (head.name, head.filename or "", third))
        self._spool.write(name + filename + kind)
        self._parts.append(_Part(len(name), None if head.filename is None else len(filename), len(kind)))

    def _take_text(self, part: _Part, piece: bytes | bytearray) -> None:
        part.size += len(piece)
        self._text_bytes += len(piece)
        limits = self._limits
        if part.size > limits.field_bytes:
            raise over(f"a field of the form is over {limits.field_bytes} bytes", "field_bytes", self._last_name())
        if self._text_bytes > limits.text_bytes:
            raise over(f"the texts of the form are over {limits.text_bytes} bytes", "text_bytes")
        part.spooled = part.size
        self._spool.write(piece)

    def _take_file(self, part: _Part, piece: bytes | bytearray) -> None:
        part.size += len(piece)
        most = self._limits.file_bytes
        if most is not None and part.size > most:
            raise over(f"a file of the form is over {most} bytes", "file_bytes", self._last_name())
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
        """Give for each part where in the spool it is."""
        start = 0
        for part in self._parts:
            yield start
            start += part.name_bytes + (part.filename_bytes or 0) + part.type_bytes + part.spooled

    def _last_name(self) -> str:
        *_, start = self._starts()
        return self._text(start, self._parts[-1].name_bytes)[0]

    # --- when it is whole ------------------------------------------------------------------

    def _text(self, start: int, size: int) -> tuple[str, int]:
        return (self._spool.read(start, size).decode() if size else ""), start + size

    def _value(self, name: str, start: int, size: int, charset: str) -> str:
        try:
            return decoded(self._spool.read(start, size), charset)
        except BadRequest as error:
            what = "is not UTF-8" if charset == "utf-8" else f"says charset={charset[:40]}: {error.detail}"
            raise BadRequest(f"the field {name!r} {what}") from None

    def _common_charset(self) -> str:
        """Return the charset of texts that name none: that of a field `_charset_` (RFC 7578, 4.6), or UTF-8."""
        if self._names_charset is None:
            return "utf-8"
        part, start = self._parts[self._names_charset], list(self._starts())[self._names_charset]
        said = self._spool.read(start + part.name_bytes + part.type_bytes, part.size).decode("ascii", "replace").strip()
        return said or "utf-8"

    def _file(self, part: _Part, start: int, memory_left: int) -> BinaryIO:
        file = part.file
        if file is None:
            content = self._spool.read(start, part.size)
            if part.size <= memory_left:
                return BytesIO(content)
            file = part.file = open_unnamed()
            file.write(content)
            file.flush()
        file.seek(0)
        return file
