"""Keep Fanlight's own loggers enabled, whatever a site does with Python's `logging`.

An error of a view must be reported somewhere. By default `dictConfig` and `fileConfig` disable every logger that they
don't name, and may be called at any time; `logging.disable` silences all of them; a record factory may raise. None of
this affects the loggers below `fanlight`. Unwanted messages are suppressed by their levels, filters and handlers.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

ROOT = "fanlight"


class _Unsilenced(logging.Logger):
    """Mixed into the class of our loggers, before the class that they had."""

    @property
    def disabled(self) -> bool:
        """False."""
        return False

    @disabled.setter
    def disabled(self, _: bool) -> None:
        """Do nothing."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name of `logging`
        """Return whether a level is wanted; errors are, also after `logging.disable`. Takes no lock."""
        return level >= self.getEffectiveLevel() and (level >= logging.ERROR or level > self.manager.disable)

    def makeRecord(self, name: str, level: int, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 - as above
        """Return a record made by the site's factory, or, if that raises, by Python's."""
        try:
            return super().makeRecord(name, level, *args, **kwargs)
        except BaseException:  # noqa: BLE001 - a factory of the site's, or its `extra`
            path, line, message, values, error = args[:5]
            return logging.LogRecord(name, level, path, line, message, values, error)


def own_loggers() -> list[logging.Logger]:
    """Return all existing loggers of Fanlight."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == ROOT]
    return [logging.getLogger(name) for name in {*names, ROOT}]


def enable_own_loggers() -> None:
    """Keep Fanlight's loggers enabled from now on."""
    for each in own_loggers():
        if not isinstance(each, _Unsilenced):
            with contextlib.suppress(TypeError):  # a site's class with an incompatible layout
                each.__class__ = type(type(each).__name__, (_Unsilenced, type(each)), {})
        each.disabled = False


def is_handled(name: str, *, but: logging.Handler | None = None) -> bool:
    """Return whether a logger has a handler, other than `but`, that writes anything."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        if any(each is not but and not isinstance(each, logging.NullHandler) for each in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
