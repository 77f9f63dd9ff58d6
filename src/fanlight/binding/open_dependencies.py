"""Dependencies that are open: what they have given to all that runs for one request, and how they are closed.

In: generators that have yielded, in the order in which they were opened, and the exception that ended their use.
Out: each of them closed, the last first. The exception is raised at the yield of each one, and then passed on by the
caller: a dependency can't suppress it. One that is raised in its place takes its place.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from functools import partial
from typing import Any

from fanlight.binding.callables import Dependency
from fanlight.binding.exceptions import is_rethrown, is_task_cancelled
from fanlight.errors import AppError
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces

Values = dict[Dependency, object]
Opened = list[tuple[str, "Generator[Any, Any, Any] | AsyncGenerator[Any, Any]"]]
_NAME = "dependencies"


class RequestScope:
    """What is open for one request: middleware, the view, its templates and error views share it.

    The first to run opens a dependency, and closes it after all that runs inside of it.
    """

    __slots__ = ("error", "values")

    def __init__(self) -> None:
        self.values: Values = {}
        self.error: BaseException | None = None  # the last exception that was raised for this request

    @classmethod
    def of(cls, request: Request) -> RequestScope:
        """Return the scope of a request, made on first access."""
        scope = _known(request)
        if scope is None:
            scope = cls()
            request.cache_value(_NAME, scope)
        return scope

    def enter(self) -> tuple[Values, Values]:
        """Return the values so far, and a copy to which those that are opened from now on are added."""
        outer = self.values
        self.values = {**outer}
        return outer, self.values

    def leave(self, outer: Values, lasting: Collection[Dependency]) -> None:
        """Forget what was opened since `enter`, except for values that depend on nothing that is closed."""
        outer |= {key: value for key, value in self.values.items() if key in lasting}
        self.values = outer

    @staticmethod
    def note(error: BaseException, request: Request) -> None:
        """Note an exception: it is raised in all dependencies of a request that are still open, whatever handles it."""
        scope = _known(request)
        if scope is not None:
            scope.error = error


def _known(request: Request) -> RequestScope | None:
    known: RequestScope | None = request.cached_value(_NAME)
    return known


def run_in_scope(
    run: Callable[[Request, Values], Response], lasting: Collection[Dependency]
) -> Callable[[Request], Response]:
    """Return a function that runs one with what is open for its request."""

    def run_with_values(request: Request) -> Response:
        scope = RequestScope.of(request)
        outer, values = scope.enter()
        try:
            return run(request, values)
        finally:
            scope.leave(outer, lasting)

    return run_with_values


def run_in_scope_async(
    run: Callable[[Request, Values], Awaitable[Response]], lasting: Collection[Dependency]
) -> Callable[[Request], Awaitable[Response]]:
    """Return a coroutine function that runs one with what is open for its request."""

    async def run_with_values(request: Request) -> Response:
        scope = RequestScope.of(request)
        outer, values = scope.enter()
        try:
            return await run(request, values)
        finally:
            scope.leave(outer, lasting)

    return run_with_values


def close(opened: Opened, error: BaseException | None = None) -> None:
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


async def close_async(opened: Opened, error: BaseException | None = None) -> None:
    """Close generators of both kinds, last opened first. Raises what one of them raises, other than `error`."""
    current = error
    while opened:
        name, generator = opened.pop()
        try:
            if isinstance(generator, Generator):
                close([(name, generator)], current)
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


def closed_by(opened: Opened, error: BaseException) -> BaseException:
    """Close sync generators because of an exception; return the one to go on with."""
    try:
        close(opened, error)
    except BaseException as raised:  # noqa: BLE001 - it is returned
        return raised
    return error


async def closed_by_async(opened: Opened, error: BaseException) -> BaseException:
    """Close generators of both kinds because of an exception; return the one to go on with."""
    try:
        await close_async(opened, error)
    except BaseException as raised:  # noqa: BLE001 - it is returned
        return raised
    return error


def _passed_on(thrown: BaseException | None, raised: BaseException) -> BaseException:
    """Return the exception to pass on: the thrown one, unless another one was raised in its place."""
    return thrown if thrown is not None and is_rethrown(raised, thrown) else raised


def _second_yield(name: str) -> AppError:
    return AppError(f"{name} yields twice; the view runs at its one yield")


def attach_cleanup(response: Response, opened: Opened, error: BaseException | None = None) -> None:
    """Close dependencies when the stream of a response ends. Raises InvalidResponse, or what `iter` raises.

    `error` is the exception that the response stands for, if any: it is raised in them, whatever becomes of the stream.
    """
    if not opened:
        return
    stream = stream_of(response.content)
    cleanup: Callable[[BaseException | None], object] = partial(_close_after_stream, opened, error)
    if isinstance(stream, SyncStream):
        if all(isinstance(generator, Generator) for _, generator in opened):
            cleanup = partial(_close_after_sync_stream, opened, error)
        else:
            stream = AsyncStream(ThreadPieces(stream))
    stream = stream.with_parts(cleanup=cleanup)
    stream.open()
    response.content = stream


def _close_after_sync_stream(opened: Opened, error: BaseException | None, ended_by: BaseException | None) -> None:
    close(opened, ended_by if error is None else error)


async def _close_after_stream(opened: Opened, error: BaseException | None, ended_by: BaseException | None) -> None:
    # When the client disconnects, the server cancels the task that waits for the next piece: the stream is cut off.
    if ended_by is not None and is_task_cancelled(ended_by):
        ended_by = GeneratorExit()
    await close_async(opened, ended_by if error is None else error)
