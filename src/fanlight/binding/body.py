"""Fill a view's arguments from the body of a request: JSON, or a form.

In: what a view takes from the body, once; then requests. Out: arguments, and every `BadField`. Rejects a body of
another media type (415) and malformed JSON (400).

msgspec validates JSON while it decodes it, in one pass. What it rejects is read again by `diagnose.py`, which reports
all errors, and accepts what a form would accept; so is JSON for kinds of which msgspec accepts too much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from fanlight.binding.class_builders import Build, BuildError
from fanlight.binding.diagnose import has_unbounded_depth, json_validator, needs_own_validation
from fanlight.binding.fields import InputFields, RecordInput
from fanlight.binding.json_errors import JSONErrors, PathItem
from fanlight.binding.kinds import Kind
from fanlight.binding.sentinels import MISSING, OMIT
from fanlight.errors import BadField, UnsupportedMediaType
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.form import MultiMapping
from fanlight.message.json_document import decode_json, has_long_number, read_as_written, refuse_deep, strip_bom
from fanlight.message.media_types import is_json
from fanlight.message.request import Request

_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_EMPTY_FORM: MultiMapping[Any] = MultiMapping()
_REQUIRED: Any = msgspec.NODEFAULT
_PATH_ITEM = lazy_pattern(r"\[(\d+)\]|\[(\.\.\.)\]|\.([^.\[]+)")


class JSONDecoder:
    """Decodes JSON of one kind: the class of a whole body, or the Struct of a view's fields."""

    def __init__(self, annotation: Any, kind: Kind, root: str = "", build: Build | None = None) -> None:
        """Prepare the decoder; `root` names the document in messages, if it has no named fields.

        `build` makes the final values of what is decoded, where stand-ins are decoded in place of classes.
        """
        self._build = build
        self._root = root
        self._annotation = annotation
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(annotation)
        self._validate = json_validator(kind)
        self._needs_validation, self._has_unbounded_depth = needs_own_validation(kind), has_unbounded_depth(kind)

    def decode(self, content: bytes, bad: list[BadField]) -> object:
        """Return the value; MISSING, with the errors in `bad`, for JSON of another kind. Raises BadRequest."""
        value = self._decode(content, bad)
        if self._build is None or value is MISSING:
            return value
        try:
            return self._build(value)
        except BuildError as error:
            errors = JSONErrors(self._root)
            errors.add_at(error.path, str(error))
            bad += errors.fields
            return MISSING

    def _decode(self, content: bytes, bad: list[BadField]) -> object:
        # PERF: benchmarks/binding.py: nearly all JSON is read by the first pass.
        if not self._needs_validation and not has_long_number(content):
            if self._has_unbounded_depth:
                refuse_deep(content)
            try:
                return decode_json(content, self._decoder.decode)
            except (msgspec.ValidationError, TypeError):  # the latter for an unhashable item of a set
                pass
        errors = JSONErrors(self._root)
        value = self._validate(read_as_written(content), None, errors)
        if not errors.fields:
            try:
                return msgspec.convert(value, self._annotation, str_keys=True)
            except msgspec.ValidationError as error:
                errors.add_at(*_parse_error(str(error)))
            except TypeError:
                errors.add(None, "a set can't contain lists or objects")
        bad += errors.fields
        return MISSING


def _parse_error(message: str) -> tuple[list[PathItem], str]:
    """Return the path in an error of msgspec, and its message, which is mostly that of a `__post_init__`."""
    text, at, location = message.rpartition(" - at `")
    if not at:
        return [], message
    path: list[PathItem] = []
    for item in _PATH_ITEM.finditer(location.rpartition("$")[2].removesuffix("`")):
        index, unknown, name = item.groups()
        if unknown:  # somewhere below
            break
        path.append(int(index) if index else name)
    return path, text


class JSONBody:
    """The arguments that come from JSON: the whole document as one, or the fields of an object."""

    def __init__(self, decoder: JSONDecoder, names: str | tuple[str, ...], bare: JSONBody | None = None) -> None:
        """Keep the name of the one argument, or those of all fields; `bare` reads the only field without its object."""
        self._decoder, self._names, self._bare = decoder, names, bare

    def read(self, content: bytes, into: dict[str, Any], bad: list[BadField]) -> None:
        """Put the values of JSON `into` the arguments, or its errors into `bad`. Raises BadRequest."""
        if self._bare is not None and content.lstrip()[:1] not in (b"{", b""):
            self._bare.read(content, into, bad)
            return
        value = self._decoder.decode(content, bad)
        if value is MISSING:
            return
        if isinstance(self._names, str):
            into[self._names] = value
        else:
            into.update(zip(self._names, msgspec.structs.astuple(value), strict=True))  # type: ignore[arg-type]  # it is made by fields_struct


def fields_struct(fields: list[tuple[str, Any, Callable[[], object] | None]]) -> type[msgspec.Struct]:
    """Return a Struct with these (name in JSON, annotation, default_factory), so that one pass decodes all of them."""
    return msgspec.defstruct(
        "Body",
        [
            (f"field_{number}", annotation, msgspec.field(name=name, default_factory=make or _REQUIRED))
            for number, (name, annotation, make) in enumerate(fields)
        ],
        kw_only=True,
    )


class BodyReader:
    """What a view takes from the body: one argument, the `whole`, or fields, each an argument."""

    def __init__(
        self,
        *,
        json: JSONBody | None,
        form: InputFields | None,
        whole: str = "",
        record: RecordInput | None = None,
        missing: object = MISSING,
    ) -> None:
        """Keep the forms in which the body may be sent, None for one in which it can't."""
        self._json, self.form = json, form
        self.whole, self.record = whole, record
        self._missing = missing  # the value of the whole if nothing was sent
        self.accepts_forms = form is not None if not whole else record is not None
        self.accepts_json, self.needs_content = json is not None, missing is MISSING
        self._accepted = " or ".join(["JSON"] * (json is not None) + ["a form"] * self.accepts_forms)

    def read(self, request: Request, into: dict[str, Any], bad: list[BadField]) -> None:
        """Put the values of the body `into` the arguments. Raises UnsupportedMediaType or BadRequest."""
        source = request.content_source
        is_empty = source is None or source.size == 0
        kind = request.media_type
        if is_empty and self._missing is not MISSING and self.form is None:
            self._use_default(into)
        elif self._json is not None and is_json(kind):
            self._json.read(strip_bom(request.json_content), into, bad)
        elif self.accepts_forms and is_empty and kind in ("", *_FORM_TYPES):
            self._read_form(_EMPTY_FORM, into, bad)
        elif self.accepts_forms and kind in _FORM_TYPES:
            self._read_form(request.form, into, bad)
        else:
            sent = kind or "content without a type"
            raise UnsupportedMediaType(f"send {self._accepted}, not {sent}")

    def posted(self, request: Request) -> MultiMapping[Any]:
        """Return the fields of the form that was read, none if it was not a form."""
        source = request.content_source
        is_empty = source is None or source.size == 0
        return _EMPTY_FORM if is_empty or request.media_type not in _FORM_TYPES else request.form

    def _use_default(self, into: dict[str, Any]) -> None:
        if self._missing is not OMIT:
            into[self.whole] = self._missing

    def _read_form(self, sent: MultiMapping[Any], into: dict[str, Any], bad: list[BadField]) -> None:
        if self.form is not None:
            self.form.read(sent, into, bad)
        if self.record is None:
            return
        if not sent and self._missing is not MISSING:
            self._use_default(into)
        elif (made := self.record.read(sent, bad)) is not None:
            into[self.whole] = made
