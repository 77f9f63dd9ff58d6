"""The seam between the server and an app: find the call first, run it second.

The server is given a `Handler`. It asks `find` once per request, as soon as the head is there;
the `Call` it gets is made at start-up, one for each route, so nothing is allocated for it. When
the content has been read, the server runs the call in the call's lane.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fanlight.message.body_policy import BodyPolicy
    from fanlight.message.request import Request
    from fanlight.message.response import Response


# Runs a function in the server's thread pool: `await POOL_RUNNER.get()(act, waits)`. The server sets it in the context
# of every request. Raises ServiceUnavailable where the pool is full, or with `waits` waits until it has room.
POOL_RUNNER: ContextVar[Callable[[Callable[[], Any], bool], Awaitable[Any]]] = ContextVar("fanlight_threads")


class Lane(IntEnum):
    """Where a call runs."""

    INLINE = 0  # in the hub's thread, in place; rescued by the monitor when it is stuck
    THREAD = 1  # in the bounded pool
    TASK = 2  # as a task on the event loop
    MEASURED = 3  # INLINE, and each run is measured, to find out whether the call waits for something


class Call(Protocol):
    """What the server runs for a request: one object for each route, shared by all its requests.

    One may have a call `refused`, which is run in its place where content is refused: reading it raises why.
    """

    lane: Lane  # the server moves a call that was stuck from INLINE to THREAD, and back
    is_pinned: bool  # True: the user chose the lane, so the server never moves it
    reads_content: bool  # False (404, 405, redirects): the content is discarded, never kept
    body_policy: BodyPolicy  # how it takes the content that it reads, and how much of it
    name: str  # for logs: "GET /blog/{slug} (views.post)"

    def run(self, request: Request, /) -> Response | Awaitable[Response]:
        """Return the response, or for lane TASK an awaitable of it. Never raises an Exception."""
        ...


class Encoding(Protocol):
    """What a handler may have as `encoding`: it sees answers on their way out, but for whole content below a size."""

    least_bytes: int

    def encoded(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - by position, as on the hot path
        """Return what is sent in place of a response, which may be itself.

        `is_busy`: what is whole must not become a stream, because no thread is free to send one.
        """
        ...


class Handler(Protocol):
    """What the server asks of an application.

    One with a `request_class` of its own gets its requests as that; one with an `encoding` is asked by it for
    answers as they are sent.
    """

    def find(self, request: Request, /) -> Call:
        """Return the call for a request (an unknown URL has one too) and set `request.params`."""
        ...

    async def start(self) -> None:
        """Open what the app needs for its whole life; no request is served before it returns."""
        ...

    async def stop(self) -> None:
        """Close it again; called once, after the last response."""
        ...


def encoding_of(handler: Handler) -> tuple[Callable[[Response, Request, bool], Response], int]:
    """Return what a handler's answers are shown to, and the size of whole content that need not be shown."""
    encoding: Encoding | None = getattr(handler, "encoding", None)
    return (_as_it_is, sys.maxsize) if encoding is None else (encoding.encoded, encoding.least_bytes)


def _as_it_is(response: Response, _: Request, __: bool) -> Response:  # noqa: FBT001 - as above
    return response
