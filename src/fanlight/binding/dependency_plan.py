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
from fanlight.errors import AppError, BadField, UnprocessableContent
from fanlight.message.request import Request
from fanlight.message.response import Response, is_lazy_stream
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces

MakeResponse = Callable[[object, Request], Response]
_Values = dict[Dependency, object]
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

    def open(self, arguments: Mapping[str, Any], values: _Values, opened: Opened) -> object:
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

    async def open_async(self, arguments: Mapping[str, Any], values: _Values, opened: Opened) -> object:
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
        wanted, providers = tuple(self.wanted.items()), self.providers
        gather = _gatherer(build, providers)

        def run(request: Request) -> Response:
            own, arguments = gather(request)
            opened: Opened = []
            try:
                values: _Values = {}
                for provider, given in zip(providers, arguments, strict=True):
                    values[provider.key] = provider.open(given, values, opened)
                response = respond(view(**own, **{name: values[key] for name, key in wanted}), request)
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
        wanted, providers = tuple(self.wanted.items()), self.providers
        gather = _gatherer(build, providers)

        async def run(request: Request) -> Response:
            own, arguments = gather(request)
            opened: Opened = []
            try:
                values: _Values = {}
                for provider, given in zip(providers, arguments, strict=True):
                    values[provider.key] = await provider.open_async(given, values, opened)
                result = view(**own, **{name: values[key] for name, key in wanted})
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


def _gatherer(
    build: ArgumentBuilder | None, providers: tuple[Provider, ...]
) -> Callable[[Request], tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Return a function that makes the arguments of a view and of its dependencies, before any is opened."""
    builders = (build, *(provider.build for provider in providers))

    def gather(request: Request) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        made: list[Mapping[str, Any]] = []
        bad: list[BadField] = []
        for index, each in enumerate(builders):
            try:
                made.append(each(request) if each is not None else {} if index else request.params)
            except UnprocessableContent as error:
                bad += error.fields
        if bad:
            raise UnprocessableContent(INVALID_FIELDS, fields=bad)
        return made[0], made[1:]

    return gather


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
