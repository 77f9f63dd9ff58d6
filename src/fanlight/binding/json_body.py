"""Take a view's arguments from JSON.

In: what the view asks of it, once; then requests. Out: arguments, and every `BadField`. Refuses broken JSON (400).
msgspec validates JSON while it decodes it, in one pass. What it refuses is looked at again, to say all that is
wrong, and to take what a form takes as well; so are kinds of which it takes too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from fanlight.binding.class_builders import Build, Refused
from fanlight.binding.diagnose import has_unbounded_depth, json_validator, needs_own_validation
from fanlight.binding.json_path import JSONErrors, Place, source_location
from fanlight.binding.kinds import Kind
from fanlight.binding.signature import MISSING
from fanlight.errors import BadField
from fanlight.message.json_document import decode_json, has_long_number, read_as_written, refuse_deep, strip_bom
from fanlight.message.request import Request

_STEP = re.compile(r"\[(\d+)\]|\[(\.\.\.)\]|\.([^.\[]+)")


class JSONDecoder:
    """Reads JSON of one kind: the class of a whole body, or one made of a view's fields."""

    def __init__(self, annotation: Any, kind: Kind, root: str = "", restore: Build | None = None) -> None:
        """Prepare the decoder; `root` names the whole in messages, where it has no fields that have names.

        `restore` makes the values of what is read, where classes are read as something else.
        """
        self._restore = restore
        self._root = root
        self._annotation = annotation
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(annotation)
        self._examine = json_validator(kind)
        self._must_examine, self._may_be_any = needs_own_validation(kind), has_unbounded_depth(kind)

    def read(self, content: bytes, bad: list[BadField]) -> object:
        """Return the value; MISSING, and why in `bad`, if the content is JSON of another kind. Raises BadRequest."""
        value = self._read(content, bad)
        if self._restore is None or value is MISSING:
            return value
        try:
            return self._restore(value)
        except Refused as refused:
            wrong = JSONErrors(self._root)
            wrong.add(source_location(refused.way), str(refused))
            bad += wrong.fields
            return MISSING

    def _read(self, content: bytes, bad: list[BadField]) -> object:
        # PERF: benchmarks/binding.py: nearly all content is read by the first pass.
        if not self._must_examine and not has_long_number(content):
            if self._may_be_any:
                refuse_deep(content)
            try:
                return decode_json(content, self._decoder.decode)
            except (msgspec.ValidationError, TypeError):  # the latter for a set of what can't be hashed
                pass
        wrong = JSONErrors(self._root)
        value = self._examine(read_as_written(content), None, wrong)
        if not wrong.fields:
            try:
                return msgspec.convert(value, self._annotation, str_keys=True)
            except msgspec.ValidationError as error:
                wrong.add(*_read_error(str(error)))
            except TypeError:
                wrong.add(None, "a list or an object stands in a set, where only single values can")
        bad += wrong.fields
        return MISSING


def _read_error(message: str) -> tuple[Place, str]:
    """Return the place of which msgspec speaks, and what it says: mostly in the words of a `__post_init__`."""
    said, at, way = message.rpartition(" - at `")
    if not at:
        return None, message
    place: Place = None
    for step in _STEP.finditer(way.rpartition("$")[2].removesuffix("`")):
        number, unknown, name = step.groups()
        if unknown:  # below it, somewhere
            break
        place = (place, int(number) if number else name)
    return place, said


class JSONBody:
    """What a view asks of JSON: the whole of it as one argument, or the fields of an object."""

    def __init__(self, reader: JSONDecoder, names: str | tuple[str, ...], alone: JSONBody | None = None) -> None:
        """Take the argument's name, or those of all fields; `alone` reads what is no object, if it is the one field."""
        self._reader, self._names, self._alone = reader, names, alone

    def take(self, request: Request, into: dict[str, Any], bad: list[BadField]) -> None:
        """Put what the content says `into` the arguments, or what is wrong with it into `bad`. Raises BadRequest."""
        self.take_content(strip_bom(request.json_content), into, bad)

    def take_content(self, content: bytes, into: dict[str, Any], bad: list[BadField]) -> None:
        """Take what JSON without a mark says."""
        if self._alone is not None and content.lstrip()[:1] not in (b"{", b""):
            self._alone.take_content(content, into, bad)
            return
        value = self._reader.read(content, bad)
        if value is MISSING:
            return
        if isinstance(self._names, str):
            into[self._names] = value
        else:
            into.update(zip(self._names, msgspec.structs.astuple(value), strict=True))  # type: ignore[arg-type]  # it is made by fields_struct


def fields_struct(fields: list[tuple[str, Any, Callable[[], object] | None]]) -> type[msgspec.Struct]:
    """Return a Struct with these (name in JSON, annotation, default's maker), so that they are all read in one pass."""
    return msgspec.defstruct(
        "Body",
        [
            (f"field_{number}", annotation, msgspec.field(name=name))
            if make is None
            else (f"field_{number}", annotation, msgspec.field(name=name, default_factory=make))
            for number, (name, annotation, make) in enumerate(fields)
        ],
        kw_only=True,
    )
