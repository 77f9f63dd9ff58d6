"""JSON Schemas of all types of a document: each class has a name, and stands once among the components.

In: kinds (the type trees of msgspec), and the direction of each: what is sent to the site, or by it. Out: schemas, and
the components that they refer to. A class whose schema differs between the directions, because a field with a default
may be left out by a client and is always there in a response, has two: `Cat`, and `CatInput`. What has no schema is
accepted as it comes: its problem is noted.

The names are those of the classes; where two have the same, both have the name of their module before it. They are
known only at the end, when all schemas have been made: until then a reference holds a number.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec import inspect as kinds

from fanlight.binding.kinds import COLLECTIONS, RECORDS, Kind, is_array_like, is_upload
from fanlight.openapi.scalar_schemas import DECIMAL_PATTERN, Schema, enum_schema, scalar_schema, sized

REFERENCE = "#/components/schemas/"
BINARY_SCHEMA: Schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_GENERATED_DOC = re.compile(r"\w+\(.*\)", re.DOTALL)  # of a dataclass without a docstring
_KEY_PATTERNS: Mapping[type[Kind], str] = {
    kinds.IntType: "^-?(?:0|[1-9][0-9]{0,17})$",
    kinds.FloatType: r"^-?[0-9]{1,15}(?:[.][0-9]{1,15})?$",
    kinds.DecimalType: DECIMAL_PATTERN,
}


class _Component(Struct):
    cls: Any
    number: int
    schemas: dict[bool, Schema]  # by whether it is what a client sends


class Schemas:
    """The schemas of one document. `problems` has what can't be described, in words; its owner empties it."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._components: dict[Any, _Component] = {}
        self._own: dict[str, Schema] = {}  # those that are not made of classes

    def add(self, name: str, schema: Schema) -> Schema:
        """Add a component that is not made of a class; return the reference to it."""
        self._own[name] = schema
        return {"$ref": REFERENCE + name}

    def of(self, kind: Kind, *, is_input: bool, originals: Mapping[Any, Any] | None = None) -> Schema:
        """Return the schema of a kind; `originals` has the classes in whose place Structs are decoded."""
        return _Maker(self, is_input=is_input, originals=originals or {}).make(kind)

    def component(self, cls: Any, make: Callable[[], Schema], *, is_input: bool) -> Schema:
        """Return the reference to the component of a class; `make` makes its schema, once for each direction."""
        key = _hashable(cls)
        found = self._components.get(key)
        if found is None:
            found = self._components[key] = _Component(cls, len(self._components), {})
        if is_input not in found.schemas:
            found.schemas[is_input] = {}  # a class may contain itself
            found.schemas[is_input] = make()
        return {"$ref": f"{REFERENCE}{found.number}:{is_input:d}"}

    def finish(self, document: Schema) -> Schema:
        """Return a document with the names of the components in its references, and those under `components`."""
        names = self._names()
        found = {name: _renamed(schema, names) for name, schema in self._own.items()}
        for each in self._components.values():
            for is_input, schema in each.schemas.items():
                found[names[f"{each.number}:{is_input:d}"]] = _renamed(schema, names)
        document = _renamed(document, names)
        if found:
            schemas = {name: found[name] for name in sorted(found)}
            document["components"] = {"schemas": schemas, **document.get("components", {})}
        return document

    def _names(self) -> dict[str, str]:
        """Return the name of each component and direction."""
        short = {each.number: _clean(_short_name(each.cls)) for each in self._components.values()}
        taken = [*short.values(), *self._own]
        names: dict[str, str] = {}
        used = set(self._own)
        double = self._double()
        for each in self._components.values():
            name = short[each.number]
            if taken.count(name) > 1:
                name = _clean(f"{getattr(each.cls, '__module__', '')}.{getattr(each.cls, '__qualname__', name)}")
            for is_input in each.schemas:
                wanted = f"{name}Input" if is_input and each.number in double else name
                shared = f"{each.number}:{not is_input:d}"
                if each.number not in double and shared in names:
                    names[f"{each.number}:{is_input:d}"] = names[shared]
                    continue
                names[f"{each.number}:{is_input:d}"] = unused = _unused(wanted, used)
                used.add(unused)
        return names

    def _double(self) -> set[int]:
        """Return the components that differ between the directions, also by what they refer to."""
        both = [each for each in self._components.values() if len(each.schemas) > 1]
        double = {each.number for each in both if _undirected(each.schemas[True]) != _undirected(each.schemas[False])}
        while True:
            more = {
                each.number
                for each in both
                if each.number not in double and double & set(_numbers_in(each.schemas[True]))
            }
            if not more:
                return double
            double |= more


class _Maker:
    """Makes schemas for one direction."""

    def __init__(self, schemas: Schemas, *, is_input: bool, originals: Mapping[Any, Any]) -> None:
        self._schemas, self._is_input, self._originals = schemas, is_input, originals

    def make(self, kind: Kind) -> Schema:
        described: Schema = {}
        while isinstance(kind, kinds.Metadata):
            described = {**(kind.extra_json_schema or {}), **described}
            kind = kind.type
        schema = self._make(kind)
        return {**schema, **described} if described else schema

    def _make(self, kind: Kind) -> Schema:
        schema = scalar_schema(kind, is_input=self._is_input)
        if schema is not None:
            if isinstance(kind, kinds.StrType) and kind.pattern is not None and "pattern" not in schema:
                self._schemas.problems.append(f"the pattern {kind.pattern} means something else outside Python")
            return schema
        if isinstance(kind, kinds.EnumType):
            return self._schemas.component(
                kind.cls, lambda: self._described(kind.cls, enum_schema(kind)), is_input=self._is_input
            )
        if isinstance(kind, RECORDS):
            return self._schemas.component(self._original(kind), lambda: self._record(kind), is_input=self._is_input)
        if isinstance(kind, kinds.TupleType):
            return self._list([self.make(each) for each in kind.item_types], len(kind.item_types), is_open=False)
        makers = (kinds.UnionType, self._union), (kinds.DictType, self._dict), (tuple(COLLECTIONS), self._collection)
        make: Callable[[Any], Schema] = next((each for types, each in makers if isinstance(kind, types)), self._other)
        return make(kind)

    def _original(self, kind: Any) -> Any:
        return self._originals.get(kind.cls, kind.cls)

    def _described(self, cls: Any, schema: Schema) -> Schema:
        """Return a schema with the docstring of its class, if that is its own."""
        cls = getattr(cls, "__origin__", cls)
        text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
        is_generated = _GENERATED_DOC.fullmatch(text) or text == "An enumeration."
        return schema if not text or is_generated else {"description": text, **schema}

    def _record(self, kind: Any) -> Schema:
        cls = self._original(kind)
        fields = [(each.encode_name, self._field(each, kind), self._is_sent(each, kind)) for each in kind.fields]
        tag_field = getattr(kind, "tag_field", None)
        if tag_field is not None:
            is_text = isinstance(kind.tag, str)
            fields.insert(0, (tag_field, {"type": "string" if is_text else "integer", "const": kind.tag}, True))
        if is_array_like(kind):
            least = max((number for number, each in enumerate(fields, 1) if each[2]), default=0)
            is_open = isinstance(kind, kinds.StructType) and not kind.forbid_unknown_fields and self._is_input
            return self._described(cls, self._list([each[1] for each in fields], least, is_open=is_open))
        schema: Schema = {"type": "object", "properties": {name: each for name, each, _ in fields}}
        if required := [name for name, _, is_required in fields if is_required]:
            schema["required"] = required
        if getattr(kind, "forbid_unknown_fields", False):
            schema["additionalProperties"] = False
        return self._described(cls, schema)

    def _field(self, field: kinds.Field, kind: Any) -> Schema:
        schema = self.make(field.type)
        if self._is_input and not field.required and kind.cls not in self._originals:
            schema = with_default(schema, field.default, field.default_factory)
        return schema

    def _is_sent(self, field: kinds.Field, kind: Any) -> bool:
        """Return whether a field is always there."""
        if self._is_input or field.required:
            return field.required
        config = getattr(kind.cls, "__struct_config__", None)
        declared = getattr(kind.cls, "__dataclass_fields__", {}).get(field.name)
        if declared is not None and not declared.init and field.default is not msgspec.NODEFAULT:
            return False  # it may be an attribute of the class, which is not sent
        has_no_default = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        return not (has_no_default or (config is not None and config.omit_defaults))  # UNSET, or a TypedDict's

    def _list(self, items: list[Schema], least: int, *, is_open: bool) -> Schema:
        schema: Schema = {"type": "array", "minItems": least}
        if not is_open:
            schema["maxItems"] = len(items)
        if items:
            schema["prefixItems"] = items
            schema |= {} if is_open else {"items": False}
        return schema

    def _collection(self, kind: Any) -> Schema:
        schema: Schema = {"type": "array", "items": self.make(kind.item_type)}
        if (
            isinstance(kind, kinds.SetType | kinds.FrozenSetType) and not self._is_input
        ):  # where the same one twice is one
            schema["uniqueItems"] = True
        return sized(schema, kind, "minItems", "maxItems")

    def _dict(self, kind: kinds.DictType) -> Schema:
        schema: Schema = {"type": "object"}
        key = kind.key_type
        while isinstance(key, kinds.Metadata):
            key = key.type
        if isinstance(key, kinds.EnumType | kinds.LiteralType):
            values = [each.value for each in key.cls] if isinstance(key, kinds.EnumType) else key.values
            schema["propertyNames"] = {"enum": [str(each) for each in values]}
        elif pattern := _KEY_PATTERNS.get(type(key)):
            schema["propertyNames"] = {"pattern": pattern}
        elif not isinstance(key, kinds.AnyType):
            names = {name: each for name, each in self.make(key).items() if name != "type"}
            schema |= {"propertyNames": names} if names else {}
        schema["additionalProperties"] = self.make(kind.value_type)
        return sized(schema, kind, "minProperties", "maxProperties")

    def _union(self, kind: kinds.UnionType) -> Schema:
        tagged: dict[Any, Any] = {}
        tag_field = ""
        for each in kind.types:
            plain = each
            while isinstance(plain, kinds.Metadata):
                plain = plain.type
            if isinstance(plain, kinds.StructType) and plain.tag_field is not None and not plain.array_like:
                tagged[plain.tag] = each
                tag_field = plain.tag_field
        if len(tagged) < 2:
            return {"anyOf": [self.make(each) for each in _null_last(kind)]}
        references = {tag: self.make(each) for tag, each in tagged.items()}
        one_of: Schema = {"oneOf": list(references.values()), "discriminator": {"propertyName": tag_field}}
        if all(isinstance(tag, str) for tag in references):
            one_of["discriminator"]["mapping"] = {tag: each["$ref"] for tag, each in references.items()}
        others = [self.make(each) for each in _null_last(kind) if not any(each is one for one in tagged.values())]
        return {"anyOf": [one_of, *others]} if others else one_of

    def _other(self, kind: Kind) -> Schema:
        """Return the schema of anything, or of a file."""
        if is_upload(kind):
            return BINARY_SCHEMA
        cls: Any = getattr(kind, "cls", type(kind))
        if cls is not object:
            self._schemas.problems.append(f"{getattr(cls, '__qualname__', cls)} has no schema in JSON")
        return {}


def with_default(schema: Schema, default: Any, factory: Any = msgspec.NODEFAULT) -> Schema:
    """Return a schema with a default, if that can be written in JSON."""
    if default is msgspec.NODEFAULT and factory in (list, dict, set, frozenset, tuple):
        default = factory()
    if default is msgspec.NODEFAULT or default is UNSET:
        return schema
    try:
        value = msgspec.json.decode(msgspec.json.encode(default))
    except (TypeError, ValueError):
        return schema
    return {**schema, "default": value}


def _null_last(kind: kinds.UnionType) -> list[Kind]:
    return sorted(kind.types, key=lambda each: isinstance(each, kinds.NoneType))


# --- references and names -----------------------------------------------------------------------------


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    """Return a part of a document with the names of its components."""
    if isinstance(part, dict):
        return {key: _renamed(each, names) for key, each in part.items()}
    if isinstance(part, list):
        return [_renamed(each, names) for each in part]
    if isinstance(part, str) and part.startswith(REFERENCE):
        key = part.removeprefix(REFERENCE)
        return REFERENCE + names.get(key, key)
    return part


def _references(part: Any) -> Iterator[str]:
    """Yield the references to classes in a schema."""
    if isinstance(part, dict):
        for each in part.values():
            yield from _references(each)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, str) and part.startswith(REFERENCE) and ":" in part:
        yield part


def _numbers_in(schema: Schema) -> Iterator[int]:
    for each in _references(schema):
        yield int(each.removeprefix(REFERENCE).partition(":")[0])


def _undirected(schema: Schema) -> Any:
    """Return a schema whose references say no direction."""
    return _renamed(schema, {each.removeprefix(REFERENCE): each.rpartition(":")[0] for each in _references(schema)})


def _short_name(cls: Any) -> str:
    arguments = getattr(cls, "__args__", ())
    name = getattr(cls, "__name__", None) or cls.__origin__.__name__
    return "_".join([name, *(getattr(each, "__name__", str(each)) for each in arguments)])


def _clean(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name.replace("<locals>.", "")).strip("_")


def _unused(name: str, used: set[str]) -> str:
    number, found = 2, name
    while found in used:
        found, number = f"{name}_{number}", number + 1
    return found


def _hashable(cls: Any) -> Any:
    try:
        hash(cls)
    except TypeError:
        return id(cls)
    return cls
