"""Take a view's arguments from content: JSON, or a form.

In: what the view asks of the body, once; then requests. Out: arguments, and every `BadField`.
Refuses content of another kind (415) and broken JSON (400).
"""

from __future__ import annotations

from typing import Any

from fanlight.binding.fields import Fields, Record
from fanlight.binding.json_body import JSONBody
from fanlight.binding.signature import MISSING, OMIT
from fanlight.errors import BadField, UnsupportedMediaType
from fanlight.message.form import MultiMapping
from fanlight.message.request import Request

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_NOTHING: MultiMapping[Any] = MultiMapping()


class Body:
    """What a view asks of the content: either `whole`, one argument, or fields, each an argument."""

    def __init__(
        self,
        *,
        json: JSONBody | None,
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
            self._json.take(request, into, bad)
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
        if self._missing is not OMIT:
            into[self._whole] = self._missing

    def _take_form(self, sent: MultiMapping[Any], into: dict[str, Any], bad: list[BadField]) -> None:
        if self._form is not None:
            self._form.take(sent, into, bad)
        if self._record is None:
            return
        if not sent and self._missing is not MISSING:
            self._leave(into)
        elif (made := self._record.take(sent, bad)) is not None:
            into[self._whole] = made
