"""Run an app's lifespan: a generator that opens what the app needs, yields once, and closes it.

In: a generator function, sync or async, that may take the app. Out: `start` and `stop`. Refuses, at start-up, anything
that is not a generator function or takes more than the app; at run time, a generator that yields never or twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

from fanlight.app.generator_functions import read_generator_function
from fanlight.errors import AppError

_END = object()


class Lifespan:
    """The lifespan of one app, run once from `start` to `stop`."""

    def __init__(self, function: Any, app: object, folder: Path | None = None) -> None:
        """Take the function, or None. Raises SetupError if it can't be a lifespan."""
        self._app, self._function = app, None
        self._running: Generator[object] | AsyncGenerator[object] | None = None
        if function is not None:
            hint = "write a function that opens, yields once, and closes"
            self._function = read_generator_function(function, "lifespan", "app", folder, no_yield_hint=hint)
        self.name = self._function.name if self._function is not None else ""

    async def start(self) -> None:
        """Run the function up to its yield. Raises what it raises."""
        if self._function is None:
            return
        if self._running is not None:
            raise AppError("the app has been started already")
        running = self._function.begin(self._app)
        if await _is_at_end(running):
            raise AppError(f"the lifespan {self.name} ended before its yield")
        self._running = running

    async def stop(self) -> None:
        """Run the part after the yield. Raises what it raises."""
        running, self._running = self._running, None
        if running is None or await _is_at_end(running):
            return
        if isinstance(running, AsyncGenerator):
            await running.aclose()
        else:
            running.close()
        raise AppError(f"the lifespan {self.name} yields twice; the app runs at its one yield")


async def _is_at_end(running: Generator[object] | AsyncGenerator[object]) -> bool:
    """Resume a generator; return whether it ended instead of yielding."""
    if isinstance(running, AsyncGenerator):
        return await anext(running, _END) is _END
    return next(running, _END) is _END
