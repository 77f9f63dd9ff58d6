"""Fill parameters from a query, a form, cookies or header fields: names with texts, and uploaded files.

In: the fields of a view, once; then what was sent. Out: arguments, and a `BadField` for each field that is missing or
invalid. Independent of JSON, and of how the body is read.

A field that is left blank counts as not sent, unless the view takes text: an HTML form sends every field, also those
that were not filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, TextParser, constraint_checker, identity, text_parser
from fanlight.binding.describe import short_repr, truncate
from fanlight.binding.image_kinds import image_of
from fanlight.binding.json_errors import MAX_ERRORS
from fanlight.binding.kinds import COLLECTIONS, Kind, is_upload, split_optional, strip_metadata
from fanlight.binding.sentinels import MISSING, OMIT
from fanlight.errors import BadField
from fanlight.message.form import MultiMapping
from fanlight.message.headers import Headers
from fanlight.message.image_check import Image
from fanlight.message.upload import Upload

Sent = MultiMapping[Any] | Headers | Mapping[str, str]


class InputField(Struct, frozen=True, kw_only=True):
    """A field; `missing` is its value if it was not sent, MISSING if it is required."""

    name: str  # of the parameter
    sent_as: str
    parse: TextParser
    collect: Callable[[list[object]], object] | None  # list, set, ...: the field takes every value of its name
    check: Callable[[object], str] | None  # the constraints of a collection
    missing: object
    is_file: bool
    is_blank_missing: bool
    image: Image | None  # the check of a file that must be an image

    @property
    def may_be_invalid(self) -> bool:
        """Whether there are requests that it refuses."""
        return self.missing is MISSING or self.parse is not identity or self.check is not None


def input_field(name: str, kind: Kind, *, has_default: bool, sent_as: str = "") -> InputField | None:
    """Return the field for a kind, None if the kind is neither text nor a file."""
    inner, is_optional = split_optional(strip_metadata(kind))
    collect = COLLECTIONS.get(type(inner))
    item = split_optional(strip_metadata(inner.item_type))[0] if collect is not None else inner  # type: ignore[attr-defined]  # every collection has it
    is_file = is_upload(item)
    image = image_of(kind)
    parse: Callable[[Any], object] | None = _file_parser(image) if is_file else text_parser(item)
    if parse is None:
        return None
    missing: object = OMIT if has_default else None if is_optional else MISSING
    is_needed = missing is MISSING and collect is None
    is_text = isinstance(item, kinds.StrType | kinds.AnyType)
    return InputField(
        name=name,
        sent_as=sent_as or name,
        parse=parse,
        collect=collect,
        check=constraint_checker(inner) if collect is not None else None,
        missing=missing,
        is_file=is_file,
        is_blank_missing=not is_file and not (is_text and is_needed) and not _accepts_blank(parse),
        image=image,
    )


def _file_parser(image: Image | None) -> Callable[[Upload], object]:
    """Return what takes an uploaded file as it is, or refuses one that is not the image that the view wants."""
    if image is None:
        return identity

    def examine(upload: Upload) -> Upload:
        if wrong := image.problem_with(upload):
            raise ConversionError(wrong)
        return upload

    return examine


def _accepts_blank(parse: TextParser) -> bool:
    try:
        parse("")
    except Exception:  # noqa: BLE001 - the `_missing_` of an Enum may raise anything for a value it does not expect
        return False
    return True


class InputFields:
    """The fields that a view takes from one source: "query", "form", "cookie" or "header"."""

    def __init__(self, fields: tuple[InputField, ...], source: str) -> None:
        self.fields = fields
        self.source = source
        self._allows_brackets = source in ("query", "form")
        self._reads_blanks = source == "header"  # no program sends a blank field for one that was not filled in
        self.names = frozenset(field.sent_as for field in fields) | {
            f"{field.sent_as}[]" for field in fields if field.collect is not None
        }
        self.may_be_empty = all(field.missing is OMIT for field in fields)

    def read(self, sent: Sent, into: dict[str, Any], bad: list[BadField]) -> None:
        """Put the value of each field `into` the arguments, or its error into `bad`."""
        for field in self.fields:
            if field.collect is not None:
                self._read_collection(field, sent, into, bad)
                continue
            value = sent.get(field.sent_as, MISSING)  # type: ignore[arg-type]  # a default of any type
            if value is not MISSING and (self._reads_blanks or not _is_blank(field, value)):
                try:
                    into[field.name] = _parse(field, value)
                except ConversionError as error:
                    bad.append(self._bad(field, str(error)))
                continue
            if field.missing is MISSING:
                bad.append(self._bad(field, "is missing"))
            elif field.missing is not OMIT:
                into[field.name] = field.missing

    def _read_collection(self, field: InputField, sent: Sent, into: dict[str, Any], bad: list[BadField]) -> None:
        assert field.collect is not None
        assert isinstance(sent, MultiMapping | Headers)
        given = [value for value in sent.get_all(field.sent_as) if not _is_blank(field, value)]
        if self._allows_brackets:
            # PHP and Rails name lists this way.
            given += [value for value in sent.get_all(f"{field.sent_as}[]") if not _is_blank(field, value)]
            if not given and (other := _indexed_name(field.sent_as, sent)):
                message = f"write {field.sent_as} or {field.sent_as}[] for each value, not {short_repr(other)}"
                bad.append(self._bad(field, message))
                return
        if not given and field.missing is not MISSING:
            if field.missing is not OMIT:
                into[field.name] = field.missing
            return
        values: list[object] = []
        before = len(bad)
        for value in given:
            try:
                values.append(_parse(field, value))
            except ConversionError as error:
                if len(bad) < MAX_ERRORS:
                    bad.append(self._bad(field, str(error)))
        if len(bad) > before:
            return
        collection = field.collect(values)
        if field.check is not None and (violated := field.check(collection)):
            bad.append(self._bad(field, violated))
        else:
            into[field.name] = collection

    def _bad(self, field: InputField, message: str) -> BadField:
        return BadField(source=self.source, name=field.sent_as, message=message)


def _indexed_name(name: str, sent: Sent) -> str:
    """Return a name like "x[0]" or "x[a]" for a list named "x", "" if none was sent."""
    return next((each for each in sent if each.startswith(f"{name}[") and each != f"{name}[]"), "")


def _is_blank(field: InputField, value: object) -> bool:
    """Return whether a field was sent, but not filled in; a browser sends a file without a name for it."""
    if value.__class__ is str:  # PERF: benchmarks/forms.py: cheaper than isinstance(), for each field
        return field.is_blank_missing and not value
    return isinstance(value, Upload) and not value.filename and not value.size


def _parse(field: InputField, value: object) -> object:
    if (value.__class__ is not str) is not field.is_file:  # PERF: benchmarks/forms.py: as above
        raise ConversionError("must be a file, not text" if field.is_file else "must be text, not a file")
    return field.parse(value)  # type: ignore[arg-type]  # a text, or a file that stays as it is


class RecordInput:
    """A class that is filled with the fields of a query or a form."""

    def __init__(self, make: Callable[..., object], source: str, fields: tuple[InputField, ...]) -> None:
        self._make = make
        self.fields = InputFields(fields, source)

    def read(self, sent: MultiMapping[Any], bad: list[BadField]) -> object:
        """Return an object of the class; None, with the errors in `bad`, if there are any."""
        values: dict[str, Any] = {}
        before = len(bad)
        self.fields.read(sent, values, bad)
        if len(bad) > before:
            return None
        try:
            return self._make(**values)
        except (TypeError, ValueError) as error:  # for example from its __post_init__
            bad.append(BadField(source=self.fields.source, name="", message=truncate(str(error))))
            return None


def record_input(kind: Kind, source: str, build: Callable[[object], object] | None = None) -> RecordInput | None:
    """Return the class for a kind, None if some field is neither text nor a file; `build` finishes each object."""
    if not isinstance(kind, kinds.StructType | kinds.DataclassType | kinds.TypedDictType):
        return None
    make: Callable[..., object] = kind.cls
    fields: list[InputField] = []
    for each in kind.fields:
        field = input_field(each.name, each.type, has_default=not each.required, sent_as=each.encode_name)
        if field is None or (field.is_file and source == "query"):
            return None
        fields.append(field)
    if build is None:
        return RecordInput(make, source, tuple(fields))
    return RecordInput(lambda **values: build(make(**values)), source, tuple(fields))
