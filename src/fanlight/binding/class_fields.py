"""List the fields of a class that a client may set: what the class accepts when it is called, without private ones.

In: the annotation of a dataclass, Struct, attrs class, TypedDict or NamedTuple. Out: its `RecordType`, with the type of
each field. Rejects, with TypeError, what would fill an object without its class taking part: an `__init__` whose
parameters are not the fields, a private field without a default, a marker in a field.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator
from types import FunctionType, MemberDescriptorType
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from fanlight.binding.annotations import (
    ParsedAnnotation,
    fill_type_variables,
    has_default,
    parse_field,
    parse_type,
    substitute,
)
from fanlight.binding.callables import display_name, is_default_factory
from fanlight.binding.defaults import default_error
from fanlight.binding.describe import annotation_text
from fanlight.binding.kinds import is_mutable
from fanlight.binding.metadata import AnnotationError
from fanlight.binding.scope import Scope, class_scope, module_scope
from fanlight.binding.sentinels import MISSING

_GENERATED = "<"  # how the file name of functions begins that dataclasses and attrs have written
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_WRAPPERS = {"Required", "NotRequired", "ReadOnly"}  # of typing, and of typing_extensions
_NOT_A_FIELD = "make a dependency a parameter of the view, beside the class"


class ClassField(Struct, frozen=True):
    """A field that a client may set: its name in JSON and forms, and its name as an argument of the class."""

    sent_as: str
    argument: str
    annotation: Any
    is_required: bool


class RecordType(Struct, frozen=True):
    """A class that is filled by name. `must_be_called`: filled by msgspec, its objects would differ."""

    name: str
    make: Callable[..., object]
    fields: tuple[ClassField, ...]
    must_be_called: bool
    is_list: bool  # in JSON
    options: dict[str, Any]  # of a Struct


class _Declared(Struct, frozen=True):
    name: str
    sent_as: str
    argument: str
    default: object  # MISSING if it is required


def is_record(annotation: Any) -> bool:
    """Return whether an annotation is a class that is filled by name."""
    return _reader_of(_class_of(annotation)) is not None


def is_body_class(annotation: Any) -> bool:
    """Return whether an annotation is a class that a parameter takes from the whole body, or the whole query."""
    return _reader_of(_class_of(annotation)) in (_struct, _dataclass, _attrs, _typed_dict)


def is_struct(annotation: Any) -> bool:
    """Return whether an annotation is a Struct; a union of them can be the whole body, too."""
    return _reader_of(_class_of(annotation)) is _struct


def reject_unhashable(container: Any, annotation: Any) -> None:
    """Raise AnnotationError for a set of classes whose objects are not hashable."""
    is_set = isinstance(cls := _class_of(container), type) and issubclass(cls, collections.abc.Set)
    if is_set and is_record(annotation) and _class_of(annotation).__hash__ is None:
        raise AnnotationError("the items of a set must be hashable", "use a list, or make the class frozen")


def read_record(annotation: Any) -> RecordType:
    """Return the fields of a class that a client may set. Raises TypeError or NameError."""
    cls = _class_of(annotation)
    read = _reader_of(cls)
    assert read is not None
    name = cls.__qualname__.replace("<locals>.", "")
    annotations = _field_annotations(annotation)
    fields: list[ClassField] = []
    must_be_called = read is _attrs or _has_own_init(cls)
    declared = list(read(cls))
    for each in declared:
        written = annotations.get(each.name)
        is_required = each.default is MISSING
        if is_mutable(each.default):
            raise AnnotationError(
                f"the default of {name}.{each.name} is mutable, and would be shared by all requests",
                "use a default_factory",
            )
        if read is _typed_dict and written is not None:
            written, is_required = written.unwrapped(is_required=is_required)
        if each.name.startswith("_") and read is not _typed_dict:
            if is_required:
                message = f"{name}.{each.name} is private, so it can't be sent"
                raise AnnotationError(message, "remove the underscore, or give it a default")
            must_be_called = True
            continue
        field_type, sent_as = Any, each.sent_as
        if written is not None:
            parsed = written.parse(f"in the field {each.name} of {name}")
            field_type = parsed.annotation
            must_be_called |= not written.is_plain(field_type)
            sent_as = getattr(parsed.marker, "name", "") or sent_as
        _check_default(name, each, cls, field_type)
        if any(other.sent_as == sent_as for other in fields):
            raise AnnotationError(f'two fields of {name} are sent as "{sent_as}"', "give them different names")
        fields.append(
            ClassField(sent_as=sent_as, argument=each.argument, annotation=field_type, is_required=is_required)
        )
    return RecordType(
        name=name,
        make=dict if read is _typed_dict else cls,
        fields=tuple(fields),
        must_be_called=must_be_called or _has_other_fields(cls, declared) or _shares_defaults(cls),
        is_list=read is _named_tuple,
        options=_struct_options(cls, name, is_short=len(fields) < len(declared)),
    )


def _check_default(name: str, field: _Declared, cls: Any, annotation: Any) -> None:
    """Raise AnnotationError for a default that is a dependency: a client could set the field."""
    if not is_default_factory(field.default):
        error = default_error(field.name, field.default, annotation, annotation_text(annotation))
        if error is not None:
            raise AnnotationError(f"{name}.{field.name} {error[0]}", _NOT_A_FIELD)
        return
    declared = getattr(cls, "__dataclass_fields__", {}).get(field.name)
    factory: Any = getattr(field.default, "factory", None) if declared is None else declared.default_factory
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return
    needed = [each.name for each in parameters if each.default is each.empty and each.kind not in _VARIADIC]
    if needed and not getattr(field.default, "takes_self", False):  # attrs passes the object itself
        message = f"the default_factory of {name}.{field.name}, {display_name(factory)}, needs {' and '.join(needed)}"
        raise AnnotationError(message, f"a default_factory takes no arguments; {_NOT_A_FIELD}")


# --- the kinds of class -------------------------------------------------------------------------------


def _struct(cls: Any) -> Iterator[_Declared]:
    needed = len(cls.__struct_fields__) - len(cls.__struct_defaults__)
    for number, (name, sent_as) in enumerate(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)):
        default = msgspec.NODEFAULT if number < needed else cls.__struct_defaults__[number - needed]
        yield _Declared(name, sent_as, name, MISSING if default is msgspec.NODEFAULT else default)


def _dataclass(cls: Any) -> Iterator[_Declared]:
    parameters = inspect.signature(cls).parameters
    fields = cls.__dataclass_fields__
    if set(parameters) != {name for name, each in fields.items() if each.init and not _is_class_variable(each)}:
        message = f"{cls.__qualname__} has an __init__ of its own, whose parameters are not its fields"
        raise AnnotationError(
            message, "compute other attributes in __post_init__, and declare them with field(init=False)"
        )
    for name, parameter in parameters.items():
        yield _Declared(name, name, name, MISSING if parameter.default is parameter.empty else parameter.default)


def _attrs(cls: Any) -> Iterator[_Declared]:
    for each in cls.__attrs_attrs__:
        if each.init:
            default = MISSING if each.default is _attrs_nothing(cls) else each.default
            yield _Declared(each.name, each.name, each.alias or each.name, default)


def _typed_dict(cls: Any) -> Iterator[_Declared]:
    for name in cls.__annotations__:
        yield _Declared(name, name, name, MISSING if name in cls.__required_keys__ else None)


def _named_tuple(cls: Any) -> Iterator[_Declared]:
    for name in cls._fields:
        yield _Declared(name, name, name, cls._field_defaults.get(name, MISSING))


def _class_of(annotation: Any) -> Any:
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    return typing.get_origin(annotation) or annotation


def _reader_of(cls: Any) -> Callable[[Any], Iterator[_Declared]] | None:
    """Return the function that lists the fields of a class, None if it is not filled by name."""
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


def _attrs_nothing(cls: Any) -> object:
    """Return the value that attrs has for no default; attrs is imported, since it made the class."""
    return inspect.getmodule(type(cls.__attrs_attrs__[0])).NOTHING  # type: ignore[union-attr]


def _has_own_init(cls: Any) -> bool:
    """Return whether the `__init__` or `__new__` of a class is written by hand; msgspec would not call it."""
    for name in ("__init__", "__new__"):
        method = getattr(cls, name, None)
        if isinstance(method, FunctionType) and not method.__code__.co_filename.startswith(_GENERATED):
            return not hasattr(cls, "_field_defaults")  # the __new__ of a NamedTuple is generated, too
    return False


def _has_other_fields(cls: Any, declared: list[_Declared]) -> bool:
    """Return whether a dataclass has fields that are not arguments."""
    return dataclasses.is_dataclass(cls) and {each.name for each in declared} != {
        f.name for f in dataclasses.fields(cls)
    }


def _shares_defaults(cls: Any) -> bool:
    """Return whether a dataclass has defaults as attributes of the class: msgspec leaves them there.

    So they would be missing in `vars()` of what was sent, and in the JSON of it.
    """
    if not dataclasses.is_dataclass(cls):
        return False
    return any(
        each.default is not dataclasses.MISSING
        and not isinstance(inspect.getattr_static(cls, each.name, None), MemberDescriptorType)
        for each in dataclasses.fields(cls)
    )


def _struct_options(cls: Any, name: str, *, is_short: bool) -> dict[str, Any]:
    if not issubclass(cls, msgspec.Struct):
        return {}
    config = cls.__struct_config__
    if config.array_like and is_short:
        raise AnnotationError(f"{name} is array_like, so it can't have private fields", "remove array_like=True")
    names = ("tag", "tag_field", "array_like", "forbid_unknown_fields")
    return {each: getattr(config, each) for each in names}


# --- the annotations of a class -----------------------------------------------------------------------


class _FieldAnnotation(Struct, frozen=True):
    """The annotation of a field as it is written in its class, and the type arguments of the class."""

    written: Any
    scope: Scope
    arguments: dict[Any, Any]

    def parse(self, where: str) -> ParsedAnnotation:
        parsed = parse_field(self.written, self.scope, where)
        annotation = substitute(parsed.annotation, self.arguments)
        if self.arguments:
            annotation = parse_type(annotation, self.scope, where)
        return ParsedAnnotation(fill_type_variables(annotation), parsed.marker)

    def is_plain(self, annotation: Any) -> bool:
        """Return whether msgspec reads the same annotation in the class itself."""
        written = self.scope.resolve(self.written)
        if any(map(has_default, getattr(written, "__parameters__", (written,)))):
            return False  # msgspec takes the bound
        return bool(fill_type_variables(substitute(written, self.arguments)) == annotation)

    def unwrapped(self, *, is_required: bool) -> tuple[_FieldAnnotation, bool]:
        """Return the annotation in `Required` and `NotRequired`, which Python does not see in text."""
        written = self.scope.resolve(self.written)
        while (wrapper := getattr(typing.get_origin(written), "_name", "")) in _WRAPPERS:
            is_required = {"Required": True, "NotRequired": False}.get(wrapper, is_required)
            written = typing.get_args(written)[0]
        return _FieldAnnotation(written, self.scope, self.arguments), is_required


def _field_annotations(annotation: Any) -> dict[str, _FieldAnnotation]:
    """Return the annotations of a class and of its bases, with the type arguments of a generic one."""
    cls = _class_of(annotation)
    arguments = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(annotation), strict=False))
    found: dict[str, _FieldAnnotation] = {}
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        if isinstance(_class_of(base), type) and _class_of(base) is not typing.Generic:
            found |= _field_annotations(substitute(base, arguments))
    scope = class_scope(cls)
    for name, written in inspect.get_annotations(cls).items():
        if name in found and found[name].written == written and hasattr(cls, "__required_keys__"):
            continue  # a TypedDict repeats those of its bases
        own_scope = scope
        module = written.__forward_module__ if isinstance(written, typing.ForwardRef) else None
        if module is not None and getattr(module, "__name__", module) != cls.__module__:  # of a TypedDict's base
            own_scope = module_scope(written)
        found[name] = _FieldAnnotation(written, own_scope, arguments)
    return found
