"""Close what a view depended on: at once, or when the stream that it answers has ended.

In: generators that stand at their yield, in the order in which they were opened. Out: they are at
their end. A stream that is cut off (its client has left) is told to them as GeneratorExit, one that fails
as its exception. What one of them raises while it is closed, the others are told, and then the caller.
Knows nothing of views.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from functools import partial
from typing import Any

from fanlight.binding.exceptions import is_rethrown, is_task_cancelled
from fanlight.errors import AppError
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread

Opened = list[tuple[str, "Generator[Any, Any, Any] | AsyncGenerator[Any, Any]"]]
_END = object()


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


def hold(response: Response, opened: Opened) -> None:
    """Have a stream close what its view depended on, when it has ended."""
    if not opened:
        return
    content: Any = response.content
    if any(isinstance(generator, AsyncGenerator) for _, generator in opened):
        response.content = _HeldAsync(content if isinstance(content, AsyncIterable) else _in_threads(content), opened)
    elif isinstance(content, AsyncIterable):
        response.content = _HeldAsync(content, opened)
    else:
        response.content = _Held(content, opened)


class _Held:
    """A stream that closes dependencies behind itself."""

    def __init__(self, content: Iterable[bytes | str], opened: Opened) -> None:
        self._content, self._opened = content, opened
        self._pieces = iter(content)
        self._has_begun = False

    def __iter__(self) -> Iterator[bytes | str]:
        return self

    def __next__(self) -> bytes | str:
        self._has_begun = True
        try:
            return next(self._pieces)
        except StopIteration:
            close(self._opened)
            raise
        except BaseException as error:
            close(self._opened, error)
            raise

    def close(self) -> None:
        """End the stream, wherever it is."""
        try:
            shut = getattr(self._content, "close", None)
            if shut is not None:
                shut()
        finally:
            close(self._opened, _cut(has_begun=self._has_begun))


def _cut(*, has_begun: bool) -> GeneratorExit | None:
    """Return what is told to those whom a stream leaves open: it was cut off, or (to HEAD) never wanted."""
    return GeneratorExit() if has_begun else None


class _HeldAsync:
    """An async stream that closes dependencies, of both kinds, behind itself."""

    def __init__(self, content: AsyncIterable[bytes | str], opened: Opened) -> None:
        self._content, self._opened = content, opened
        self._pieces = aiter(content)
        self._has_begun = False

    def __aiter__(self) -> AsyncIterator[bytes | str]:
        return self

    async def __anext__(self) -> bytes | str:
        self._has_begun = True
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            await close_async(self._opened)
            raise
        except BaseException as error:
            # A cancellation of ours: the client has left while this waited.
            await close_async(self._opened, GeneratorExit() if is_task_cancelled(error) else error)
            raise

    async def aclose(self) -> None:
        """End the stream, wherever it is."""
        try:
            shut = getattr(self._pieces, "aclose", None)
            if shut is not None:
                await shut()
        finally:
            await close_async(self._opened, _cut(has_begun=self._has_begun))


async def _in_threads(content: Iterable[bytes | str]) -> AsyncIterator[bytes | str]:
    """Give the pieces of a sync stream to the loop, each made in a thread."""
    context = copy_context()  # of all pieces: a variable that one sets, another may reset
    try:
        pieces = iter(content)
        while (piece := await _whole(partial(context.run, next, pieces, _END))) is not _END:
            yield piece  # type: ignore[misc]  # the end is no piece
    finally:
        shut = getattr(content, "close", None)
        if shut is not None:
            await _whole(partial(context.run, shut))


async def _whole(act: Callable[[], object]) -> object:
    """Wait for what a thread does, even when the stream is ended meanwhile: what it is at can't be closed."""
    task = asyncio.ensure_future(_outcome_of(act))
    try:
        result, error = await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
    if error is not None:
        raise error
    return result


async def _outcome_of(act: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Return what a thread returns or raises: a task that raised a GeneratorExit would close whoever waits for it."""
    try:
        return await run_in_thread(act), None
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        return None, error
