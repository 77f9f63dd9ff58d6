"""Generators of middleware and dependencies, recorded: when they begin, yield, go on and end.

In: a generator, and the span that it is to fill. Out: an object that does what the generator does. The stretch from its
yield until it goes on is what runs inside of it: `Span.inner`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from time import perf_counter
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanlight.devtools.inspector.exchange_record import Span
    from fanlight.devtools.inspector.recording import Recording


class GeneratorRecord:
    """The record of one generator; `actor` is what changes the response from when it goes on ("" for nothing)."""

    __slots__ = ("_actor", "_recording", "_span", "_yielded_at")

    def __init__(self, recording: Recording, span: Span, actor: str) -> None:
        self._recording, self._span, self._actor = recording, span, actor
        self._yielded_at = 0.0

    def on_resume(self, value: object) -> None:
        """Note that the generator goes on, with a value or an exception."""
        if self._yielded_at and self._span.inner is None:
            self._span.enclose(self._yielded_at, perf_counter())
            if self._actor:
                self._recording.change_actor(self._actor, value)

    def on_yield(self) -> None:
        """Note that it has yielded: what it encloses runs."""
        self._yielded_at = perf_counter()

    def on_end(self, error: BaseException | None) -> None:
        """Note that it has ended, by an exception if one is given."""
        if self._span.end >= 0:
            return
        if self._actor and not self._yielded_at:  # it responds in place of what it would enclose
            self._recording.change_actor(self._actor, None)
        is_plain = isinstance(error, StopIteration | StopAsyncIteration | GeneratorExit)
        self._span.end_now(perf_counter(), None if is_plain else error)
        self._recording.change_late()


class RecordedGenerator(Generator[Any, Any, Any]):
    """A sync generator, recorded."""

    def __init__(self, inner: Generator[Any, Any, Any], record: GeneratorRecord) -> None:
        self._inner, self._record = inner, record

    @property
    def gi_code(self) -> CodeType | None:
        """The code that the generator runs, by which the app decides what is raised in it."""
        return getattr(self._inner, "gi_code", None)

    def send(self, value: Any) -> Any:
        """Go on with a value."""
        self._record.on_resume(value)
        try:
            given = self._inner.send(value)
        except BaseException as error:
            self._record.on_end(error)
            raise
        self._record.on_yield()
        return given

    def throw(self, kind: Any, value: Any = None, traceback: TracebackType | None = None) -> Any:
        """Go on with an exception."""
        self._record.on_resume(kind)
        try:
            given = self._inner.throw(kind) if value is None else self._inner.throw(kind, value, traceback)
        except BaseException as error:
            self._record.on_end(error)
            raise
        self._record.on_yield()
        return given

    def close(self) -> None:
        """End it."""
        self._record.on_resume(None)
        try:
            self._inner.close()
        except BaseException as error:
            self._record.on_end(error)
            raise
        self._record.on_end(None)


class RecordedAsyncGenerator(AsyncGenerator[Any, Any]):
    """An async generator, recorded."""

    def __init__(self, inner: AsyncGenerator[Any, Any], record: GeneratorRecord) -> None:
        self._inner, self._record = inner, record

    @property
    def ag_code(self) -> CodeType | None:
        """The code that the generator runs, by which the app decides what is raised in it."""
        return getattr(self._inner, "ag_code", None)

    async def asend(self, value: Any) -> Any:
        """Go on with a value."""
        self._record.on_resume(value)
        try:
            given = await self._inner.asend(value)
        except BaseException as error:
            self._record.on_end(error)
            raise
        self._record.on_yield()
        return given

    async def athrow(self, kind: Any, value: Any = None, traceback: TracebackType | None = None) -> Any:
        """Go on with an exception."""
        self._record.on_resume(kind)
        try:
            given = await (self._inner.athrow(kind) if value is None else self._inner.athrow(kind, value, traceback))
        except BaseException as error:
            self._record.on_end(error)
            raise
        self._record.on_yield()
        return given

    async def aclose(self) -> None:
        """End it."""
        self._record.on_resume(None)
        try:
            await self._inner.aclose()
        except BaseException as error:
            self._record.on_end(error)
            raise
        self._record.on_end(None)
