"""Put generators around views: what runs before, and after, the answers of an app, or of a part of it.

In: generator functions, outermost first. Out: for each route one function that runs them all,
composed once; an app without any pays nothing. Refuses functions that are no generators.

    def timing(request):
        start = perf_counter()
        response = yield                # the view runs; what it raises arrives here
        response.headers["server-timing"] = f"view;dur={(perf_counter() - start) * 1000:.1f}"

A step answers in the view's place by returning a response before its `yield`, and replaces the
answer by returning one after. In an async generator, where Python knows no `return` with a value,
it is `yield` that gives the response, and in the other kind it may. HTTP errors, of views and of
steps, reach the steps further out as responses; any other exception as itself.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.app.failures import Failures
from fanlight.app.results import Results
from fanlight.app.signature import called, function_of, place_of
from fanlight.errors import AppError, HTTPError, Mistake
from fanlight.message import Request, Response

Run = Callable[[Request], Response]
AsyncRun = Callable[[Request], Awaitable[Response]]
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One generator function around the views."""

    begin: Callable[[Request], Any]  # gives the generator
    is_async: bool
    name: str


def read_steps(around: object, folder: Path | None = None) -> tuple[list[Step], list[Mistake]]:
    """Return the steps of an app, and what is wrong with them."""
    if callable(around):
        return [], [Mistake(message="around is one function", hint=f"write a tuple: around=({called(around)},)")]
    if isinstance(around, str) or not isinstance(around, Sequence):
        return [], [Mistake(message=f"around is a {type(around).__name__}", hint="write a tuple: around=(timing,)")]
    steps: list[Step] = []
    mistakes: list[Mistake] = []
    for function in around:
        found = _read_step(function, folder)
        if isinstance(found, Step):
            steps.append(found)
        else:
            mistakes.append(found)
    return steps, mistakes


def _read_step(function: Any, folder: Path | None) -> Step | Mistake:
    if not callable(function) or isinstance(function, type):
        return Mistake(message=f"around has {function!r}, which is no function", hint="give generator functions")
    name, place = called(function), place_of(function, folder)
    places = (place,) if place else ()
    plain = function_of(function)
    is_async = inspect.isasyncgenfunction(plain)
    if not is_async and not inspect.isgeneratorfunction(plain):
        hint = 'write "response = yield" where the view is to run'
        return Mistake(message=f"{name} is around the views, but has no yield", places=places, hint=hint)
    parameters = list(inspect.signature(function).parameters.values())
    needed = [each for each in parameters if each.default is each.empty and each.kind < each.VAR_POSITIONAL]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters):
        hint = f"write def {name.rpartition('.')[2]}(request)"
        return Mistake(message=f"{name} is around the views, and takes more than the request", places=places, hint=hint)
    begin = function if needed else lambda _: function()
    return Step(begin=begin, is_async=is_async, name=name)


class Around:
    """The steps of an app, ready to be put around its routes."""

    def __init__(self, steps: Sequence[Step], results: Results, failures: Failures) -> None:
        """Take the steps, outermost first."""
        self._steps = tuple(steps)
        self._results, self._failures = results, failures
        self.is_empty = not steps
        self.is_async = any(step.is_async for step in steps)

    def and_within(self, steps: Sequence[Step]) -> Around:
        """Return these steps, and more inside them."""
        return Around((*self._steps, *steps), self._results, self._failures)

    def wrap(self, run: Run, name: str) -> Run:
        """Return a function that runs the steps around a sync one, and never raises an Exception."""
        failed = self._failures.of(name)
        for step in reversed(self._steps):
            run = self._with_step(step, run)

        def guarded(request: Request) -> Response:
            try:
                return run(request)
            except Exception as error:  # noqa: BLE001 - it is logged and answered
                return failed(error, request)

        return guarded

    def wrap_async(self, run: AsyncRun, name: str) -> AsyncRun:
        """Return a coroutine function that runs the steps, of both kinds, around an async one."""
        failed = self._failures.of(name)
        for step in reversed(self._steps):
            run = self._with_async_step(step, run) if step.is_async else self._with_step_awaiting(step, run)

        async def guarded(request: Request) -> Response:
            try:
                return await run(request)
            except Exception as error:  # noqa: BLE001 - it is logged and answered
                return failed(error, request)

        return guarded

    # --- one step, in the three ways in which step and view can be sync or async -----------------

    def _with_step(self, step: Step, inner: Run) -> Run:
        def run(request: Request) -> Response:
            try:
                generator = step.begin(request)
                answer = _begun(step, generator)
                if answer is not _ABSENT:
                    return self._results.answer(answer, request)
                try:
                    response = inner(request)
                except BaseException as error:  # noqa: BLE001 - it is thrown at the yield, and comes back from there
                    return self._results.answer(_thrown(step, generator, error), request)
                answer = _sent(step, generator, response)
                return response if answer is _ABSENT else self._results.answer(answer, request)
            except HTTPError as error:
                return self._failures.respond(error, request)

        return run

    def _with_step_awaiting(self, step: Step, inner: AsyncRun) -> AsyncRun:
        async def run(request: Request) -> Response:
            try:
                generator = step.begin(request)
                answer = _begun(step, generator)
                if answer is not _ABSENT:
                    return self._results.answer(answer, request)
                try:
                    response = await inner(request)
                except BaseException as error:  # noqa: BLE001 - it is thrown at the yield, and comes back from there
                    return self._results.answer(_thrown(step, generator, error), request)
                answer = _sent(step, generator, response)
                return response if answer is _ABSENT else self._results.answer(answer, request)
            except HTTPError as error:
                return self._failures.respond(error, request)

        return run

    def _with_async_step(self, step: Step, inner: AsyncRun) -> AsyncRun:
        async def run(request: Request) -> Response:
            try:
                generator = step.begin(request)
                answer = await _begun_async(step, generator)
                if answer is not _ABSENT:
                    return self._results.answer(answer, request)
                try:
                    response = await inner(request)
                except BaseException as error:  # noqa: BLE001 - it is thrown at the yield, and comes back from there
                    return self._results.answer(await _thrown_async(step, generator, error), request)
                answer = await _sent_async(step, generator, response)
                return response if answer is _ABSENT else self._results.answer(answer, request)
            except HTTPError as error:
                return self._failures.respond(error, request)

        return run


SyncGenerator = Generator[object, object, object]


def _begun(step: Step, generator: SyncGenerator) -> object:
    """Run a step up to its yield; return its answer, if it has one already."""
    try:
        given = next(generator)
    except StopIteration as end:
        if end.value is None:
            raise AppError(f"{step.name} ended before its yield, and returned no response") from None
        return end.value
    if given is None:
        return _ABSENT
    generator.close()
    return given


def _sent(step: Step, generator: SyncGenerator, response: Response) -> object:
    """Run a step to its end; return the answer it gives instead, if it gives one."""
    try:
        given = generator.send(response)
    except StopIteration as end:
        return _ABSENT if end.value is None else end.value
    generator.close()
    return _second(step, given)


def _thrown(step: Step, generator: SyncGenerator, error: BaseException) -> object:
    """Let a step meet the view's exception; return its answer. Raises what the step raises."""
    try:
        given = generator.throw(error)
    except StopIteration as end:
        return _instead(step, error, end.value)
    generator.close()
    return _instead(step, error, _second(step, given))


def _second(step: Step, given: object) -> object:
    if given is None:
        raise AppError(f"{step.name} yields twice; the view runs at its one yield")
    return given


def _instead(step: Step, error: BaseException, value: object) -> object:
    """Return a step's answer to an exception it has caught; what is no Exception (an exit) can't be caught."""
    if not isinstance(error, Exception):
        raise error
    if value is None:
        raise AppError(f"{step.name} caught {error!r}, and returned no response in its place") from error
    return value


async def _begun_async(step: Step, generator: AsyncGenerator[object, object]) -> object:
    try:
        given = await anext(generator)
    except StopAsyncIteration:
        raise AppError(f"{step.name} ended before its yield") from None
    if given is None:
        return _ABSENT
    await generator.aclose()
    return given


async def _sent_async(step: Step, generator: AsyncGenerator[object, object], response: Response) -> object:
    try:
        given = await generator.asend(response)
    except StopAsyncIteration:
        return _ABSENT
    await generator.aclose()
    return _second(step, given)


async def _thrown_async(step: Step, generator: AsyncGenerator[object, object], error: BaseException) -> object:
    try:
        given = await generator.athrow(error)
    except StopAsyncIteration:
        return _instead(step, error, None)
    await generator.aclose()
    return _instead(step, error, _second(step, given))
