"""Wrap the calls of an app, to observe each request: what `App(wrap_calls=...)` does.

In: generator functions that take a request and the pattern of its route, and yield once. Out: for each route one
function that runs them around the call, composed at start-up; an app without them pays nothing.

    def count(request, route):
        response = yield                # the call runs, middleware and error handlers included
        requests.labels(route, response.status).inc()

A wrapper sees the response that is sent, but can't replace it, and it never fails a request: an exception of its own is
logged. It is sync, also around async calls, whose context variables it may set. Only the cancellation of the task that
runs the call is raised at its `yield`. Refuses, at start-up, anything but a sync generator function of two parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from fanlight.binding.callables import display_name, mistake_in, unwrap_callable
from fanlight.errors import Mistake
from fanlight.lazy_logger import lazy_logger
from fanlight.message.request import Request
from fanlight.message.response import Response

log = lazy_logger("fanlight.app")

CallWrapper = Callable[[Request, str], Generator[None, Response, None]]
Run = Callable[[Request], Response]
AsyncRun = Callable[[Request], Awaitable[Response]]


def wrapper_mistakes(wrappers: object, folder: Path | None = None) -> list[Mistake]:
    """Return what is wrong with the setting `wrap_calls`."""
    if isinstance(wrappers, str) or not isinstance(wrappers, Sequence):
        kind = "one function" if callable(wrappers) else f"a {type(wrappers).__name__}"
        return [Mistake(message=f"wrap_calls is {kind}", hint="write a list: wrap_calls=[trace_calls]")]
    return [mistake for each in wrappers if (mistake := _mistake_in(each, folder))]


def _mistake_in(wrapper: Any, folder: Path | None) -> Mistake | None:
    hint = "write a generator function, def wrap(request, route), that yields once"
    if not callable(wrapper) or isinstance(wrapper, type):
        return Mistake(message=f"wrap_calls has {wrapper!r}, which is no function", hint=hint)
    name = display_name(wrapper)
    if not inspect.isgeneratorfunction(unwrap_callable(wrapper)):
        return mistake_in(wrapper, folder, f"{name} in wrap_calls is no sync generator function", hint)
    try:
        inspect.signature(wrapper).bind(None, "")
    except TypeError:
        return mistake_in(wrapper, folder, f"{name} in wrap_calls does not take (request, route)", hint)
    return None


def wrap(wrapper: CallWrapper, run: Run, route: str) -> Run:
    """Return a function that runs a sync call, which never raises, inside a wrapper."""

    def run_wrapped(request: Request) -> Response:
        running = _begin(wrapper, request, route)
        response = run(request)
        _end(wrapper, running, response)
        return response

    return run_wrapped


def wrap_async(wrapper: CallWrapper, run: AsyncRun, route: str) -> AsyncRun:
    """Return a coroutine function that runs an async call inside a wrapper."""

    async def run_wrapped(request: Request) -> Response:
        running = _begin(wrapper, request, route)
        try:
            response = await run(request)
        except BaseException as error:
            _end(wrapper, running, error)
            raise
        _end(wrapper, running, response)
        return response

    return run_wrapped


def _begin(wrapper: CallWrapper, request: Request, route: str) -> Generator[None, Response, None] | None:
    """Run a wrapper up to its yield; None if it fails or ends before."""
    try:
        running = wrapper(request, route)
        next(running)
    except StopIteration:
        return None
    except BaseException:
        log.exception("%s in wrap_calls failed", display_name(wrapper))
        return None
    return running


def _end(
    wrapper: CallWrapper, running: Generator[None, Response, None] | None, result: Response | BaseException
) -> None:
    """Resume a wrapper with the response of the call, or raise the call's exception at its yield."""
    if running is None:
        return
    try:
        if isinstance(result, BaseException):
            running.throw(result)
        else:
            running.send(result)
        running.close()
    except StopIteration:
        pass
    except BaseException as error:
        if error is not result:
            log.exception("%s in wrap_calls failed", display_name(wrapper))
