"""Where each parameter of a view comes from, in words: for `fanlight routes --json` and tools like it.

In: a view's signature, its path, and its binding for some methods. Out: a `ParameterFacts` for each parameter, in the
order of the view. Nothing of it is used to serve a request.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from types import UnionType

from msgspec import Struct

from fanlight.binding.arguments import Binding
from fanlight.binding.callables import display_name
from fanlight.binding.describe import annotation_text
from fanlight.binding.fields import InputField
from fanlight.binding.input_parameter import annotation_of
from fanlight.binding.sentinels import MISSING
from fanlight.binding.signature import Parameter, Signature

_GIVEN = ("request", "state", "dependency", "errors", "stream", "early-hints")  # what no client sends by its name


class ParameterFacts(Struct, frozen=True, kw_only=True):
    """A parameter, and where it comes from."""

    name: str
    source: str  # path, query, body, form, header, cookie, or one of _GIVEN
    sent_as: str | None  # the name by which a client sends it; None for the whole body or query, and what is not sent
    type: str  # as it is written in Python
    is_required: bool


def path_facts(path: Mapping[str, str]) -> Iterator[ParameterFacts]:
    """Yield the facts of the parameters of a path, where no view takes them by an annotation."""
    for name, converter in path.items():
        kind = "str" if converter == "path" else "UUID" if converter == "uuid" else converter
        yield ParameterFacts(name=name, source="path", sent_as=name, type=kind, is_required=True)


def parameter_facts(signature: Signature, path: Mapping[str, str], binding: Binding) -> Iterator[ParameterFacts]:
    """Yield the facts of each parameter that a view takes."""
    names = {each.name for each in signature.parameters if each.annotation is not MISSING}
    untyped = {each.name: each for each in path_facts(path) if each.name in binding.path and each.name not in names}
    sources = _sources(binding)
    for parameter in signature.parameters:
        name = parameter.name
        source, field = sources.get(name, ("body", None))
        if name in untyped:
            yield untyped.pop(name)
            continue
        if binding.body is None and name not in sources:
            continue  # of a form that is only shown
        is_whole = field is None and source in ("body", "query") and name in _whole_names(binding)
        is_sent = source not in _GIVEN and not is_whole
        yield ParameterFacts(
            name=name,
            source="form" if field is not None and field.is_file else source,
            sent_as=(field.sent_as if field is not None else _sent_as(parameter)) if is_sent else None,
            type=_type_of(parameter, binding),
            is_required=source not in _GIVEN and (source == "path" or _is_required(parameter, field)),
        )
    yield from untyped.values()  # taken by **names


def _sources(binding: Binding) -> dict[str, tuple[str, InputField | None]]:
    """Return the source of each parameter, and its field if it has one; those that only JSON can hold are left out."""
    found: dict[str, tuple[str, InputField | None]] = dict.fromkeys(binding.path, ("path", None))
    found |= dict.fromkeys(binding.requests, ("request", None))
    found |= dict.fromkeys(binding.states, ("state", None))
    found |= dict.fromkeys(binding.dependencies, ("dependency", None))
    errors = binding.errors.name if binding.errors is not None else ""
    for name, source in ((errors, "errors"), (binding.stream, "stream"), (binding.hints, "early-hints")):
        found |= {name: (source, None)} if name else {}
    for fields, source in ((binding.headers, "header"), (binding.cookies, "cookie"), (binding.query, "query")):
        found |= {field.name: (source, field) for field in (fields.fields if fields is not None else ())}
    if binding.body is not None and binding.body.form is not None:
        found |= {field.name: ("body", field) for field in binding.body.form.fields}
    if binding.query_record is not None:
        found[binding.query_record[0]] = "query", None
    return found


def _whole_names(binding: Binding) -> set[str]:
    query = {binding.query_record[0]} if binding.query_record is not None else set[str]()
    return query | ({binding.body.whole} if binding.body is not None else set())


def _sent_as(parameter: Parameter) -> str:
    return getattr(parameter.marker, "name", "") or parameter.name


def _is_required(parameter: Parameter, field: InputField | None) -> bool:
    if field is not None:
        return field.missing is MISSING and field.collect is None
    is_optional = type(None) in typing.get_args(parameter.annotation)
    return parameter.default is MISSING and not is_optional


def _type_of(parameter: Parameter, binding: Binding) -> str:
    """Return the type as Python code; for a dependency, the name of the function."""
    dependency = binding.dependencies.get(parameter.name)
    if dependency is not None:
        return display_name(dependency)
    return _text_of(annotation_of(parameter))


def _text_of(annotation: object) -> str:
    """Return a type as Python code, with `X | None` for an Optional."""
    if typing.get_origin(annotation) in (typing.Union, UnionType):
        return " | ".join(map(_text_of, typing.get_args(annotation)))
    return "None" if annotation is type(None) else annotation_text(annotation)
