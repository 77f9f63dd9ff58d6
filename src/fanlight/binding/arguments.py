"""Make a view's arguments from a request: the function that does it, built once from a binding.

In: a `Binding`. Out: None for a view that is called with the path's parameters as they are (or with nothing), else a
function from a request to the view's arguments. It raises NotFound for a path that the view's types reject, and
UnprocessableContent with every invalid field of query and body at once.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from fanlight.binding.callables import ArgumentBuilder, Dependency
from fanlight.binding.convert import ConversionError
from fanlight.binding.form_redisplay import INVALID_FIELDS, FormRedisplay
from fanlight.errors import BadField, ContentTooLarge, NotFound, UnprocessableContent
from fanlight.message.app_state import State
from fanlight.message.body_policy import BodyMode
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form import Query
from fanlight.message.request import Request

if TYPE_CHECKING:
    from fanlight.binding.body import BodyReader
    from fanlight.binding.fields import InputFields, RecordInput

_Reader = Callable[[Request, dict[str, Any], list[BadField]], None]
_EMPTY_QUERY = Query()


class Binding(Struct, frozen=True):
    """The source of each of a view's arguments; those that it does not use are empty or None."""

    path: dict[str, Callable[[Any], object] | None]  # None: as routing converts it
    requests: list[str]
    states: list[str]
    dependencies: dict[str, Dependency]
    headers: InputFields | None
    cookies: InputFields | None
    errors: FormRedisplay | None
    query: InputFields | None
    query_record: tuple[str, RecordInput] | None
    body: BodyReader | None
    stream: str  # the parameter for the content stream
    hints: str  # the parameter for early hints
    mutable_defaults: dict[str, object]  # each request gets a copy
    shares_path: bool = False  # whether the rest of the path is for its dependencies

    @property
    def reads_content(self) -> bool:
        """Whether the content must be kept for the view."""
        return self.body is not None or bool(self.requests or self.stream)

    @property
    def body_mode(self) -> BodyMode:
        """How the content is read."""
        if self.stream:
            return BodyMode.STREAM
        return BodyMode.FORM if self.body is not None and self.body.accepts_forms else BodyMode.BUFFERED


def own_argument_builder(binding: Binding, state: State) -> ArgumentBuilder | None:
    """Return the function that makes the arguments of a function that is no view, None if a request gives it none.

    Of the path's parameters, it gets only those that it takes.
    """
    readers, states = _readers(binding), dict.fromkeys(binding.states, state)
    if not (binding.path or states or readers or len(binding.requests) > 1):
        return _with_request(binding.requests[0], has_path=False) if binding.requests else None
    build = _with_own_path(binding.requests, binding.path, states)
    build = _with_fields(build, readers) if readers else build
    return _with_mutable_defaults(build, binding.mutable_defaults) if binding.mutable_defaults else build


def argument_builder(binding: Binding, state: State) -> ArgumentBuilder | None:
    """Return the function that makes a view's arguments, None if they are just the path's parameters."""
    coercers = [(name, coerce) for name, coerce in binding.path.items() if coerce is not None]
    readers = _readers(binding)
    states = dict.fromkeys(binding.states, state)
    is_plain = not coercers and not readers and not states and binding.errors is None and not binding.shares_path
    if is_plain and len(binding.requests) < 2:
        if not binding.requests:
            return None
        build = _with_request(binding.requests[0], has_path=bool(binding.path))
    else:
        if binding.shares_path:
            build = _with_own_path(binding.requests, binding.path, states)
        else:
            build = _with_path(binding.requests, coercers, states)
        if binding.errors is not None:
            build = _with_errors(build, readers, binding.errors)
        elif readers:
            build = _with_fields(build, readers)
    return _with_mutable_defaults(build, binding.mutable_defaults) if binding.mutable_defaults else build


# --- one function for each combination, so that a view pays only for what it takes --------------------


def _with_mutable_defaults(build: ArgumentBuilder, defaults: dict[str, object]) -> ArgumentBuilder:
    """Give each call its own copy of the defaults that it could change for later calls."""

    def arguments(request: Request) -> dict[str, Any]:
        values = build(request)
        for name, default in defaults.items():
            if name not in values:
                values[name] = deepcopy(default)
        return values

    return arguments


def _with_request(name: str, *, has_path: bool) -> ArgumentBuilder:
    if not has_path:
        return lambda request: {name: request}
    return lambda request: {name: request, **request.params}


def _with_path(
    requests: list[str], coercers: list[tuple[str, Callable[[Any], object]]], states: dict[str, State]
) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values = dict(request.params)
        if states:
            values.update(states)
        for name, coerce in coercers:
            try:
                values[name] = coerce(values[name])
            except ConversionError as error:
                # A path names a resource; a name that can't be converted names none.
                raise NotFound(f"{name}: {error}") from None
        for name in requests:
            values[name] = request
        return values

    return arguments


def _with_own_path(
    requests: list[str], path: dict[str, Callable[[Any], object] | None], states: dict[str, State]
) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values: dict[str, Any] = dict(states)
        for name, coerce in path.items():
            value = request.params[name]
            try:
                values[name] = value if coerce is None else coerce(value)
            except ConversionError as error:
                raise NotFound(f"{name}: {error}") from None
        for name in requests:
            values[name] = request
        return values

    return arguments


def _with_fields(build: ArgumentBuilder, readers: list[_Reader]) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values = build(request)
        bad: list[BadField] = []
        for read in readers:
            read(request, values, bad)
        if bad:
            raise UnprocessableContent(INVALID_FIELDS, fields=bad)
        return values

    return arguments


def _with_errors(build: ArgumentBuilder, readers: list[_Reader], redisplay: FormRedisplay) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values = build(request)
        bad: list[BadField] = []
        too_large: ContentTooLarge | None = None
        try:
            for read in readers:
                read(request, values, bad)
        except ContentTooLarge as error:
            too_large = error
        redisplay.add_errors(request, values, bad, too_large)
        return values

    return arguments


def _readers(binding: Binding) -> list[_Reader]:
    readers: list[_Reader] = []
    if binding.stream:
        readers.append(_provider(binding.stream, attrgetter("content_stream")))
    if binding.hints:
        readers.append(_provider(binding.hints, EarlyHints))
    if (cookies := binding.cookies) is not None:
        readers.append(lambda request, values, bad: cookies.read(request.cookies, values, bad))
    if (headers := binding.headers) is not None:
        readers.append(_header_reader(headers))
    if (query := binding.query) is not None:

        def read_query(request: Request, values: dict[str, Any], bad: list[BadField]) -> None:
            if request.head.query:
                query.read(request.query, values, bad)
            elif not query.may_be_empty:
                query.read(_EMPTY_QUERY, values, bad)

        readers.append(read_query)
    if binding.query_record is not None:
        readers.append(_record_reader(*binding.query_record))
    if binding.body is not None:
        readers.append(binding.body.read)
    return readers


def _header_reader(headers: InputFields) -> _Reader:
    if any(each.collect is not None for each in headers.fields):
        return lambda request, values, bad: headers.read(request.headers, values, bad)
    return lambda request, values, bad: headers.read(request.head.values, values, bad)


def _record_reader(name: str, record: RecordInput) -> _Reader:
    def read(request: Request, values: dict[str, Any], bad: list[BadField]) -> None:
        if (made := record.read(request.query, bad)) is not None:
            values[name] = made

    return read


def _provider(name: str, value_of: Callable[[Request], object]) -> _Reader:
    def provide(request: Request, values: dict[str, Any], _: list[BadField]) -> None:
        values[name] = value_of(request)

    return provide
