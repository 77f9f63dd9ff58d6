"""Run an app's lifespan: a generator that opens what the app needs, yields once, and closes it.

In: a generator function, sync or async, that may take the app. Out: `start` and `stop`. Refuses, at start-up, anything
that is not a generator function or takes more than the app; at run time, a generator that yields never or twice.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

from fanlight.binding.callables import display_name, source_location, unwrap_callable
from fanlight.binding.signature import reject_markers
from fanlight.errors import AppError, Mistake, SetupError

_END = object()


class Lifespan:
    """The lifespan of one app, run once from `start` to `stop`."""

    def __init__(self, function: Any, app: object, folder: Path | None = None) -> None:
        """Take the function, or None. Raises SetupError if it can't be a lifespan."""
        self._begin: Any = None
        self._running: Generator[object] | AsyncGenerator[object] | None = None
        self.name = ""
        if function is None:
            return
        self.name = display_name(function)
        place = source_location(function, folder)
        places = (place,) if place else ()
        plain = unwrap_callable(function)
        if not inspect.isgeneratorfunction(plain) and not inspect.isasyncgenfunction(plain):
            message = f"the lifespan {self.name} has no yield"
            hint = "write a function that opens, yields once, and closes"
            raise SetupError([Mistake(message=message, places=places, hint=hint)])
        parameters = inspect.signature(function).parameters.values()
        needed = [each for each in parameters if each.default is each.empty and each.kind < each.VAR_POSITIONAL]
        if len(needed) > 1:
            message = f"the lifespan {self.name} takes more than the app"
            hint = f"write def {self.name.rpartition('.')[2]}(app)"
            raise SetupError([Mistake(message=message, places=places, hint=hint)])
        if mistake := reject_markers(function, self.name, place, "the app"):
            raise SetupError([mistake])
        self._begin = (lambda: function(app)) if needed else function

    async def start(self) -> None:
        """Run the function up to its yield. Raises what it raises."""
        if self._begin is None:
            return
        if self._running is not None:
            raise AppError("the app has been started already")
        running = self._begin()
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
