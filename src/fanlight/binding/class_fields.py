"""Say what a client may set of a class: what the class takes when it is called, and is not private.

In: the annotation of a dataclass, Struct, attrs class, TypedDict or NamedTuple. Out: its `Record`, each field with its
type. Refuses, by TypeError, what would be filled without the class's knowledge: an `__init__` that takes other things
than its fields, a private field that must be given, a mark in a field.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Annotated, Any, NamedTuple

import msgspec

from fanlight.binding.annotations import ParsedAnnotation, has_default, read_field, read_type, settled, substituted
from fanlight.binding.callables import display_name
from fanlight.binding.defaults import misplaced_default
from fanlight.binding.kinds import is_mutable
from fanlight.binding.metadata import AnnotationError
from fanlight.binding.scope import Scope, class_scope, module_scope
from fanlight.binding.signature import FACTORIES, MISSING
from fanlight.binding.wording import written

_GENERATED = "<"  # the file of functions that dataclasses and attrs have written
_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_WRAPPERS = {"Required", "NotRequired", "ReadOnly"}  # of typing, and of typing_extensions


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One field that a client may set: `sent_as` in JSON and forms, `given_as` to the class."""

    sent_as: str
    given_as: str
    annotation: Any
    is_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordType:
    """A class that is filled by name. `must_be_called`: filled field by field, it would be another."""

    name: str
    make: Callable[..., object]
    fields: tuple[Taken, ...]
    must_be_called: bool
    is_list: bool = False  # JSON has it as a list
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  # of a Struct


class _Own(NamedTuple):
    """A field as its class has it."""

    name: str
    sent_as: str
    given_as: str
    default: object  # MISSING if it must be given


def is_record(annotation: Any) -> bool:
    """Say whether an annotation is a class that is filled by name."""
    return isinstance(cls := _class_of(annotation), type) and _reader_of(cls) is not None


def is_whole(annotation: Any) -> bool:
    """Say whether an annotation is a class that a whole body, or query, can be."""
    return _reader_of(_class_of(annotation)) in (_struct, _dataclass, _attrs, _typed_dict)


def is_struct(annotation: Any) -> bool:
    """Say whether an annotation is a Struct; several of them can be the whole body, too."""
    return _reader_of(_class_of(annotation)) is _struct


def refuse_unhashable(container: Any, annotation: Any) -> None:
    """Raise Misread for a class in a set that no set can hold."""
    is_set = isinstance(cls := _class_of(container), type) and issubclass(cls, collections.abc.Set)
    if is_set and is_record(annotation) and _class_of(annotation).__hash__ is None:
        raise AnnotationError(
            "a set can hold no such thing, as it can't be hashed", "take a list, or make the class frozen"
        )


def read_record(annotation: Any) -> RecordType:
    """Return what a client may set of a class. Raises TypeError or NameError."""
    cls = _class_of(annotation)
    read = _reader_of(cls)
    assert read is not None
    name = cls.__qualname__.replace("<locals>.", "")
    hints = class_hints(annotation)
    fields: list[Taken] = []
    must_be_called = read is _attrs or _has_own_init(cls)
    all_fields = list(read(cls))
    for each in all_fields:
        hint = hints.get(each.name, Any)
        is_required = each.default is MISSING
        if is_mutable(each.default):
            message = f"the default of {name}.{each.name} is shared by all requests"
            raise AnnotationError(message, "give a default_factory")
        if read is _typed_dict:
            hint, is_required = _unwrapped(hint, is_required=is_required)
        if each.name.startswith("_") and read is not _typed_dict:
            if is_required:
                hint_text = "take the underscore away, or give it a default"
                raise AnnotationError(f"{name}.{each.name} is private, so it can't be sent", hint_text)
            must_be_called = True
            continue
        annotated, sent_as = hint, each.sent_as
        if isinstance(hint, _Hint):
            annotated, mark = hint.read(f"in the field {each.name} of {name}")
            must_be_called |= not hint.is_plain(annotated)
            sent_as = getattr(mark, "name", "") or sent_as
        if type(each.default).__module__ in FACTORIES:
            _refuse_factory(name, each, cls)
        else:
            _refuse_default(name, each, annotated)
        if any(other.sent_as == sent_as for other in fields):
            raise AnnotationError(f'two fields of {name} are sent as "{sent_as}"', "give them different names")
        fields.append(Taken(sent_as=sent_as, given_as=each.given_as, annotation=annotated, is_required=is_required))
    return RecordType(
        name=name,
        make=dict if read is _typed_dict else cls,
        fields=tuple(fields),
        must_be_called=must_be_called or _keeps_fields(cls, all_fields),
        is_list=read is _named_tuple,
        options=_options(cls, name, is_short=len(fields) < len(all_fields)),
    )


def _refuse_default(name: str, field: _Own, annotation: Any) -> None:
    """Refuse a function or a mark as the default of a field, which a client could set."""
    wrong = misplaced_default(field.name, field.default, annotation, written(annotation))
    if wrong is not None:
        raise AnnotationError(
            f"{name}.{field.name} {wrong[0]}", "a dependency is a parameter of the view, beside the class"
        )


def _refuse_factory(name: str, field: _Own, cls: Any) -> None:
    """Refuse a default_factory that can't be called: a dependency, which needs a request."""
    known = getattr(cls, "__dataclass_fields__", {}).get(field.name)
    factory: Any = getattr(field.default, "factory", None) if known is None else known.default_factory
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # written in C, and says nothing of what it takes
        return
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in _STARRED]
    if needed and not getattr(field.default, "takes_self", False):  # attrs gives the object itself
        message = f"{name}.{field.name} is made by {display_name(factory)}, which needs {' and '.join(needed)}"
        raise AnnotationError(
            message, "a default_factory takes nothing; a dependency is a parameter of the view, beside the class"
        )


# --- the kinds of class -------------------------------------------------------------------------------


def _struct(cls: Any) -> Iterator[_Own]:
    needed = len(cls.__struct_fields__) - len(cls.__struct_defaults__)
    for number, (name, sent_as) in enumerate(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)):
        default = msgspec.NODEFAULT if number < needed else cls.__struct_defaults__[number - needed]
        yield _Own(name, sent_as, name, MISSING if default is msgspec.NODEFAULT else default)


def _dataclass(cls: Any) -> Iterator[_Own]:
    parameters = inspect.signature(cls).parameters
    known = cls.__dataclass_fields__
    taken = {name for name, field in known.items() if field.init and not _is_class_variable(field)}
    if set(parameters) != taken:
        message = f"{cls.__qualname__} has an __init__ of its own, which takes other things than its fields"
        raise AnnotationError(message, "compute what it keeps in __post_init__, and declare it with field(init=False)")
    for name, parameter in parameters.items():
        yield _Own(name, name, name, MISSING if parameter.default is parameter.empty else parameter.default)


def _attrs(cls: Any) -> Iterator[_Own]:
    for each in cls.__attrs_attrs__:
        if each.init:
            default = MISSING if each.default is _nothing(cls) else each.default
            yield _Own(each.name, each.name, each.alias or each.name, default)


def _typed_dict(cls: Any) -> Iterator[_Own]:
    for name in cls.__annotations__:
        yield _Own(name, name, name, MISSING if name in cls.__required_keys__ else None)


def _named_tuple(cls: Any) -> Iterator[_Own]:
    for name in cls._fields:
        yield _Own(name, name, name, cls._field_defaults.get(name, MISSING))


def _class_of(annotation: Any) -> Any:
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    return typing.get_origin(annotation) or annotation


def _reader_of(cls: Any) -> Callable[[Any], Iterator[_Own]] | None:
    """Return what lists the fields of a class, None if it is not filled by name."""
    if not isinstance(cls, type):
        return None
    if issubclass(cls, msgspec.Struct):
        return _struct
    if dataclasses.is_dataclass(cls):
        return _dataclass
    if hasattr(cls, "__attrs_attrs__"):
        return _attrs
    if hasattr(cls, "__required_keys__") and hasattr(cls, "__total__"):
        return _typed_dict
    return _named_tuple if issubclass(cls, tuple) and hasattr(cls, "_field_defaults") else None


def _is_class_variable(field: Any) -> bool:
    return field._field_type is dataclasses._FIELD_CLASSVAR  # type: ignore[attr-defined]  # noqa: SLF001 - its only name


def _nothing(cls: Any) -> object:
    """Return what attrs has for no default; attrs is there, for the class was made by it."""
    return inspect.getmodule(type(cls.__attrs_attrs__[0])).NOTHING  # type: ignore[union-attr]


def _has_own_init(cls: Any) -> bool:
    """Say whether somebody has written what makes the objects of a class; msgspec would pass it by."""
    for name in ("__init__", "__new__"):
        made = getattr(cls, name, None)
        if isinstance(made, FunctionType) and not made.__code__.co_filename.startswith(_GENERATED):
            return not hasattr(cls, "_field_defaults")  # the __new__ of a NamedTuple is none
    return False


def _keeps_fields(cls: Any, taken: list[_Own]) -> bool:
    """Say whether a dataclass has fields that it does not take when it is called."""
    return dataclasses.is_dataclass(cls) and {each.name for each in taken} != {f.name for f in dataclasses.fields(cls)}


def _options(cls: Any, name: str, *, is_short: bool) -> dict[str, Any]:
    if not issubclass(cls, msgspec.Struct):
        return {}
    config = cls.__struct_config__
    if config.array_like and is_short:
        raise AnnotationError(f"{name} is sent as a list, and has private fields in it", "take array_like=True away")
    names = ("tag", "tag_field", "array_like", "forbid_unknown_fields")
    return {each: getattr(config, each) for each in names}


# --- the annotations of a class -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Hint:
    """The annotation of a field as it stands in its class."""

    raw: Any
    scope: Scope
    given: dict[Any, Any]

    def read(self, where: str) -> ParsedAnnotation:
        annotation, mark = read_field(self.raw, self.scope, where)
        annotation = substituted(annotation, self.given)
        return ParsedAnnotation(settled(read_type(annotation, self.scope, where) if self.given else annotation), mark)

    def is_plain(self, annotation: Any) -> bool:
        """Say whether msgspec would read the same in the class itself."""
        raw = self.scope.read_text(self.raw)
        if any(map(has_default, getattr(raw, "__parameters__", (raw,)))):
            return False  # msgspec takes the bound
        return bool(settled(substituted(raw, self.given)) == annotation)


def class_hints(annotation: Any) -> dict[str, _Hint]:
    """Return the annotations of a class and of those it stems from, with the types that a generic one was given."""
    cls = _class_of(annotation)
    given = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(annotation), strict=False))
    found: dict[str, _Hint] = {}
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        if isinstance(_class_of(base), type) and _class_of(base) is not typing.Generic:
            found |= class_hints(substituted(base, given))
    scope = class_scope(cls)
    for name, raw in inspect.get_annotations(cls).items():
        if name in found and found[name].raw == raw and hasattr(cls, "__required_keys__"):
            continue  # a TypedDict repeats those that it stems from
        known = scope
        module = raw.__forward_module__ if isinstance(raw, typing.ForwardRef) else None
        if module is not None and getattr(module, "__name__", module) != cls.__module__:  # a TypedDict it stems from
            known = module_scope(raw)
        found[name] = _Hint(raw, known, given)
    return found


def _unwrapped(hint: Any, *, is_required: bool) -> tuple[Any, bool]:
    """Take `Required` and `NotRequired` from the field of a TypedDict; where they stand as text, Python has not."""
    if not isinstance(hint, _Hint):
        return hint, is_required
    raw = hint.scope.read_text(hint.raw)
    while (wrapper := getattr(typing.get_origin(raw), "_name", "")) in _WRAPPERS:
        is_required = {"Required": True, "NotRequired": False}.get(wrapper, is_required)
        raw = typing.get_args(raw)[0]
    return _Hint(raw, hint.scope, hint.given), is_required
