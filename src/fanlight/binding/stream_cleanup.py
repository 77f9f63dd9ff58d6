"""Close what a view depended on: at once, or when the stream that it answers has ended.

In: generators that stand at their yield, in the order in which they were opened. Out: they are at
their end. A stream that is cut off (its client has left) is told to them as GeneratorExit, one that fails
as its exception. What one of them raises while it is closed, the others are told, and then the caller.
Knows nothing of views.
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


def close(opened: Opened, error: BaseException | None = None) -> None:
    """Close sync generators, the last opened first; raise what one of them raises, if it is not `error`."""
    met = error
    while opened:
        name, generator = opened.pop()
        assert isinstance(generator, Generator)
        try:
            if met is None:
                next(generator)
            else:
                generator.throw(met)
            generator.close()
            met = met or _twice(name)
        except StopIteration:
            continue
        except BaseException as raised:  # noqa: BLE001 - it is raised below, when all are closed
            met = _of_both(met, raised)
    if met is not None and met is not error:
        raise met


async def close_async(opened: Opened, error: BaseException | None = None) -> None:
    """Close generators of both kinds, the last opened first; raise what one raises, if it is not `error`."""
    met = error
    while opened:
        name, generator = opened.pop()
        try:
            if isinstance(generator, Generator):
                close([(name, generator)], met)
                continue
            await (anext(generator) if met is None else generator.athrow(met))
            await generator.aclose()
            met = met or _twice(name)
        except StopAsyncIteration:
            continue
        except BaseException as raised:  # noqa: BLE001 - it is raised below, when all are closed
            met = _of_both(met, raised)
    if met is not None and met is not error:
        raise met


def _of_both(thrown: BaseException | None, raised: BaseException) -> BaseException:
    """Return what goes on: what was thrown, if it has passed, else what was raised in its place."""
    return thrown if thrown is not None and is_rethrown(raised, thrown) else raised


def _twice(name: str) -> AppError:
    return AppError(f"{name} yields twice; the view runs at its one yield")


def attach_cleanup(response: Response, opened: Opened) -> None:
    """Have a streamed response close what its view depended on when the stream ends. Raises InvalidResponse."""
    if not opened:
        return
    stream = stream_of(response.content)
    cleanup: Callable[[BaseException | None], object] = partial(_close_after_stream, opened)
    if isinstance(stream, SyncStream):
        if all(isinstance(generator, Generator) for _, generator in opened):
            cleanup = partial(close, opened)
        else:
            stream = AsyncStream(ThreadPieces(stream))
    stream = stream.with_parts(cleanup=cleanup)
    stream.open()
    response.content = stream


async def _close_after_stream(opened: Opened, error: BaseException | None) -> None:
    # Where the client disconnects, our own task is cancelled while it waits for a piece: that is a cut-off stream.
    await close_async(opened, GeneratorExit() if error is not None and is_task_cancelled(error) else error)
