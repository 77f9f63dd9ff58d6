"""Run a view between the opening and the closing of its dependencies.

In: the providers of one view, in the order in which they are opened; then requests. Out: a response, with every
dependency closed; those of a streamed response are closed at its end.

Each dependency is opened once for a request, however often it is used, and closed in reverse order. An exception of
the view, the stream (GeneratorExit for one that is cut off) or a dependency is raised at the yield of each one that is
open, and then handled by the app: a dependency can't suppress it. One that is raised in its place takes its place.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from functools import partial
from types import CoroutineType
from typing import Any, NamedTuple

from msgspec import Struct

from fanlight.binding.callables import ArgumentBuilder, Dependency, View
from fanlight.binding.exceptions import is_rethrown, is_task_cancelled
from fanlight.binding.form_redisplay import INVALID_FIELDS
from fanlight.errors import AppError, BadField, HTTPError, UnprocessableContent
from fanlight.message.request import Request
from fanlight.message.response import Response, is_lazy_stream
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces

MakeResponse = Callable[[object, Request], Response]
Values = dict[Dependency, object]
Opened = list[tuple[str, "Generator[Any, Any, Any] | AsyncGenerator[Any, Any]"]]


class Provider(Struct, frozen=True, kw_only=True):
    """One dependency, ready to be opened; `needs` has the dependencies that it takes itself."""

    key: Dependency  # what the annotation names; `function` may replace it
    function: Dependency
    name: str
    build: ArgumentBuilder | None
    needs: tuple[tuple[str, Dependency], ...]
    is_generator: bool
    is_async: bool
    reads_content: bool

    def open(self, arguments: Mapping[str, Any], values: Values, opened: Opened) -> object:
        """Return the value; a generator is added to those that are `opened`."""
        value = self.function(**arguments, **{name: values[key] for name, key in self.needs})
        if not self.is_generator:
            # SECURITY: tests/binding/test_markers.py; a view would take the coroutine for a user that is logged in
            if type(value) is CoroutineType:
                value.close()
                raise AppError(f"{self.name} returned a coroutine: declare it with async def")
            return value
        try:
            given: object = next(value)
        except StopIteration:
            raise AppError(f"{self.name} ended before its yield, so it has no value") from None
        opened.append((self.name, value))
        return given

    async def open_async(self, arguments: Mapping[str, Any], values: Values, opened: Opened) -> object:
        """Return the value, as above; it is awaited if the dependency is async."""
        if not self.is_async:
            return self.open(arguments, values, opened)
        value = self.function(**arguments, **{name: values[key] for name, key in self.needs})
        if not self.is_generator:
            return await value
        try:
            given: object = await anext(value)
        except StopAsyncIteration:
            raise AppError(f"{self.name} ended before its yield, so it has no value") from None
        opened.append((self.name, value))
        return given


class DependencyPlan(NamedTuple):
    """The dependencies of one view: `wanted` by its parameters, `providers` in the order in which they are opened."""

    wanted: Mapping[str, Dependency]
    providers: tuple[Provider, ...]

    @property
    def is_async(self) -> bool:
        """Whether any of them is async."""
        return any(each.is_async for each in self.providers)

    @property
    def reads_content(self) -> bool:
        """Whether any of them needs the content."""
        return any(each.reads_content for each in self.providers)

    def run(self, view: View, build: ArgumentBuilder | None, respond: MakeResponse) -> Callable[[Request], Response]:
        """Return a function that runs a sync view with its dependencies. It raises what any of them raises."""
        open_all = self.open

        def run(request: Request) -> Response:
            opened: Opened = []
            try:
                response = respond(view(**open_all(build, request, {}, opened)), request)
                if is_lazy_stream(response):
                    _attach_cleanup(response, opened)
                else:
                    _close(opened)
            except BaseException as error:
                _close(opened, error)  # those that are still open
                raise
            return response

        return run

    def run_async(
        self, view: View, build: ArgumentBuilder | None, respond: MakeResponse
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return a function that runs an async view with its dependencies. It raises what any of them raises."""
        open_all = self.open_async

        async def run(request: Request) -> Response:
            opened: Opened = []
            try:
                result = view(**await open_all(build, request, {}, opened))
                response = respond(await result if inspect.isawaitable(result) else result, request)
                if is_lazy_stream(response):
                    _attach_cleanup(response, opened)
                else:
                    await _close_async(opened)
            except BaseException as error:
                await _close_async(opened, error)  # those that are still open
                raise
            return response

        return run

    def open(
        self, build: ArgumentBuilder | None, request: Request, values: Values, opened: Opened
    ) -> Mapping[str, Any]:
        """Return a view's arguments: its dependencies are opened first, unless they are among the `values`.

        `build` makes the other arguments. A dependency whose own input is invalid is not opened, and the error is
        raised when the others have been: one that refuses the request raises its error before.
        """
        invalid: _InvalidInput | None = None
        for provider in self.providers:
            if provider.key in values:
                continue
            try:
                given = provider.build(request) if provider.build is not None else {}
            except HTTPError as error:
                invalid = invalid or _InvalidInput()
                invalid.add(provider, error)
                continue
            if invalid is None or not invalid.blocks(provider):
                values[provider.key] = provider.open(given, values, opened)
        return self._arguments(build, request, values, invalid)

    async def open_async(
        self, build: ArgumentBuilder | None, request: Request, values: Values, opened: Opened
    ) -> Mapping[str, Any]:
        """Return a view's arguments, as above; async dependencies are awaited."""
        invalid: _InvalidInput | None = None
        for provider in self.providers:
            if provider.key in values:
                continue
            try:
                given = provider.build(request) if provider.build is not None else {}
            except HTTPError as error:
                invalid = invalid or _InvalidInput()
                invalid.add(provider, error)
                continue
            if invalid is None or not invalid.blocks(provider):
                values[provider.key] = await provider.open_async(given, values, opened)
        return self._arguments(build, request, values, invalid)

    def _arguments(
        self, build: ArgumentBuilder | None, request: Request, values: Values, invalid: _InvalidInput | None
    ) -> Mapping[str, Any]:
        if invalid is not None:
            raise invalid.error(build, request)
        own = build(request) if build is not None else request.params
        return {**own, **{name: values[key] for name, key in self.wanted.items()}}


class _InvalidInput:
    """What is wrong with the input of the dependencies of one request, and which of them can't be opened for it."""

    def __init__(self) -> None:
        self._errors: list[HTTPError] = []
        self._blocked: set[Dependency] = set()

    def add(self, provider: Provider, error: HTTPError) -> None:
        """Note the error of a dependency's own input."""
        self._errors.append(error)
        self._blocked.add(provider.key)

    def blocks(self, provider: Provider) -> bool:
        """Return whether a dependency needs one that can't be opened; then it can't be opened either."""
        if any(key in self._blocked for _, key in provider.needs):
            self._blocked.add(provider.key)
            return True
        return False

    def error(self, build: ArgumentBuilder | None, request: Request) -> HTTPError:
        """Return the error for all of it, and for what is wrong with the input of the view itself."""
        errors = list(self._errors)
        try:
            if build is not None:
                build(request)
        except HTTPError as error:
            errors.insert(0, error)
        fields: list[BadField] = []
        for each in errors:
            if not isinstance(each, UnprocessableContent):
                return each
            fields += each.fields
        return UnprocessableContent(INVALID_FIELDS, fields=fields)


# --- closing ------------------------------------------------------------------------------------------


def _close(opened: Opened, error: BaseException | None = None) -> None:
    """Close sync generators, last opened first. Raises what one of them raises, other than `error`."""
    current = error
    while opened:
        name, generator = opened.pop()
        assert isinstance(generator, Generator)
        try:
            if current is None:
                next(generator)
            else:
                generator.throw(current)
            generator.close()
            current = current or _second_yield(name)
        except StopIteration:
            continue
        except BaseException as raised:  # noqa: BLE001 - it is raised below, when all are closed
            current = _passed_on(current, raised)
    if current is not None and current is not error:
        raise current


async def _close_async(opened: Opened, error: BaseException | None = None) -> None:
    """Close generators of both kinds, last opened first. Raises what one of them raises, other than `error`."""
    current = error
    while opened:
        name, generator = opened.pop()
        try:
            if isinstance(generator, Generator):
                _close([(name, generator)], current)
                continue
            await (anext(generator) if current is None else generator.athrow(current))
            await generator.aclose()
            current = current or _second_yield(name)
        except StopAsyncIteration:
            continue
        except BaseException as raised:  # noqa: BLE001 - it is raised below, when all are closed
            current = _passed_on(current, raised)
    if current is not None and current is not error:
        raise current


def _passed_on(thrown: BaseException | None, raised: BaseException) -> BaseException:
    """Return the exception to pass on: the thrown one, unless another one was raised in its place."""
    return thrown if thrown is not None and is_rethrown(raised, thrown) else raised


def _second_yield(name: str) -> AppError:
    return AppError(f"{name} yields twice; the view runs at its one yield")


def _attach_cleanup(response: Response, opened: Opened) -> None:
    """Close dependencies when the stream of a response ends. Raises InvalidResponse, or what `iter` raises."""
    if not opened:
        return
    stream = stream_of(response.content)
    cleanup: Callable[[BaseException | None], object] = partial(_close_after_stream, opened)
    if isinstance(stream, SyncStream):
        if all(isinstance(generator, Generator) for _, generator in opened):
            cleanup = partial(_close, opened)
        else:
            stream = AsyncStream(ThreadPieces(stream))
    stream = stream.with_parts(cleanup=cleanup)
    stream.open()
    response.content = stream


async def _close_after_stream(opened: Opened, error: BaseException | None) -> None:
    # When the client disconnects, the server cancels the task that waits for the next piece: the stream is cut off.
    await _close_async(opened, GeneratorExit() if error is not None and is_task_cancelled(error) else error)
