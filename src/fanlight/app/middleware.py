"""Run middleware: generators that run before and after the views of an app, or of a part of it.

In: generator functions, outermost first. Out: for each route one function that runs them all, composed at start-up;
an app without middleware pays nothing. Refuses functions that are not generators.

    def timing(request):
        start = perf_counter()
        response = yield                # the view runs; what it raises is raised here
        response.headers["server-timing"] = f"view;dur={(perf_counter() - start) * 1000:.1f}"

Middleware responds instead of the view by returning a response before its `yield`, and replaces the view's response by
returning one after it. In an async generator, where Python has no `return` with a value, a response is yielded; a sync
generator may do so as well. HTTP errors of views, and of middleware, reach the middleware further out as responses.

Any other exception passes through all middleware, the innermost first, until one catches it. It is raised at a `yield`
that stands in a `try ... except` or a `with`. At any other `yield` it could only pass, and the code after it would be
skipped: there the `yield` returns the 500 response that the client gets if the exception is not caught further out.

The dependencies of middleware are opened before it and closed behind it, or behind the stream of its response. What
runs inside of it shares them, and an exception of the view is raised in them, whatever response it has become.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Protocol

from fanlight.app.error_handlers import ErrorHandlers, Outcome, UnhandledException
from fanlight.app.generator_functions import GeneratorFunction, may_catch, read_injected_generator
from fanlight.app.responses import ResponseFactory
from fanlight.binding.callables import display_name, unwrap_callable
from fanlight.binding.dependency_plan import Injection, Injector
from fanlight.binding.exceptions import is_rethrown, is_task_cancelled
from fanlight.binding.open_dependencies import (
    Opened,
    RequestScope,
    attach_cleanup,
    close,
    close_async,
    closed_by,
    closed_by_async,
)
from fanlight.errors import AppError, HTTPError, Mistake, SetupError
from fanlight.message.request import Request
from fanlight.message.response import Response, is_lazy_stream

Run = Callable[[Request], Response]
AsyncRun = Callable[[Request], Awaitable[Response]]
Inner = Callable[[Request], Outcome]  # a view, or the next middleware
AsyncInner = Callable[[Request], Awaitable[Outcome]]
Begin = Callable[[Request], Any]  # makes the generator of a middleware
Middleware = GeneratorFunction
_NO_RESPONSE = object()


class Around(Protocol):
    """Runs one middleware around the inner call."""

    def __call__(self, request: Request, begin: Begin = ..., /) -> Outcome:
        """Run it; `begin` makes its generator, in place of the middleware itself."""


class AsyncAround(Protocol):
    """Runs one middleware around an async inner call."""

    def __call__(self, request: Request, begin: Begin = ..., /) -> Awaitable[Outcome]:
        """Run it, as above."""


def read_middleware(functions: object, folder: Path | None = None) -> tuple[list[Middleware], list[Mistake]]:
    """Return the middleware that a setting lists, and what is wrong with it."""
    if callable(functions):
        hint = f"write a tuple: middleware=({display_name(functions)},)"
        return [], [Mistake(message="middleware is one function", hint=hint)]
    if isinstance(functions, str) or not isinstance(functions, Sequence):
        hint = "write a tuple: middleware=(timing,)"
        return [], [Mistake(message=f"middleware is a {type(functions).__name__}", hint=hint)]
    read: list[Middleware] = []
    mistakes: list[Mistake] = []
    no_yield_hint = 'write "response = yield" where the view is to run'
    for each in functions:
        if not callable(each) or isinstance(each, type):
            message = f"middleware has {each!r}, which is no function"
            mistakes.append(Mistake(message=message, hint="give generator functions"))
            continue
        try:
            read.append(read_injected_generator(each, "middleware", folder, no_yield_hint=no_yield_hint))
        except SetupError as error:
            mistakes += error.mistakes
            continue
        if isinstance(plain := unwrap_callable(each), FunctionType):
            may_catch(plain.__code__)  # cached: reads the source now, and not when the first exception is raised
    return read, mistakes


def bind_middleware(
    middleware: Sequence[Middleware], injector: Injector, path: Mapping[str, str] | None
) -> tuple[list[Middleware], list[Mistake]]:
    """Return middleware for the requests of one route, or of any path (None), and what is wrong with it."""
    bound, mistakes = list[Middleware](), list[Mistake]()
    for each in middleware:
        try:
            bound.append(each.bound(injector, path, "middleware"))
        except SetupError as error:
            mistakes += error.mistakes
    return bound, mistakes


class MiddlewareStack:
    """Middleware in its order, to be wrapped around the calls of routes."""

    def __init__(
        self,
        middleware: Sequence[Middleware],
        responses: ResponseFactory,
        errors: ErrorHandlers,
        watch: Callable[[Middleware], Middleware] = lambda middleware: middleware,
    ) -> None:
        """Keep middleware, outermost first; `watch` returns what runs in place of each, to watch it."""
        self._middleware = tuple(middleware)
        self._responses, self._errors, self._watch = responses.for_middleware(), errors, watch
        self.is_empty = not middleware
        self.is_async = any(each.is_async for each in middleware)
        self.is_injected = any(each.injected is not None for each in middleware)

    def bound(self, injector: Injector, path: Mapping[str, str] | None) -> MiddlewareStack:
        """Return this stack for the requests of one route, or of any path (None). Raises SetupError."""
        if not self.is_injected:
            return self
        middleware, mistakes = bind_middleware(self._middleware, injector, path)
        if mistakes:
            raise SetupError(mistakes)
        return MiddlewareStack(middleware, self._responses, self._errors, self._watch)

    def with_inner(
        self, middleware: Sequence[Middleware], responses: ResponseFactory, errors: ErrorHandlers
    ) -> MiddlewareStack:
        """Return this stack with more middleware inside, and the error handlers of a part of the app."""
        return MiddlewareStack((*self._middleware, *middleware), responses, errors, self._watch)

    def wrap(self, inner: Inner, name: str) -> Run:
        """Return a function that runs sync middleware around a sync function. It never raises."""
        for each in map(self._watch, reversed(self._middleware)):
            around = self._around_sync(each, inner)
            inner = around if each.injection is None else self._with_dependencies(each, each.injection, around)
        internal_error = self._errors.internal_error

        def run(request: Request) -> Response:
            outcome = inner(request)
            return internal_error(outcome, request, name) if isinstance(outcome, UnhandledException) else outcome

        return run

    def wrap_async(self, inner: AsyncInner, name: str) -> AsyncRun:
        """Return a coroutine function that runs middleware of both kinds around an async one.

        It raises nothing but the cancellation of its task.
        """
        for each in map(self._watch, reversed(self._middleware)):
            around = self._around_async(each, inner)
            inner = around if each.injection is None else self._with_dependencies_async(each, each.injection, around)
        internal_error = self._errors.internal_error

        async def run(request: Request) -> Response:
            outcome = await inner(request)
            if not isinstance(outcome, UnhandledException):
                return outcome
            if is_task_cancelled(outcome.error):
                raise outcome.error
            return internal_error(outcome, request, name)

        return run

    # --- one middleware and the inner call: both sync, or one of them async; neither raises -----------------

    def _around_sync(self, middleware: Middleware, inner: Inner) -> Around:
        def run(request: Request, begin: Begin = middleware.begin) -> Outcome:
            outcome = seen = None
            try:
                generator = begin(request)
                given = _enter(middleware, generator)
                if given is _NO_RESPONSE:
                    outcome = inner(request)
                    seen = self._result_at_yield(outcome, getattr(generator, "gi_code", None), request)
                    given = _resume(middleware, generator, seen)
                return self._outcome(given, outcome, seen, request)
            except BaseException as error:  # noqa: BLE001 - it goes to the middleware further out, or gets a response
                return self._outcome_of_exception(error, outcome, seen, request)

        return run

    def _around_async(self, middleware: Middleware, inner: AsyncInner) -> AsyncAround:
        is_async, code = middleware.is_async, "ag_code" if middleware.is_async else "gi_code"

        async def run(request: Request, begin: Begin = middleware.begin) -> Outcome:
            outcome = seen = None
            try:
                generator = begin(request)
                given = await _enter_async(middleware, generator) if is_async else _enter(middleware, generator)
                if given is _NO_RESPONSE:
                    outcome = await inner(request)
                    seen = self._result_at_yield(outcome, getattr(generator, code, None), request)
                    if is_async:
                        given = await _resume_async(middleware, generator, seen)
                    else:
                        given = _resume(middleware, generator, seen)
                return self._outcome(given, outcome, seen, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return self._outcome_of_exception(error, outcome, seen, request)

        return run

    # --- middleware with dependencies, which are open while it runs: what runs inside of it shares them ----------

    def _with_dependencies(self, middleware: Middleware, injection: Injection, around: Around) -> Inner:
        function: Callable[..., Any] = middleware.begin
        lasting = injection.plan.lasting

        def run(request: Request) -> Outcome:
            scope = RequestScope.of(request)
            opened: Opened = []
            outer, values = scope.enter()
            outcome = None
            try:
                arguments = injection.plan.open(injection.build, request, values, opened)
                outcome = around(request, lambda _: function(**arguments))
                if not _keep_open_for_stream(outcome, opened, scope):
                    close(opened, _error_of(outcome, scope))
            except BaseException as error:  # noqa: BLE001 - as above
                seen = error if outcome is None else _error_of(outcome, scope)
                error = closed_by(opened, error)
                scope.leave(outer, lasting)
                return self._outcome_of_exception(error, outcome, seen, request)
            scope.leave(outer, lasting)
            return _as_it_was(outcome)

        return run

    def _with_dependencies_async(self, middleware: Middleware, injection: Injection, around: AsyncAround) -> AsyncInner:
        function: Callable[..., Any] = middleware.begin
        lasting = injection.plan.lasting

        async def run(request: Request) -> Outcome:
            scope = RequestScope.of(request)
            opened: Opened = []
            outer, values = scope.enter()
            outcome = None
            try:
                arguments = await injection.plan.open_async(injection.build, request, values, opened)
                outcome = await around(request, lambda _: function(**arguments))
                if not _keep_open_for_stream(outcome, opened, scope):
                    await close_async(opened, _error_of(outcome, scope))
            except BaseException as error:  # noqa: BLE001 - as above
                seen = error if outcome is None else _error_of(outcome, scope)
                error = await closed_by_async(opened, error)
                scope.leave(outer, lasting)
                return self._outcome_of_exception(error, outcome, seen, request)
            scope.leave(outer, lasting)
            return _as_it_was(outcome)

        return run

    # --- outcomes -----------------------------------------------------------------------------------------------

    def _result_at_yield(self, outcome: Outcome, code: CodeType | None, request: Request) -> Response | BaseException:
        """Return what middleware gets at its yield: a response that is sent to it, or an exception that is raised."""
        if not isinstance(outcome, UnhandledException):
            return outcome
        if code is None or may_catch(code) or is_task_cancelled(outcome.error):
            return outcome.error
        return self._errors.unhandled_response(outcome, request)

    def _outcome(
        self, given: object, outcome: Outcome | None, seen: Response | BaseException | None, request: Request
    ) -> Outcome:
        """Return the outcome of middleware that has ended and has given this response, or none."""
        if isinstance(outcome, UnhandledException) and is_task_cancelled(outcome.error):
            return outcome  # a cancelled task must end, and no response is expected of it
        if given is _NO_RESPONSE and outcome is not None:
            return outcome
        response = self._responses.make(given, request)
        if isinstance(outcome, UnhandledException) and seen is not outcome.error:
            outcome.response = response  # another page for an exception that is not caught yet
            return outcome
        return response

    def _outcome_of_exception(
        self, error: BaseException, outcome: Outcome | None, seen: Response | BaseException | None, request: Request
    ) -> Outcome:
        if not isinstance(outcome, UnhandledException):
            return self._errors.defer_unexpected(error, request)
        if is_task_cancelled(outcome.error):
            return outcome
        if is_rethrown(error, outcome.error):
            outcome.error.__traceback__ = outcome.traceback
            return outcome
        if error.__context__ is None:
            error.__context__ = outcome.error  # so that the log shows both
        if isinstance(error, HTTPError) and seen is not outcome.error:
            outcome.response = self._errors.respond(error, request)
            return outcome
        return self._errors.defer_unexpected(error, request)


def _keep_open_for_stream(outcome: Outcome, opened: Opened, scope: RequestScope) -> bool:
    """Have dependencies closed at the end of the stream that is the outcome; False if it is no stream."""
    if isinstance(outcome, UnhandledException) or not is_lazy_stream(outcome):
        return False
    attach_cleanup(outcome, opened, scope.error)
    return True


def _error_of(outcome: Outcome, scope: RequestScope) -> BaseException | None:
    """Return the exception that is raised in dependencies: it ended the view, whatever has become of it since."""
    return outcome.error if isinstance(outcome, UnhandledException) else scope.error


def _as_it_was(outcome: Outcome) -> Outcome:
    """Return an outcome; an exception gets the traceback back with which it left the view."""
    if isinstance(outcome, UnhandledException):
        outcome.error.__traceback__ = outcome.traceback
    return outcome


SyncGenerator = Generator[object, object, object]


def _enter(middleware: Middleware, generator: SyncGenerator) -> object:
    """Run middleware up to its yield; return the response that it gives instead of the view, if any."""
    try:
        given = next(generator)
    except StopIteration as end:
        if end.value is None:
            raise AppError(f"{middleware.name} ended before its yield, and returned no response") from None
        return end.value
    if given is None:
        return _NO_RESPONSE
    generator.close()
    return given


def _resume(middleware: Middleware, generator: SyncGenerator, seen: Response | BaseException) -> object:
    """Run middleware to its end; return the response that it gives, if any. Raises what the middleware raises."""
    try:
        given = generator.throw(seen) if isinstance(seen, BaseException) else generator.send(seen)
    except StopIteration as end:
        if end.value is not None:
            return end.value
        _require_response(middleware, seen)
        return _NO_RESPONSE
    generator.close()
    return _yielded_response(middleware, given)


def _yielded_response(middleware: Middleware, given: object) -> object:
    if given is None:
        raise AppError(f"{middleware.name} yields twice; the view runs at its one yield")
    return given


def _require_response(middleware: Middleware, seen: Response | BaseException) -> None:
    """Raise AppError if middleware has caught an exception and gives no response instead."""
    if isinstance(seen, BaseException):
        raise AppError(f"{middleware.name} caught {type(seen).__name__}, and returned no response") from seen


async def _enter_async(middleware: Middleware, generator: AsyncGenerator[object, object]) -> object:
    try:
        given = await anext(generator)
    except StopAsyncIteration:
        raise AppError(f"{middleware.name} ended before its yield") from None
    if given is None:
        return _NO_RESPONSE
    await generator.aclose()
    return given


async def _resume_async(
    middleware: Middleware, generator: AsyncGenerator[object, object], seen: Response | BaseException
) -> object:
    try:
        given = await (generator.athrow(seen) if isinstance(seen, BaseException) else generator.asend(seen))
    except StopAsyncIteration:
        _require_response(middleware, seen)
        return _NO_RESPONSE
    await generator.aclose()
    return _yielded_response(middleware, given)
