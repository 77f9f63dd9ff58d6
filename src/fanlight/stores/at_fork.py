"""What happens to open stores when the process forks: a child must not use the connections of its parent.

In: `close_at_fork(store)`. Out: `before_fork` and `after_fork` of each store that is alive are called around each fork.
A connection to a SQLite file that is carried over a fork can corrupt the file (https://www.sqlite.org/howtocorrupt.html,
section 2.6), so it is closed before; a lock that another thread holds would be held in the child for ever.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class ForkAware(Protocol):
    """A store that wants to know of forks."""

    def before_fork(self) -> bool:
        """Prepare; the result is passed to `after_fork`."""

    def after_fork(self, *, is_child: bool, was_closed: bool) -> None:
        """Allow its use again."""


_stores: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_forking: list[tuple[ForkAware, bool]] = []


def close_at_fork(store: ForkAware) -> None:
    """Have a store's methods called around each fork, while it lives."""
    _stores.add(store)


def _before() -> None:
    _forking.extend([(each, each.before_fork()) for each in list(_stores)])


def _after_in_parent() -> None:
    _after(is_child=False)


def _after_in_child() -> None:
    _after(is_child=True)


def _after(*, is_child: bool) -> None:
    done = _forking.copy()
    _forking.clear()
    for store, was_closed in done:
        store.after_fork(is_child=is_child, was_closed=was_closed)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
