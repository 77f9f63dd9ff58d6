"""Run blocking work from async code, in the thread pool of the server.

In: a function, from a coroutine that serves a request. Out: what it returns, or raises. Without a server
(an app's call that is run by hand) asyncio's own threads do it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast

from fanlight.message.handler import POOL_RUNNER

T = TypeVar("T")


async def run_in_thread(act: Callable[[], T], *, waits: bool = True) -> T:
    """Return what `act` returns in a thread, or raise what it raises.

    Where every thread is taken and too much waits already, it waits for room, or (if not `waits`) raises
    ServiceUnavailable.
    """
    run = POOL_RUNNER.get(None)
    if run is None:
        return await asyncio.to_thread(act)
    return cast("T", await run(act, waits))
