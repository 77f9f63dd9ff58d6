"""The exceptions that a site's code can raise, by kind; tests cross them with each place where that code is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Panic(BaseException):
    """Stands for the panics of extension modules: neither an Exception nor an exit."""


RAISED: dict[str, Callable[[], BaseException]] = {
    "exception": lambda: KeyError("a"),
    "foreign": lambda: Panic("a"),
    "group": lambda: ExceptionGroup("a", [KeyError("b")]),
    "base-group": lambda: BaseExceptionGroup("a", [Panic("b")]),
    "generator-exit": GeneratorExit,
    "stop": lambda: StopIteration("a"),
    "async-stop": lambda: StopAsyncIteration("a"),
    "cancelled": asyncio.CancelledError,
    "interrupt": KeyboardInterrupt,
    "exit": lambda: SystemExit(3),
    "memory": MemoryError,
    "recursion": RecursionError,
    "threads": lambda: RuntimeError("can't start new thread"),
}
