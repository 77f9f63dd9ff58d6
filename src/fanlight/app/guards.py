"""Run a route inside its guards, outside its middleware.

In: the guards, the outermost first. Out: for each request the response of the route, or the error page for what a guard
has raised. A route without guards pays nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from fanlight.message.finishing import take_finishers
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread

Run = Callable[[Request], Response]
AsyncRun = Callable[[Request], Awaitable[Response]]
OnError = Callable[[BaseException, Request], Response]


class FinishingGuard(Guard):
    """Has everything that a request has opened finish its response: `message/finishing.py`."""

    def finish(self, request: Request, response: Response) -> None:
        """Call the finishers of the request."""
        if request.cache is not None:
            for each in take_finishers(request):
                each.finish(request, response)

    async def finish_async(self, request: Request, response: Response) -> None:
        """Call the finishers, those that may wait in a thread."""
        if request.cache is not None:
            for each in take_finishers(request):
                if each.waits:
                    await run_in_thread(partial(each.finish, request, response))
                else:
                    each.finish(request, response)


FINISHING = FinishingGuard()


def guarded(run: Run, guards: Sequence[Guard], on_error: OnError) -> Run:
    """Return a function that runs a route inside its guards."""
    for each in reversed(guards):
        run = _guarded(run, each, on_error)
    return run


def guarded_async(run: AsyncRun, guards: Sequence[Guard], on_error: OnError) -> AsyncRun:
    """Return a coroutine function that runs a route inside its guards."""
    for each in reversed(guards):
        run = _guarded_async(run, each, on_error)
    return run


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
