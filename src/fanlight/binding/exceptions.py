"""Recognise two kinds of exceptions: the current task's cancellation, and one that a generator has passed on."""

from __future__ import annotations

import sys


def is_task_cancelled(error: BaseException) -> bool:
    """Return whether an exception is the cancellation of the current task, not of a task that it awaits."""
    asyncio = sys.modules.get("asyncio")  # a site without async views need not load it
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no running loop: a sync view has waited for a task of another thread
        return False
    return task is not None and task.cancelling() > 0


def is_rethrown(raised: BaseException, thrown: BaseException) -> bool:
    """Return whether a generator has passed on the exception that was thrown into it."""
    if raised is thrown:
        return True
    # PEP 479: these two come back as the cause of a RuntimeError
    is_wrapped = isinstance(raised, RuntimeError) and raised.__cause__ is thrown
    return is_wrapped and isinstance(thrown, StopIteration | StopAsyncIteration)
