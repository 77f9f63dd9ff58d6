"""A function that runs for a route, and the types of what it takes from a request.

In: a view, a dependency or middleware, its signature and its binding. Out: for each parameter its kind, its default,
and what is written about it.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import NODEFAULT, Struct
from msgspec import inspect as kinds

from fanlight.binding.arguments import Binding
from fanlight.binding.callables import View, decorator_value, unwrap_callable
from fanlight.binding.fields import InputField, InputFields, RecordInput
from fanlight.binding.input_parameter import InputParameter, annotation_of, read_parameter
from fanlight.binding.kinds import Kind, split_optional, strip_metadata
from fanlight.binding.scope import scope_of
from fanlight.binding.sentinels import MISSING
from fanlight.binding.signature import ANNOTATION_ERRORS, Parameter, Signature
from fanlight.message.security_scheme import SECURITY_ATTRIBUTE, SecurityScheme


class TextField(Struct, frozen=True):
    """A field of a query, a form, a cookie or a header field: what is sent as text, or a file."""

    field: InputField
    kind: Kind  # without None, which no text is
    default: object  # NODEFAULT without one
    description: str

    @property
    def is_required(self) -> bool:
        """Whether it must be sent. Of a collection without a default there may be none, unless that is too few."""
        if self.field.missing is not MISSING:
            return False
        return self.field.collect is None or bool(getattr(strip_metadata(self.kind), "min_length", None))


class BoundFunction(Struct, frozen=True, kw_only=True):
    """A function that runs for a route with some methods, and where its arguments come from."""

    function: View
    signature: Signature
    binding: Binding
    has_body: bool = False  # it is a view, of methods with content
    is_dependency: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter, None if it has none of that name."""
        return next((each for each in self.signature.parameters if each.name == name), None)

    def read(self, name: str) -> InputParameter:
        """Return a parameter with its type."""
        parameter = self.parameter(name)
        assert parameter is not None
        return read_parameter(parameter, annotation_of(parameter))

    def text_fields(self, fields: InputFields | None) -> Iterator[TextField]:
        """Yield the fields that are parameters."""
        for each in fields.fields if fields is not None else ():
            read = self.read(each.name)
            default = NODEFAULT if read.parameter.default in (MISSING, None) else read.parameter.default
            kind = without_none(kinds.type_info(read.plan.annotation))
            yield TextField(each, kind, default, self.description(read.parameter))

    def record_fields(self, name: str, record: RecordInput | None) -> Iterator[TextField]:
        """Yield the fields of the class of a parameter that is a whole query or form."""
        if record is None:
            return
        kind: Any = split_optional(self.read(name).kind)[0]
        by_name = {each.encode_name: each for each in kind.fields}
        for each in record.fields.fields:
            inner = by_name[each.sent_as]
            default = NODEFAULT if inner.default is None else inner.default
            yield TextField(each, without_none(inner.type), default, "")

    @property
    def content_names(self) -> list[str]:
        """The parameters that are fields of the content: those that come from nowhere else."""
        binding = self.binding
        elsewhere = {*binding.path, *binding.requests, *binding.states, *binding.dependencies}
        elsewhere |= {binding.stream, binding.hints, binding.errors.name if binding.errors is not None else ""}
        for fields in (binding.query, binding.headers, binding.cookies):
            elsewhere |= {each.name for each in fields.fields} if fields is not None else set()
        elsewhere |= {binding.query_record[0]} if binding.query_record is not None else set()
        return [each.name for each in self.signature.parameters if each.name not in elsewhere]

    @property
    def security(self) -> SecurityScheme | None:
        """The credentials that it says it takes; its header fields are these."""
        return decorator_value(self.function, SECURITY_ATTRIBUTE, SecurityScheme)

    @property
    def may_refuse(self) -> bool:
        """Whether a field of a request may be missing or invalid."""
        binding = self.binding
        if binding.body is not None or binding.query_record is not None:
            return True
        groups = [each for each in (binding.query, binding.headers, binding.cookies) if each is not None]
        return any(each.may_be_invalid for group in groups for each in group.fields)

    def description(self, parameter: Parameter) -> str:
        """Return the text of `Doc(...)` beside the type of a parameter, "" without one."""
        if parameter.written is MISSING:
            return ""
        try:
            annotation: Any = scope_of(unwrap_callable(self.function)).resolve(parameter.written)
        except ANNOTATION_ERRORS:
            return ""
        if typing.get_origin(annotation) is not Annotated:
            return ""
        texts = (getattr(each, "documentation", None) for each in annotation.__metadata__)
        return next((each for each in texts if isinstance(each, str)), "")


def without_none(kind: Kind) -> Kind:
    """Return a kind without its None, with what describes it."""
    if isinstance(kind, kinds.Metadata):
        return kinds.Metadata(without_none(kind.type), kind.extra_json_schema, kind.extra)
    return split_optional(kind)[0]
