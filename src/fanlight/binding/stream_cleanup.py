"""Close dependency generators: immediately, or after a streamed response has finished.

In: generators suspended at their yield, in the order in which they were opened. Out: they are closed, in reverse order.
The exception of a view or a stream is raised at each yield, GeneratorExit for a stream that is cut off. An exception
that one of them raises instead is raised at the yields of the others, and then to the caller. Knows nothing of views.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import Any

from fanlight.binding.exceptions import is_rethrown, is_task_cancelled
from fanlight.errors import AppError
from fanlight.message.response import Response
from fanlight.message.stream import AsyncStream, SyncStream, stream_of
from fanlight.message.threads import ThreadPieces

Opened = list[tuple[str, "Generator[Any, Any, Any] | AsyncGenerator[Any, Any]"]]


def close_dependencies(opened: Opened, error: BaseException | None = None) -> None:
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


async def close_dependencies_async(opened: Opened, error: BaseException | None = None) -> None:
    """Close generators of both kinds, last opened first. Raises what one of them raises, other than `error`."""
    current = error
    while opened:
        name, generator = opened.pop()
        try:
            if isinstance(generator, Generator):
                close_dependencies([(name, generator)], current)
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


def attach_cleanup(response: Response, opened: Opened) -> None:
    """Close dependencies when the stream of a response ends. Raises InvalidResponse, or what `iter` raises."""
    if not opened:
        return
    stream = stream_of(response.content)
    cleanup: Callable[[BaseException | None], object] = partial(_close_after_stream, opened)
    if isinstance(stream, SyncStream):
        if all(isinstance(generator, Generator) for _, generator in opened):
            cleanup = partial(close_dependencies, opened)
        else:
            stream = AsyncStream(ThreadPieces(stream))
    stream = stream.with_parts(cleanup=cleanup)
    stream.open()
    response.content = stream


async def _close_after_stream(opened: Opened, error: BaseException | None) -> None:
    # When the client disconnects, the server cancels the task that waits for the next piece: the stream is cut off.
    await close_dependencies_async(opened, GeneratorExit() if error is not None and is_task_cancelled(error) else error)
