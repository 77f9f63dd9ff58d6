"""Tell apart exceptions: a cancellation of the current task, and one that a generator let pass."""

from __future__ import annotations

import asyncio


def is_task_cancelled(error: BaseException) -> bool:
    """Say whether an exception is the cancellation of the task that we are in, and not that of one it waited for."""
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here: a sync view has waited for a task of another thread
        return False
    return task is not None and task.cancelling() > 0


def is_rethrown(raised: BaseException, thrown: BaseException) -> bool:
    """Say whether a generator has let pass what was thrown into it."""
    if raised is thrown:
        return True
    # PEP 479: these two come back inside a RuntimeError
    is_wrapped = isinstance(raised, RuntimeError) and raised.__cause__ is thrown
    return is_wrapped and isinstance(thrown, StopIteration | StopAsyncIteration)
