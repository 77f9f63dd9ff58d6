"""The decorator `@lane`, which pins a view to the server loop or to the thread pool."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Literal, TypeVar

from fanlight.errors import AppError
from fanlight.message.handler import Lane

View = TypeVar("View", bound=Callable[..., object])
_LANES = {"inline": Lane.INLINE, "thread": Lane.THREAD}
LANE_ATTRIBUTE = "__fanlight_lane__"


def lane(name: Literal["inline", "thread"]) -> Callable[[View], View]:
    """Pin a view to a lane: `@lane("thread")` for one that blocks or computes, `@lane("inline")` for a fast one.

    Without it a view runs on the server loop until it is found to be slow. Raises AppError for another name, and for
    an async view, which always runs on the event loop.
    """
    if name not in _LANES:
        raise AppError(f'there is no lane {name!r}; write @lane("thread") or @lane("inline")')

    def mark(view: View) -> View:
        if inspect.iscoroutinefunction(view) or inspect.isasyncgenfunction(view):
            raise AppError(f"{view.__qualname__} is async: it runs on the event loop; remove its @lane")
        setattr(view, LANE_ATTRIBUTE, _LANES[name])
        return view

    return mark
