"""Fanlight's own loggers, which speak whatever a site does with Python's `logging`.

An error of a view must be reported somewhere. `dictConfig` and `fileConfig` disable every logger that they don't name,
by default, and may be called at any time; `logging.disable` silences all of them; a factory of records may raise. None
of this reaches the loggers below `fanlight`. What is not wanted is left out by their levels, filters and handlers.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

ROOT = "fanlight"


class _Unsilenced(logging.Logger):
    """What is different in our loggers, before the class that they had."""

    @property
    def disabled(self) -> bool:
        """False."""
        return False

    @disabled.setter
    def disabled(self, _: bool) -> None:
        """Leave it so."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name of `logging`
        """Say whether a level is wanted; errors are, also after `logging.disable`. No lock is taken, nor waited for."""
        return level >= self.getEffectiveLevel() and (level >= logging.ERROR or level > self.manager.disable)

    def makeRecord(self, name: str, level: int, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 - as above
        """Return a record of the site's own kind, or, if that raises, of Python's."""
        try:
            return super().makeRecord(name, level, *args, **kwargs)
        except BaseException:  # noqa: BLE001 - a factory of the site's, or its `extra`
            path, line, message, values, error = args[:5]
            return logging.LogRecord(name, level, path, line, message, values, error)


def own_loggers() -> list[logging.Logger]:
    """Return all of Fanlight's loggers that there are."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == ROOT]
    return [logging.getLogger(name) for name in {*names, ROOT}]


def enable_own_loggers() -> None:
    """Have Fanlight's loggers speak from now on."""
    for each in own_loggers():
        if not isinstance(each, _Unsilenced):
            with contextlib.suppress(TypeError):  # a class of the site's that is laid out in its own way
                each.__class__ = type(type(each).__name__, (_Unsilenced, type(each)), {})
        each.disabled = False


def is_handled(name: str, *, but: logging.Handler | None = None) -> bool:
    """Say whether a logger has a handler that writes anything, apart from one."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        if any(each is not but and not isinstance(each, logging.NullHandler) for each in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
