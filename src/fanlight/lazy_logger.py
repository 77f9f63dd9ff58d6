"""A logger that is made when it first logs, so an import of the framework does not wait for `logging`.

In: the name of a logger. Out: an object with the methods of that logger. It is for what logs mistakes of a site and
refusals, which most processes never do. A server loads `logging` in any case, and asks here for the names, so that it
handles these loggers as all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from logging import Logger

_names: set[str] = set()


class _LazyLogger:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """Return what the logger has under a name."""
        from logging import getLogger  # noqa: PLC0415 - see above

        return getattr(getLogger(self._name), name)


def lazy_logger(name: str) -> Logger:
    """Return a logger."""
    _names.add(name)
    return cast("Logger", _LazyLogger(name))


def lazy_names() -> frozenset[str]:
    """Return the names of all such loggers, also of those that have not logged yet."""
    return frozenset(_names)
