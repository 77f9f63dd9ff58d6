"""What the server runs for a request: one call for each route, made before the port opens.

In: a view and what makes its arguments, or a function that answers without a view. Out: calls
whose `run` never raises, but for the cancellation of its task. Everything that can be decided is decided
here, once: whether the view is async, what it is given, what is around it, which lane it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any, cast

from fanlight.app.error_handlers import ErrorHandlers, Outcome
from fanlight.app.middleware import AsyncInner, AsyncRun, Inner, Middleware, MiddlewareStack, Run
from fanlight.app.responses import ResponseFactory
from fanlight.app.view_log import ViewLog
from fanlight.binding.arguments import ArgumentBuilder
from fanlight.binding.callables import is_async
from fanlight.binding.dependencies import DependencyPlan
from fanlight.binding.form_redisplay import with_error_status
from fanlight.binding.signature import View, pinned_lane
from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread

Failed = Callable[[BaseException, Request], Outcome]  # without steps a Response, always


class CallFactory:
    """Makes the calls of one app."""

    def __init__(self, results: ResponseFactory, failures: ErrorHandlers, middleware: MiddlewareStack) -> None:
        """Make answers with these."""
        self._results, self._failures, self._middleware = results, failures, middleware

    def within(self, steps: Sequence[Middleware]) -> CallFactory:
        """Return what makes calls with more steps, inside those of the app."""
        return CallFactory(self._results, self._failures, self._middleware.and_within(steps))

    def for_view(  # noqa: PLR0913 - each is a part of a view, and given by its name
        self,
        view: View,
        arguments: dict[str, ArgumentBuilder | None],
        name: str,
        *,
        has_path: bool,
        reads_content: bool,
        dependencies: DependencyPlan | None = None,
        errors: str = "",
        place: str = "",
    ) -> Call:
        """Return the call of a view, which is written at `place`.

        `arguments` makes what the view is given, by method where methods differ ("" is all others);
        None: the path's parameters as they are. `provision` is what it depends on, `errors` the
        parameter that takes the errors of its form.
        """
        pinned = pinned_lane(view)
        middleware = self._middleware
        runs_async = is_async(view) or (dependencies is not None and dependencies.is_async)
        if errors:
            advise = partial(self._failures.advise, where=name)
            view = with_error_status(view, errors, advise, is_async=is_async(view))
        notes = ViewLog(name, place)
        failed = notes.noting(self._failures.of(name) if middleware.is_empty else self._failures.passing)
        give = _by_method(arguments)
        answer = self._results.for_view(notes).make
        reads_content = reads_content or not middleware.is_empty
        if runs_async:
            run_async = (
                _async_run(view, give, answer, failed, has_path=has_path)
                if dependencies is None
                else _guarded_async(dependencies.run_async(view, give, answer), failed)
            )
            return Call(self._surrounded_async(run_async, name), name, lane=Lane.TASK, reads_content=reads_content)
        run = (
            _sync_run(view, give, answer, failed, has_path=has_path)
            if dependencies is None
            else _guarded(dependencies.run(view, give, answer), failed)
        )
        if middleware.is_async:
            # The steps need the loop, which a sync view must not hold up: it gets a thread, unless it is pinned.
            waiting = _on_the_loop(run, failed) if pinned is Lane.INLINE else _in_thread(run, failed)
            return Call(middleware.wrap_async(waiting, name), name, lane=Lane.TASK, reads_content=reads_content)
        lane = Lane.MEASURED if pinned is None else pinned
        return Call(
            self._surrounded(run, name), name, lane=lane, is_pinned=pinned is not None, reads_content=reads_content
        )

    def for_handler(self, answer: Run, name: str) -> Call:
        """Return the call of something that answers at once, without a view; what it raises is answered too."""
        middleware = self._middleware
        run = _guarded(answer, self._failures.of(name) if middleware.is_empty else self._failures.passing)
        if middleware.is_async:
            waiting = _in_thread(run, self._failures.passing)
            return Call(middleware.wrap_async(waiting, name), name, lane=Lane.TASK)
        return Call(self._surrounded(run, name), name, lane=Lane.MEASURED)

    def for_response(self, response: Response, name: str) -> Call:
        """Return the call of a response that is always the same; steps may write to it, so they get a copy each."""
        if not self._middleware.is_empty:
            return self.for_handler(lambda _: response.copy(), name)
        return Call(lambda _: response, name)

    def _surrounded(self, run: Inner, name: str) -> Run:
        return cast("Run", run) if self._middleware.is_empty else self._middleware.wrap(run, name)

    def _surrounded_async(self, run: AsyncInner, name: str) -> AsyncRun:
        return cast("AsyncRun", run) if self._middleware.is_empty else self._middleware.wrap_async(run, name)


def _by_method(arguments: dict[str, ArgumentBuilder | None]) -> ArgumentBuilder | None:
    """Return one function for all methods of a route; which of them a request has is asked only where it matters."""
    others = arguments[""]
    if len(arguments) == 1:
        return others

    def give(request: Request) -> dict[str, Any]:
        mine = arguments.get(request.head.method, others)
        return mine(request) if mine is not None else request.params

    return give


# --- around the view: the one place where whatever it raises is caught ---------------------------
# PERF: benchmarks/run.py; three forms each, so that a view without parameters is called without any,
# and one with path parameters only is called with them as they are.


def _sync_run(
    view: Callable[..., Any],
    give: ArgumentBuilder | None,
    answer: Callable[[object, Request], Response],
    failed: Failed,
    *,
    has_path: bool,
) -> Inner:
    if give is not None:

        def run(request: Request) -> Outcome:
            try:
                result = view(**give(request))
                return Response(result) if result.__class__ is str else answer(result, request)
            except BaseException as error:  # noqa: BLE001 - it is logged and answered, or passed to the steps
                return failed(error, request)

    elif has_path:

        def run(request: Request) -> Outcome:
            try:
                result = view(**request.params)
                return Response(result) if result.__class__ is str else answer(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return failed(error, request)

    else:

        def run(request: Request) -> Outcome:
            try:
                result = view()
                return Response(result) if result.__class__ is str else answer(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return failed(error, request)

    return run


def _async_run(
    view: Callable[..., Any],
    give: ArgumentBuilder | None,
    answer: Callable[[object, Request], Response],
    failed: Failed,
    *,
    has_path: bool,
) -> AsyncInner:
    if give is not None:

        async def run(request: Request) -> Outcome:
            try:
                result = await view(**give(request))
                return Response(result) if result.__class__ is str else answer(result, request)
            except BaseException as error:  # noqa: BLE001 - it is logged and answered, or passed to the steps
                return failed(error, request)

    elif has_path:

        async def run(request: Request) -> Outcome:
            try:
                result = await view(**request.params)
                return Response(result) if result.__class__ is str else answer(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return failed(error, request)

    else:

        async def run(request: Request) -> Outcome:
            try:
                result = await view()
                return Response(result) if result.__class__ is str else answer(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return failed(error, request)

    return run


def _guarded(run: Run, failed: Failed) -> Inner:
    def run_guarded(request: Request) -> Outcome:
        try:
            return run(request)
        except BaseException as error:  # noqa: BLE001 - it is logged and answered, or passed to the steps
            return failed(error, request)

    return run_guarded


def _guarded_async(run: AsyncRun, failed: Failed) -> AsyncInner:
    async def run_guarded(request: Request) -> Outcome:
        try:
            return await run(request)
        except BaseException as error:  # noqa: BLE001 - as above
            return failed(error, request)

    return run_guarded


def _on_the_loop(run: Inner, failed: Failed) -> AsyncInner:
    """Return what runs a sync call on the loop, outside of any task and as if no loop were running."""

    async def run_on_the_loop(request: Request) -> Outcome:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()

        def act() -> None:
            asyncio._set_running_loop(None)  # noqa: SLF001 - documented, for those who run loops
            try:
                outcome = run(request)
            finally:
                asyncio._set_running_loop(loop)  # noqa: SLF001 - as above
            if not done.done():  # its task was cancelled
                done.set_result(outcome)

        try:
            # The task's own context, which it has left while it waits: what the view sets, the middleware sees.
            loop.call_soon(act, context=getattr(request, "context", None))
            return await done
        except BaseException as error:  # noqa: BLE001 - it was cancelled
            return failed(error, request)

    return run_on_the_loop


def _in_thread(run: Inner, failed: Failed) -> AsyncInner:
    """Return what runs a sync call in the server's thread pool; ServiceUnavailable is answered where that is full."""

    async def run_away(request: Request) -> Outcome:
        try:
            # A copy: the task may be cancelled meanwhile, and be in its own context. A stream goes on in this one.
            request.context = context = copy_context()
            return await run_in_thread(partial(context.run, run, request), waits=False)
        except BaseException as error:  # noqa: BLE001 - it was cancelled, or there is no thread to be had
            return failed(error, request)

    return run_away
