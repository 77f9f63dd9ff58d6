"""Run a sync call where an async one is expected: on the event loop, or in a thread of the server.

In: a function that runs a sync view, and never raises. Out: a coroutine function that does it. What is raised around
it, the cancellation of a task for one, goes to `on_error`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from fanlight.message.request import Request
from fanlight.message.threads import run_in_thread

T = TypeVar("T")  # the outcome of a call
Inner = Callable[[Request], T]
AsyncInner = Callable[[Request], Awaitable[T]]
OnError = Callable[[BaseException, Request], T]


def on_loop(run: Inner[T], on_error: OnError[T]) -> AsyncInner[T]:
    """Return a coroutine function that runs a sync call on the loop, outside of any task and as if no loop ran."""
    import asyncio  # noqa: PLC0415 - large, and a site without async views and middleware needs none of it

    async def run_on_loop(request: Request) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def act() -> None:
            if done.done():  # its task was cancelled
                return
            asyncio._set_running_loop(None)  # noqa: SLF001 - documented, for implementers of event loops
            try:
                outcome = run(request)
            finally:
                asyncio._set_running_loop(loop)  # noqa: SLF001 - as above
            if not done.done():  # as above, meanwhile
                done.set_result(outcome)

        try:
            # The task's own context, which it has left while it waits, so that middleware sees what the view sets.
            loop.call_soon(act, context=getattr(request, "context", None))
            return await done
        except BaseException as error:  # noqa: BLE001 - it was cancelled
            return on_error(error, request)

    return run_on_loop


def in_thread(run: Inner[T], on_error: OnError[T]) -> AsyncInner[T]:
    """Return a coroutine function that runs a sync call in the server's thread pool; 503 if the pool is full."""

    async def run_in_pool(request: Request) -> T:
        try:
            # A copy: the task may be cancelled meanwhile, and be in its own context. A stream goes on in this one.
            request.context = context = copy_context()
            return await run_in_thread(partial(context.run, run, request), waits=False)
        except BaseException as error:  # noqa: BLE001 - it was cancelled, or no thread is free
            return on_error(error, request)

    return run_in_pool


def until_it_ends(run: AsyncInner[T], on_error: OnError[T]) -> AsyncInner[T]:
    """Return a coroutine function that waits for a thread to its end, also when its own task is cancelled.

    The thread uses the dependencies of middleware, which are closed as soon as this returns.
    """
    import asyncio  # noqa: PLC0415 - large, and a site without async views and middleware needs none of it

    async def run_to_end(request: Request) -> T:
        running = asyncio.ensure_future(run(request))
        try:
            return await asyncio.shield(running)
        except BaseException as error:  # noqa: BLE001 - it was cancelled
            await asyncio.wait([running])
            return on_error(error, request)

    return run_to_end
