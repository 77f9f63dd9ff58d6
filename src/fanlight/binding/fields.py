"""Take a view's fields from what a query, a form, cookies or header fields have sent: names with texts, and files.

In: the fields a view asks for, once; then what was sent. Out: arguments, and a `BadField` for every
one that is missing or wrong. Knows nothing of JSON and of how content is read.

A field that is left blank counts as not sent, unless the view takes a text: an HTML form sends
every field, also those that nobody has filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import inspect as kinds

from fanlight.binding.convert import ConversionError, Reader, identity, text_parser
from fanlight.binding.json_path import MAX_ERRORS
from fanlight.binding.kinds import (
    COLLECTIONS,
    Kind,
    constraint_checker,
    is_upload,
    plain,
    short_repr,
    split_optional,
    truncate,
)
from fanlight.binding.signature import MISSING, OMIT
from fanlight.errors import BadField
from fanlight.message.form import MultiMapping
from fanlight.message.headers import Headers
from fanlight.message.upload import Upload

Sent = MultiMapping[Any] | Headers | dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing to be taken; `missing` is what it is when it was not sent, MISSING if it must be."""

    name: str  # the view's name for it
    sent_as: str
    read: Reader
    series: Callable[[list[object]], object] | None  # list, set, ...: takes every value of the name
    breaks: Callable[[object], str] | None  # which of its bounds a series breaks
    missing: object
    is_file: bool
    is_blank_missing: bool


def field_of(name: str, kind: Kind, *, has_default: bool, sent_as: str = "") -> Field | None:
    """Return the field for a kind, None if no text (and no file) can be of that kind."""
    inner, is_optional = split_optional(plain(kind))
    series = COLLECTIONS.get(type(inner))
    item = split_optional(plain(inner.item_type))[0] if series is not None else inner  # type: ignore[attr-defined]  # every series has it
    is_file = is_upload(item)
    read: Reader | None = identity if is_file else text_parser(item)
    if read is None:
        return None
    missing: object = OMIT if has_default else None if is_optional else MISSING
    is_needed = missing is MISSING and series is None
    is_text = isinstance(item, kinds.StrType | kinds.AnyType)
    return Field(
        name=name,
        sent_as=sent_as or name,
        read=read,
        series=series,
        breaks=constraint_checker(inner) if series is not None else None,
        missing=missing,
        is_file=is_file,
        is_blank_missing=not is_file and not (is_text and is_needed) and not _takes_blank(read),
    )


def _takes_blank(read: Reader) -> bool:
    try:
        read("")
    except Exception:  # noqa: BLE001 - an Enum's own `_missing_` may raise anything at what it does not expect
        return False
    return True


class Fields:
    """All the fields that a view takes from one source: "query", "form", "cookie" or "header"."""

    def __init__(self, fields: tuple[Field, ...], source: str) -> None:
        """Take these fields; whether anything at all must be sent is known now."""
        self.fields = fields
        self.source = source
        self._takes_brackets = source in ("query", "form")
        self.has_files = any(field.is_file for field in fields)
        self.names = frozenset(field.sent_as for field in fields) | {
            f"{field.sent_as}[]" for field in fields if field.series is not None
        }
        self.may_be_empty = all(field.missing is OMIT for field in fields)

    def take(self, sent: Sent, into: dict[str, Any], bad: list[BadField]) -> None:
        """Put every field's value `into` the arguments, or what is wrong with it into `bad`."""
        for field in self.fields:
            if field.series is not None:
                self._take_series(field, sent, into, bad)
                continue
            if field.sent_as in sent:
                value = sent[field.sent_as]
                if not _is_blank(field, value):
                    self._take_one(field, value, into, bad)
                    continue
            if field.missing is MISSING:
                bad.append(self._bad(field, "is missing"))
            elif field.missing is not OMIT:
                into[field.name] = field.missing

    def _take_one(self, field: Field, value: object, into: dict[str, Any], bad: list[BadField]) -> None:
        try:
            into[field.name] = _read(field, value)
        except ConversionError as unfit:
            bad.append(self._bad(field, str(unfit)))

    def _take_series(self, field: Field, sent: Sent, into: dict[str, Any], bad: list[BadField]) -> None:
        assert not isinstance(sent, dict)
        given = [value for value in sent.get_all(field.sent_as) if not _is_blank(field, value)]
        if self._takes_brackets:
            # As PHP and Rails have the names of lists.
            given += [value for value in sent.get_all(f"{field.sent_as}[]") if not _is_blank(field, value)]
            if not given and (other := _with_index(field.sent_as, sent)):
                bad.append(
                    self._bad(field, f"write {field.sent_as} or {field.sent_as}[] for each, not {short_repr(other)}")
                )
                return
        if not given and field.missing is not MISSING:
            if field.missing is not OMIT:
                into[field.name] = field.missing
            return
        values: list[object] = []
        before = len(bad)
        for value in given:
            try:
                values.append(_read(field, value))
            except ConversionError as unfit:
                if len(bad) < MAX_ERRORS:
                    bad.append(self._bad(field, str(unfit)))
        if len(bad) > before:
            return
        assert field.series is not None
        made = field.series(values)
        if field.breaks is not None and (broken := field.breaks(made)):
            bad.append(self._bad(field, broken))
        else:
            into[field.name] = made

    def _bad(self, field: Field, message: str) -> BadField:
        return BadField(source=self.source, name=field.sent_as, message=message)


def _with_index(name: str, sent: Sent) -> str:
    """Return a name like "x[0]" or "x[a]" of a list called "x", "" if there is none."""
    return next((each for each in sent if each.startswith(f"{name}[") and each != f"{name}[]"), "")


def _is_blank(field: Field, value: object) -> bool:
    """Say whether a field was sent, but not filled in; a browser sends a file without a name for it."""
    if isinstance(value, Upload):
        return not value.filename and not value.size
    return field.is_blank_missing and not value


def _read(field: Field, value: object) -> object:
    if isinstance(value, Upload) is not field.is_file:
        raise ConversionError(
            "is a text, where a file is asked for" if field.is_file else "is a file, where a text is asked for"
        )
    return field.read(value)  # type: ignore[arg-type]  # a text, or a file that is kept as it is


def fields_of(fields: list[Field], source: str) -> Fields | None:
    """Return all the fields of a source, None if there are none."""
    return Fields(tuple(fields), source) if fields else None


class Record:
    """A dataclass or Struct made of fields."""

    def __init__(self, make: Callable[..., object], source: str, fields: tuple[Field, ...]) -> None:
        """Have them made."""
        self._make = make
        self.fields = Fields(fields, source)

    def take(self, sent: MultiMapping[Any], bad: list[BadField]) -> object:
        """Return one made of what was sent; None, and why in `bad`, if that can't be."""
        values: dict[str, Any] = {}
        before = len(bad)
        self.fields.take(sent, values, bad)
        if len(bad) > before:
            return None
        try:
            return self._make(**values)
        except (TypeError, ValueError) as error:  # its __post_init__ has refused the fields together
            bad.append(BadField(source=self.fields.source, name="", message=truncate(str(error))))
            return None


def record_of(kind: Kind, source: str, restore: Callable[[object], object] | None = None) -> Record | None:
    """Return the record for a kind, None if it has no fields that can be sent; `restore` makes it of what is read."""
    if not isinstance(kind, kinds.StructType | kinds.DataclassType | kinds.TypedDictType):
        return None
    make: Callable[..., object] = kind.cls
    fields: list[Field] = []
    for each in kind.fields:
        field = field_of(each.name, each.type, has_default=not each.required, sent_as=each.encode_name)
        if field is None or (field.is_file and source == "query"):
            return None
        fields.append(field)
    if restore is None:
        return Record(make, source, tuple(fields))
    return Record(lambda **values: restore(make(**values)), source, tuple(fields))
