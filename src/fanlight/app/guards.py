"""Run a route inside its guards, outside its middleware.

In: the guards, the outermost first. Out: for each request the response of the route, or the error page for what a guard
has raised. What a request has opened finishes the response; if it fails, the response becomes an error page, which is
finished in its place. A route without guards pays nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from fanlight.lazy_logger import lazy_logger
from fanlight.message import forked_child
from fanlight.message.finishing import FINISHERS, finishers_of
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread

Run = Callable[[Request], Response]
AsyncRun = Callable[[Request], Awaitable[Response]]
OnError = Callable[[BaseException, Request], Response]

log = lazy_logger("fanlight.app")


def guarded(run: Run, guards: Sequence[Guard], on_error: OnError, *, opens: bool = False) -> Run:
    """Return a function that runs a route inside its guards; `opens`: it may open what finishes the response."""
    if opens:
        run = _finished(run, on_error)
    for each in reversed(guards):
        run = _guarded(run, each, on_error)
    # The page of an error that a guard has raised may open something, too.
    return _finished(run, on_error) if opens and guards else run


def guarded_async(run: AsyncRun, guards: Sequence[Guard], on_error: OnError, *, opens: bool = False) -> AsyncRun:
    """Return a coroutine function that runs a route inside its guards, as above."""
    if opens:
        run = _finished_async(run, on_error)
    for each in reversed(guards):
        run = _guarded_async(run, each, on_error)
    return _finished_async(run, on_error) if opens and guards else run


def _guarded(run: Run, guard: Guard, on_error: OnError) -> Run:
    begin, finish = guard.begin, guard.finish
    begins, finishes = guard.begins, guard.finishes  # PERF: benchmarks/run.py; a call less for each request

    def run_guarded(request: Request) -> Response:
        try:
            if begins:
                begin(request)
            response = run(request)
            if finishes:
                finish(request, response)
        except BaseException as error:  # noqa: BLE001 - it becomes a response
            return on_error(error, request)
        return response

    return run_guarded


def _guarded_async(run: AsyncRun, guard: Guard, on_error: OnError) -> AsyncRun:
    begins, finishes = guard.begins, guard.finishes

    async def run_guarded(request: Request) -> Response:
        try:
            if begins:
                await guard.begin_async(request)
            response = await run(request)
            if finishes:
                await guard.finish_async(request, response)
        except BaseException as error:  # noqa: BLE001 - as above, unless its task is cancelled
            return on_error(error, request)
        return response

    return run_guarded


# --- finishing a response ---------------------------------------------------------------------------------


def _finished(run: Run, on_error: OnError) -> Run:
    def run_finished(request: Request) -> Response:
        response, has_failed = run(request), False
        if request.cache is not None and FINISHERS in request.cache:  # PERF: benchmarks/run.py; mostly there are none
            for each in finishers_of(request):
                try:
                    each.finish(request, response)
                except BaseException as error:  # noqa: BLE001 - it becomes a response
                    _close(request, response)
                    response = on_error(error, request)
                    if has_failed:
                        break  # the error page itself opens what fails
                    has_failed = True
        return response

    return run_finished


def _finished_async(run: AsyncRun, on_error: OnError) -> AsyncRun:
    async def run_finished(request: Request) -> Response:
        response, has_failed = await run(request), False
        if request.cache is not None and FINISHERS in request.cache:
            for each in finishers_of(request):
                try:
                    if each.waits:
                        await run_in_thread(partial(each.finish, request, response))
                    else:
                        each.finish(request, response)
                except BaseException as error:  # noqa: BLE001 - as above, unless its task is cancelled
                    _close(request, response)
                    response = on_error(error, request)
                    if has_failed:
                        break  # as above
                    has_failed = True
        return response

    return run_finished


def _close(request: Request, response: Response) -> None:
    """Close the content of a response that is not sent: a stream has dependencies, a file is open."""
    content = response.content
    close = getattr(content, "close", None)
    if close is None and (close_async := getattr(content, "aclose", None)) is not None:
        request.after(close_async)  # on the event loop
    elif close is not None:
        try:
            close()
        except BaseException:
            forked_child.exit_if_forked()
            log.exception("the content of a response that is not sent can't be closed")
