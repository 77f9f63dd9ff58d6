"""Take a view's arguments from content: JSON, or a form.

In: what the view asks of the body, once; then requests. Out: arguments, and every `BadField`.
Refuses content of another kind (415) and broken JSON (400). JSON is validated by msgspec while it
is decoded, in one pass; only when that fails is it looked at again, to say all that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fanlight.app.diagnose import diagnose
from fanlight.app.fields import Fields, Record
from fanlight.app.kinds import Kind
from fanlight.app.signature import LEAVE_OUT, MISSING
from fanlight.errors import BadField, BadRequest, UnsupportedMediaType
from fanlight.message import MultiMapping, Request

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_NOTHING: MultiMapping[Any] = MultiMapping()


class JSONReader:
    """Reads JSON of one kind: the class of a whole body, or one made of a view's fields."""

    def __init__(self, annotation: Any, kind: Kind) -> None:
        """Prepare the decoder."""
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(annotation)
        self._kind = kind

    def read(self, request: Request, bad: list[BadField]) -> object:
        """Return the value; MISSING, and why in `bad`, if the content is JSON of another kind. Raises BadRequest."""
        content = request.content
        try:
            return self._decode(content, bad)
        except msgspec.DecodeError as error:
            raise BadRequest(f"the content is not JSON: {error}") from None
        except UnicodeDecodeError:
            raise BadRequest("the content is not JSON: it is not UTF-8") from None
        except RecursionError:
            raise BadRequest("the JSON is nested too deeply") from None

    def _decode(self, content: bytes, bad: list[BadField]) -> object:
        try:
            return self._decoder.decode(content)
        except msgspec.ValidationError as error:
            otherwise = str(error).replace("`", "")
        # msgspec stops at the first mistake, so what stands behind it may not even be JSON.
        bad.extend(diagnose(self._kind, msgspec.json.decode(content), otherwise))
        return MISSING


def fields_struct(fields: list[tuple[str, Any, Callable[[], object] | None]]) -> type[msgspec.Struct]:
    """Return a Struct with these (name, annotation, default's maker), so that msgspec reads them all in one pass."""
    return msgspec.defstruct(
        "Body",
        [
            (name, annotation) if make is None else (name, annotation, msgspec.field(default_factory=make))
            for name, annotation, make in fields
        ],
        kw_only=True,
    )


class Body:
    """What a view asks of the content: either `whole`, one argument, or fields, each an argument."""

    def __init__(
        self,
        *,
        json: JSONReader | None,
        form: Fields | None,
        whole: str = "",
        record: Record | None = None,
        missing: object = MISSING,
    ) -> None:
        """Take the ways in which it can be sent; None where it can't."""
        self._json, self._form = json, form
        self._whole, self._record = whole, record
        self._missing = missing  # the whole body, when nothing was sent
        forms = form is not None if not whole else record is not None
        self._wanted = " or ".join(["JSON"] * (json is not None) + ["a form"] * forms)
        self.takes_forms = forms

    def take(self, request: Request, into: dict[str, Any], bad: list[BadField]) -> None:
        """Put what the content says `into` the arguments. Raises UnsupportedMediaType or BadRequest."""
        source = request.content_source
        is_empty = source is None or source.size == 0
        if is_empty and self._missing is not MISSING and self._form is None:
            self._leave(into)
        elif self._json is not None and request.is_json:
            self._take_json(self._json, request, into, bad)
        elif self.takes_forms and is_empty and request.media_type in ("", *_FORMS):
            self._take_form(_NOTHING, into, bad)
        elif self.takes_forms and request.media_type in _FORMS:
            self._take_form(request.form, into, bad)
        else:
            raise UnsupportedMediaType(f"send {self._wanted}, not {request.media_type or 'content of no type'}")

    def posted(self, request: Request) -> MultiMapping[Any]:
        """Return the fields of the form that `take` has taken, nothing if it was none."""
        source = request.content_source
        is_empty = source is None or source.size == 0
        return _NOTHING if is_empty or request.media_type not in _FORMS else request.form

    def _leave(self, into: dict[str, Any]) -> None:
        if self._missing is not LEAVE_OUT:
            into[self._whole] = self._missing

    def _take_json(self, json: JSONReader, request: Request, into: dict[str, Any], bad: list[BadField]) -> None:
        value = json.read(request, bad)
        if value is MISSING:
            return
        if self._whole:
            into[self._whole] = value
        else:
            into.update(msgspec.structs.asdict(value))  # type: ignore[arg-type]  # made by fields_struct

    def _take_form(self, sent: MultiMapping[Any], into: dict[str, Any], bad: list[BadField]) -> None:
        if self._form is not None:
            self._form.take(sent, into, bad)
        if self._record is None:
            return
        if not sent and self._missing is not MISSING:
            self._leave(into)
        elif (made := self._record.take(sent, bad)) is not None:
            into[self._whole] = made
