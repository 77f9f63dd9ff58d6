"""The arguments of a view, recorded: where each comes from, what was sent, what the view gets, what is wrong with it.

In: a view's signature and binding, once, while the app is built; then requests. Out: a `Parameter` for each parameter,
in the view's order. Values are shown by their `repr`, cut, as they are when the view is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fanlight.binding.callables import display_name
from fanlight.binding.describe import annotation_text
from fanlight.binding.sentinels import MISSING
from fanlight.devtools.inspector.current import CURRENT
from fanlight.devtools.inspector.exchange_record import Parameter
from fanlight.devtools.inspector.short_values import short_value
from fanlight.errors import BadField, UnprocessableContent
from fanlight.message.upload import Upload

if TYPE_CHECKING:
    from fanlight.binding.arguments import Binding
    from fanlight.binding.callables import ArgumentBuilder
    from fanlight.binding.fields import InputFields
    from fanlight.binding.signature import Parameter as ViewParameter
    from fanlight.binding.signature import Signature
    from fanlight.message.request import Request

Sent = Callable[["Request"], str | None]  # what was sent for a parameter, as text; None for nothing
BODY = "body"
_NOTHING: Mapping[str, Any] = {}


def recorded_arguments(build: ArgumentBuilder | None, signature: Signature, binding: Binding) -> ArgumentBuilder | None:
    """Return what makes the arguments of a view, and records each."""
    if not signature.parameters and not signature.has_kwargs:
        return build
    parameters = [_Described(each, *_source_of(each, binding)) for each in signature.parameters]

    def complaints(described: _Described, bad: Sequence[BadField]) -> str:
        own = [each.message for each in bad if described.is_about(each)]
        if described.is_body:  # a class: its fields are no parameters
            rest = (each for each in bad if not any(other.is_about(each) for other in parameters))
            own += [f"{each.name}: {each.message}" if each.name else each.message for each in rest]
        return "; ".join(own)

    def build_recorded(request: Request) -> dict[str, Any]:
        recording = CURRENT.get()
        if recording is None:
            return request.params if build is None else build(request)
        span = recording.begin_span("arguments", "")
        try:
            values = request.params if build is None else build(request)
        except BaseException as error:
            span.end_now(perf_counter(), error)
            bad = error.fields if isinstance(error, UnprocessableContent) else ()
            recording.take_parameters([each.record(request, _NOTHING, complaints(each, bad)) for each in parameters])
            raise
        span.end_now(perf_counter())
        recording.take_parameters([each.record(request, values, "") for each in parameters])
        return values

    return build_recorded


def _source_of(parameter: ViewParameter, binding: Binding) -> tuple[str, str, Sent]:
    """Return where a parameter comes from, the name under which it is sent, and how to find what was sent."""
    name = parameter.name
    not_sent = {
        **dict.fromkeys(binding.requests, "request"),
        **dict.fromkeys(binding.states, "state of the app"),
        **{each: f"dependency {display_name(key)}" for each, key in binding.dependencies.items()},
        binding.stream: "content, as a stream",
        binding.hints: "early hints",
        "" if binding.errors is None else binding.errors.name: "errors of the form",
    }
    if name in not_sent:
        return not_sent[name], name, lambda _: None
    for fields, sent in ((binding.headers, _header), (binding.cookies, _cookie), (binding.query, _query)):
        if fields is not None and (sent_as := _sent_as(name, fields)):
            return fields.source, sent_as, partial(sent, sent_as)
    if name in binding.path:
        return "path", name, lambda request: _text(request.params.get(name))
    if binding.query_record is not None and binding.query_record[0] == name:
        return "query", name, lambda request: request.head.query or None
    return "default" if binding.body is None else BODY, name, partial(_form, name)


def _header(name: str, request: Request) -> str | None:
    return request.head.values.get(name)


def _cookie(name: str, request: Request) -> str | None:
    return request.cookies.get(name)


def _query(name: str, request: Request) -> str | None:
    return _all(request.query.get_all(name))


def _form(name: str, request: Request) -> str | None:
    """Return what a form has under a name; of JSON nothing, which is looked for in its bytes later."""
    if request.is_json or (request.cache or {}).get("form") is None:
        return None
    return _all(request.form.get_all(name))


def _sent_as(name: str, fields: InputFields) -> str:
    return next((each.sent_as for each in fields.fields if each.name == name), "")


def _all(values: list[Any]) -> str | None:
    return ", ".join(_text(each) or "" for each in values) if values else None


def _text(value: object) -> str | None:
    if isinstance(value, Upload):
        return f"{value.filename}, {value.size} bytes"
    return None if value is None else str(value)


class _Described:
    """A parameter of a view, and where it comes from."""

    def __init__(self, parameter: ViewParameter, source: str, sent_as: str, sent: Sent) -> None:
        self._name, self._default = parameter.name, parameter.default
        self._source, self._sent_as, self._sent = source, sent_as, sent
        self.is_body = source in (BODY, "query")
        annotation = parameter.written if parameter.marker is None else parameter.annotation
        self._annotation = "" if annotation is MISSING else annotation_text(annotation)

    def record(self, request: Request, values: Mapping[str, Any], complaint: str) -> Parameter:
        """Return what a request has given for it."""
        try:
            raw = self._sent(request)
        except Exception:  # noqa: BLE001 - what was sent can't be read, which is the complaint
            raw = None
        source = self._source
        if source == BODY:
            source = "JSON body" if request.is_json else "form"
        value = ""
        if self._name in values:
            value = short_value(values[self._name])
        elif not complaint and raw is None and self._default is not MISSING:
            source, value = "default", short_value(self._default)
        return Parameter(self._name, source, self._annotation, raw, value, complaint)

    def is_about(self, bad: BadField) -> bool:
        """Return whether a complaint is about it, or about a part of it."""
        return bad.name == self._sent_as or bad.name.startswith((f"{self._sent_as}.", f"{self._sent_as}["))
