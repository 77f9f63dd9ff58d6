"""The parts of an app, recorded: its views, middleware and dependencies, and what makes arguments and responses.

In: each part, while the app is built (the hooks of `app.observer`). Out: what runs in its place: the same, with a span
for it in the recording of the request. A request that is not recorded passes as if there was nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from fanlight.binding.callables import display_name, is_async, source_location, unwrap_callable
from fanlight.devtools.inspector.current import CURRENT
from fanlight.devtools.inspector.recorded_generators import (
    GeneratorRecord,
    RecordedAsyncGenerator,
    RecordedGenerator,
)

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.app.generator_functions import GeneratorFunction
    from fanlight.app.observer import MakeResponse
    from fanlight.binding.callables import View
    from fanlight.binding.dependency_plan import Provider
    from fanlight.devtools.inspector.exchange_record import Span
    from fanlight.devtools.inspector.recording import Recording
    from fanlight.message.request import Request
    from fanlight.message.response import Response

    Begin = Callable[[Recording, Mapping[str, Any]], Span]  # with the named arguments

ERROR_VIEW = "error view"
QUICK_SECONDS = 0.0001  # a response that is made in less is no stage of its own


def recorded_view(view: View, name: str, place: str) -> View:
    """Return a view that notes when it is called, and for how long."""
    awaits = is_async(view)

    def begin(recording: Recording, values: Mapping[str, Any]) -> Span:
        if recording.parameters:
            recording.begin_view(values)
        if not awaits and recording.run is not None and recording.run.task is not None:
            recording.run.move()
        return recording.begin_span("view", name, place)

    return _async_function(view, begin) if awaits else _plain_function(view, begin)


def recorded_error_view(view: Callable[..., Any], folder: Path | None) -> Callable[..., Any]:
    """Return an error view that notes when it is called; what it returns is the response from then on."""
    name, place = display_name(view), source_location(view, folder)

    @functools.wraps(view)
    def run(*arguments: Any, **named: Any) -> Any:
        value = called(*arguments, **named)
        recording = CURRENT.get()
        if recording is not None:
            recording.change_actor(f"{ERROR_VIEW} {name}", None)
        return value

    called = _plain_function(view, lambda recording, _: recording.begin_span(ERROR_VIEW, name, place))
    return run


def recorded_making(make: MakeResponse) -> MakeResponse:
    """Return what makes responses, and notes how long it takes: templates are rendered in it."""

    def make_recorded(value: object, request: Request) -> Response:
        recording = CURRENT.get()
        if recording is None:
            return make(value, request)
        began = perf_counter()
        try:
            response = make(value, request)
        except BaseException as error:
            recording.add_span("response", type(value).__name__, began, perf_counter(), error)
            raise
        ended = perf_counter()
        if ended - began > QUICK_SECONDS:  # most are made in a few microseconds
            recording.add_span("response", type(value).__name__, began, ended)
        recording.take_response(response)
        return response

    return make_recorded


def recorded_middleware(middleware: GeneratorFunction, folder: Path | None) -> GeneratorFunction:
    """Return middleware that notes when it runs, and what it encloses."""
    name = middleware.name
    begin = _generator_function(middleware.begin, "middleware", name, source_location(middleware.begin, folder))
    return replace(middleware, begin=begin)


def recorded_dependency(provider: Provider, folder: Path | None) -> Provider:
    """Return a dependency that notes when it is opened and closed."""
    function, name = provider.function, provider.name
    place = source_location(function, folder) if provider.open_awaiting is None else ""  # else it is one of Fanlight's
    if provider.is_generator:
        return replace(provider, function=_generator_function(function, "dependency", name, place))

    def begin(recording: Recording, _: Mapping[str, Any]) -> Span:
        return recording.begin_span("dependency", name, place)

    record = _async_function if provider.is_async else _plain_function
    awaiting = provider.open_awaiting
    if awaiting is not None:
        awaiting = _async_function(awaiting, begin)
    return replace(provider, function=record(function, begin), open_awaiting=awaiting)


class _Recorded:
    """The span of what runs in it, if its request is recorded."""

    __slots__ = ("_span",)

    def __init__(self, begin: Begin, named: Mapping[str, Any]) -> None:
        recording = CURRENT.get()
        self._span = None if recording is None else begin(recording, named)

    def __enter__(self) -> None:
        """Its span has begun."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._span is not None:
            self._span.end_now(perf_counter(), error)


def _plain_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Any:
        with _Recorded(begin, named):
            return function(*arguments, **named)

    return run


def _async_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    @functools.wraps(function)
    async def run(*arguments: Any, **named: Any) -> Any:
        with _Recorded(begin, named):
            return await function(*arguments, **named)

    return run


def _generator_function(function: Callable[..., Any], kind: str, name: str, place: str) -> Callable[..., Any]:
    actor = f"{kind} {name}" if kind == "middleware" else ""
    begins_async = inspect.isasyncgenfunction(unwrap_callable(function))

    @functools.wraps(function)
    def begin(*arguments: Any, **named: Any) -> Any:
        generator = function(*arguments, **named)
        recording = CURRENT.get()
        if recording is None:
            return generator
        record = GeneratorRecord(recording, recording.begin_span(kind, name, place), actor)
        if begins_async or isinstance(generator, AsyncGenerator):
            return RecordedAsyncGenerator(cast("AsyncGenerator[Any, Any]", generator), record)
        return RecordedGenerator(cast("Generator[Any, Any, Any]", generator), record)

    return begin
