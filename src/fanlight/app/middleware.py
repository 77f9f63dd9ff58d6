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
steps, reach the steps further out as responses.

Any other exception goes through all steps, the innermost first, until one catches it. It is raised at a `yield`
that stands in a `try ... except` or a `with`. At any other `yield` it could only pass, and what stands behind would
be left out: there, the step is sent the 500 that the client gets if nobody catches the exception.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from fanlight.app.error_handlers import ErrorHandlers, Outcome, UnhandledException
from fanlight.app.generator_analysis import may_catch
from fanlight.app.responses import ResponseFactory
from fanlight.binding.callables import display_name, source_location, unwrap_callable
from fanlight.binding.exceptions import is_rethrown, is_task_cancelled
from fanlight.binding.signature import reject_markers
from fanlight.errors import AppError, HTTPError, Mistake
from fanlight.message.request import Request
from fanlight.message.response import Response

Run = Callable[[Request], Response]
AsyncRun = Callable[[Request], Awaitable[Response]]
Inner = Callable[[Request], Outcome]  # what a step is around: a view, or another step
AsyncInner = Callable[[Request], Awaitable[Outcome]]
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Middleware:
    """One generator function around the views."""

    begin: Callable[[Request], Any]  # gives the generator
    is_async: bool
    name: str


def read_middleware(middleware: object, folder: Path | None = None) -> tuple[list[Middleware], list[Mistake]]:
    """Return the steps of an app, and what is wrong with them."""
    if callable(middleware):
        return [], [
            Mistake(
                message="middleware is one function", hint=f"write a tuple: middleware=({display_name(middleware)},)"
            )
        ]
    if isinstance(middleware, str) or not isinstance(middleware, Sequence):
        return [], [
            Mistake(message=f"middleware is a {type(middleware).__name__}", hint="write a tuple: middleware=(timing,)")
        ]
    steps: list[Middleware] = []
    mistakes: list[Mistake] = []
    for function in middleware:
        found = _read_step(function, folder)
        if isinstance(found, Middleware):
            steps.append(found)
        else:
            mistakes.append(found)
    return steps, mistakes


def _read_step(function: Any, folder: Path | None) -> Middleware | Mistake:
    if not callable(function) or isinstance(function, type):
        return Mistake(message=f"middleware has {function!r}, which is no function", hint="give generator functions")
    name, place = display_name(function), source_location(function, folder)
    places = (place,) if place else ()
    plain = unwrap_callable(function)
    is_async = inspect.isasyncgenfunction(plain)
    if not is_async and not inspect.isgeneratorfunction(plain):
        hint = 'write "response = yield" where the view is to run'
        return Mistake(message=f"{name} is around the views, but has no yield", places=places, hint=hint)
    parameters = list(inspect.signature(function).parameters.values())
    needed = [each for each in parameters if each.default is each.empty and each.kind < each.VAR_POSITIONAL]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY and each.default is each.empty for each in parameters):
        hint = f"write def {name.rpartition('.')[2]}(request)"
        return Mistake(message=f"{name} is around the views, and takes more than the request", places=places, hint=hint)
    if mistake := reject_markers(function, name, place, "the request"):
        return mistake
    if isinstance(plain, FunctionType):
        may_catch(plain.__code__)  # its source is read now, and not when the first exception comes
    begin = function if needed else lambda _: function()
    return Middleware(begin=begin, is_async=is_async, name=name)


class MiddlewareStack:
    """The steps of an app, ready to be put around its routes."""

    def __init__(self, steps: Sequence[Middleware], results: ResponseFactory, failures: ErrorHandlers) -> None:
        """Take the steps, outermost first."""
        self._steps = tuple(steps)
        self._results, self._failures = results, failures
        self.is_empty = not steps
        self.is_async = any(step.is_async for step in steps)

    def and_within(self, steps: Sequence[Middleware]) -> MiddlewareStack:
        """Return these steps, and more inside them."""
        return MiddlewareStack((*self._steps, *steps), self._results, self._failures)

    def wrap(self, inner: Inner, name: str) -> Run:
        """Return a function that runs the steps around a sync one, and never raises."""
        for step in reversed(self._steps):
            inner = self._with_step(step, inner)
        end = self._failures.end

        def run(request: Request) -> Response:
            outcome = inner(request)
            return end(outcome, request, name) if isinstance(outcome, UnhandledException) else outcome

        return run

    def wrap_async(self, inner: AsyncInner, name: str) -> AsyncRun:
        """Return a coroutine function that runs the steps, of both kinds, around an async one.

        It raises nothing but the cancellation of its task.
        """
        for step in reversed(self._steps):
            inner = self._with_async_step(step, inner) if step.is_async else self._with_step_awaiting(step, inner)
        end = self._failures.end

        async def run(request: Request) -> Response:
            outcome = await inner(request)
            if not isinstance(outcome, UnhandledException):
                return outcome
            if is_task_cancelled(outcome.error):
                raise outcome.error
            return end(outcome, request, name)

        return run

    # --- one step, in the three ways in which step and view can be sync or async: none of them raises -----------

    def _with_step(self, step: Middleware, inner: Inner) -> Inner:
        def run(request: Request) -> Outcome:
            outcome = seen = None
            try:
                generator = step.begin(request)
                given = _begun(step, generator)
                if given is _ABSENT:
                    outcome = inner(request)
                    seen = self._seen(outcome, getattr(generator, "gi_code", None), request)
                    given = _resumed(step, generator, seen)
                return self._joined(given, outcome, seen, request)
            except BaseException as error:  # noqa: BLE001 - it goes on to the next step, or is answered
                return self._raised(error, outcome, seen, request)

        return run

    def _with_step_awaiting(self, step: Middleware, inner: AsyncInner) -> AsyncInner:
        async def run(request: Request) -> Outcome:
            outcome = seen = None
            try:
                generator = step.begin(request)
                given = _begun(step, generator)
                if given is _ABSENT:
                    outcome = await inner(request)
                    seen = self._seen(outcome, getattr(generator, "gi_code", None), request)
                    given = _resumed(step, generator, seen)
                return self._joined(given, outcome, seen, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return self._raised(error, outcome, seen, request)

        return run

    def _with_async_step(self, step: Middleware, inner: AsyncInner) -> AsyncInner:
        async def run(request: Request) -> Outcome:
            outcome = seen = None
            try:
                generator = step.begin(request)
                given = await _begun_async(step, generator)
                if given is _ABSENT:
                    outcome = await inner(request)
                    seen = self._seen(outcome, getattr(generator, "ag_code", None), request)
                    given = await _resumed_async(step, generator, seen)
                return self._joined(given, outcome, seen, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return self._raised(error, outcome, seen, request)

        return run

    def _seen(self, outcome: Outcome, code: CodeType | None, request: Request) -> Response | BaseException:
        """Return what a step meets at its yield: a response to be sent there, or an exception to be raised."""
        if not isinstance(outcome, UnhandledException):
            return outcome
        if code is None or may_catch(code) or is_task_cancelled(outcome.error):
            return outcome.error
        return self._failures.shown(outcome, request)

    def _joined(
        self, given: object, outcome: Outcome | None, seen: Response | BaseException | None, request: Request
    ) -> Outcome:
        """Return what goes on to the next step when this one has ended, and has given this."""
        if isinstance(outcome, UnhandledException) and is_task_cancelled(outcome.error):
            return outcome  # nobody waits for an answer, and a task that is cancelled must end
        if given is _ABSENT and outcome is not None:
            return outcome
        response = self._results.make(given, request)
        if isinstance(outcome, UnhandledException) and seen is not outcome.error:
            outcome.response = response  # another page for an exception that nobody has caught yet
            return outcome
        return response

    def _raised(
        self, error: BaseException, outcome: Outcome | None, seen: Response | BaseException | None, request: Request
    ) -> Outcome:
        """Return what goes on to the next step when this one has raised an exception."""
        if not isinstance(outcome, UnhandledException):
            return self._failures.passing(error, request)
        crash = outcome
        if is_task_cancelled(crash.error):
            return crash
        if is_rethrown(error, crash.error):
            crash.error.__traceback__ = crash.traceback
            return crash
        if error.__context__ is None:
            error.__context__ = crash.error  # the log tells of both
        if isinstance(error, HTTPError) and seen is not crash.error:
            crash.response = self._failures.respond(error, request)
            return crash
        return self._failures.passing(error, request)


SyncGenerator = Generator[object, object, object]


def _begun(step: Middleware, generator: SyncGenerator) -> object:
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


def _resumed(step: Middleware, generator: SyncGenerator, seen: Response | BaseException) -> object:
    """Run a step to its end; return the answer it gives instead, if it gives one. Raises what the step raises."""
    try:
        given = generator.throw(seen) if isinstance(seen, BaseException) else generator.send(seen)
    except StopIteration as end:
        if end.value is not None:
            return end.value
        _refuse_silence(step, seen)
        return _ABSENT
    generator.close()
    return _second(step, given)


def _second(step: Middleware, given: object) -> object:
    if given is None:
        raise AppError(f"{step.name} yields twice; the view runs at its one yield")
    return given


def _refuse_silence(step: Middleware, seen: Response | BaseException) -> None:
    """Raise AppError where a step has caught an exception, and gives no answer in its place."""
    if isinstance(seen, BaseException):
        raise AppError(f"{step.name} caught {type(seen).__name__}, and returned no response in its place") from seen


async def _begun_async(step: Middleware, generator: AsyncGenerator[object, object]) -> object:
    try:
        given = await anext(generator)
    except StopAsyncIteration:
        raise AppError(f"{step.name} ended before its yield") from None
    if given is None:
        return _ABSENT
    await generator.aclose()
    return given


async def _resumed_async(
    step: Middleware, generator: AsyncGenerator[object, object], seen: Response | BaseException
) -> object:
    try:
        given = await (generator.athrow(seen) if isinstance(seen, BaseException) else generator.asend(seen))
    except StopAsyncIteration:
        _refuse_silence(step, seen)
        return _ABSENT
    await generator.aclose()
    return _second(step, given)
