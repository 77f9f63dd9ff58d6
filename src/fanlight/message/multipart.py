"""A posted multipart form: its fields, and the content of a request that is parsed as one while it is received.

In: the content, complete or in pieces as it is received. Out: a `Form`: pairs of name and text, or name and `Upload`.
Refuses what the `FormReader` refuses. That file is loaded with the first route that may get a form, before the port
opens: a site without forms does not load the parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NoReturn

from fanlight.errors import AppError, ContentTooLarge, HTTPError
from fanlight.message.body_policy import FormLimits
from fanlight.message.content import SpooledContent
from fanlight.message.form import MultiMapping
from fanlight.message.upload import Upload, close_files

if TYPE_CHECKING:
    from fanlight.message.form_reader import FormReader

READ_BYTES = 256 * 1024
Field = tuple[str, str | Upload]


def new_reader(content_type: str, limits: FormLimits) -> FormReader:
    """Return a parser for one form."""
    from fanlight.message.form_reader import FormReader  # noqa: PLC0415 - see above

    return FormReader(content_type, limits)


class Form(MultiMapping["str | Upload"]):
    """The fields of a posted form."""

    __slots__ = ()

    def close(self) -> None:
        """Delete the uploaded files."""
        close_files(value for _, value in self.pairs())


class FormContent(SpooledContent):
    """A multipart form, parsed while it is received: each file is written once, and can be moved without a copy."""

    __slots__ = ("_error", "_form", "_reader", "typed")

    def __init__(self, content_type: str, limits: FormLimits) -> None:
        super().__init__(limits.memory_bytes, limits)
        self._reader = new_reader(content_type, limits)
        self._form: Form | None = None
        self._error: HTTPError | None = None
        self.typed: MultiMapping[str] = MultiMapping()  # the texts before the part that was refused

    def write(self, piece: bytes | bytearray) -> bool:
        """Parse a piece; return True if the form is refused, so the rest is not needed. Raises OSError."""
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
        """Return the complete form. Raises BadRequest or ContentTooLarge."""
        if self._error is not None:
            raise self._error
        if self._form is None:
            self._form = Form(self._reader.end())
        return self._form

    def read(self) -> NoReturn:
        """Raise AppError."""
        raise AppError("the form was parsed while it was received, so its raw content is not kept; use request.form")

    open = read

    def close(self) -> None:
        """Delete the uploaded files."""
        self._reader.close()
        super().close()


def read_multipart(file: BinaryIO, content_type: str, limits: FormLimits) -> list[Field]:
    """Return the fields of a complete multipart form. Raises BadRequest or ContentTooLarge."""
    reader = new_reader(content_type, limits)
    try:
        while piece := file.read(READ_BYTES):
            reader.feed(piece)
        return reader.end()
    except BaseException:
        reader.close()
        raise
