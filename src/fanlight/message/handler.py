"""The interface between the server and an application.

The server is given a `Handler`. As soon as the head of a request has been read, it calls `find`, which returns the
`Call` of the route: calls are made at start-up, one per route, so a request allocates none. When the content has been
read, the server runs the call in the call's lane.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from fanlight.message.body_policy import DEFAULT_BODY_POLICY, BodyPolicy

if TYPE_CHECKING:
    from fanlight.message.request import Request
    from fanlight.message.response import Response


# Passes the hub on to another thread: `HUB_LEAVER.get()(reason)`. The server sets it in the context of every request.
HUB_LEAVER: ContextVar[Callable[[str], object]] = ContextVar("fanlight_hub_leaver")


def leave_hub(reason: str) -> None:
    """Let the server serve others from now on, in a plain view that is about to compute, or to wait, for long.

    Without this the server detects it after some milliseconds. The route's next calls run in threads, for good, and the
    log has the reason: "hashes passwords". In any other thread, and outside of requests, it does nothing.
    """
    leave = HUB_LEAVER.get(None)
    if leave is not None:
        leave(reason)


class Lane(IntEnum):
    """Where a call runs."""

    INLINE = 0  # in the thread that holds the hub; rescued by the monitor when it blocks
    THREAD = 1  # in the bounded thread pool
    TASK = 2  # as a task on the event loop
    MEASURED = 3  # INLINE, and each run is measured, to detect calls that wait for something


class Call:
    """What the server runs for a request: one object per route, shared by all its requests.

    `run` takes the request and returns the response, or for lane TASK an awaitable of it. It never raises an
    Exception. It is a plain function in a slot, so running a call costs no more than calling that function.
    """

    __slots__ = ("body_policy", "is_pinned", "lane", "name", "reads_content", "refused", "run")

    lane: Lane  # moved by the server between INLINE, MEASURED and THREAD, unless the call is pinned

    def __init__(  # noqa: PLR0913 - what a call is, given by name
        self,
        run: Callable[[Request], Response | Awaitable[Response]],
        name: str,
        *,
        lane: Lane = Lane.INLINE,
        is_pinned: bool = False,
        reads_content: bool = False,
        body_policy: BodyPolicy = DEFAULT_BODY_POLICY,
        refused: Call | None = None,
    ) -> None:
        """Make a call; `name` is for logs: "GET /blog/{slug} (views.post)"."""
        self.run = run
        self.name = name
        self.lane = lane
        self.is_pinned = is_pinned  # by `@lane`: never moved automatically
        self.reads_content = reads_content  # False (404, 405, redirects): the content is discarded, never kept
        self.body_policy = body_policy
        self.refused = refused  # runs instead when the content is refused; None: the server's built-in response

    def move_to(self, lane: Lane) -> None:
        """Run the next requests in another lane."""
        self.lane = lane

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class ResponseEncoder(Protocol):
    """The optional `encoder` of a handler: it can replace a response before it is sent, to compress it."""

    least_bytes: int  # smaller content that is whole is sent without calling `encode`

    def encode(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - by position, as on the hot path
        """Return the response to send, which may be the one given.

        `is_busy`: no thread is free to send a stream, so content that is whole must stay whole.
        """


class Handler(Protocol):
    """The application, as the server sees it.

    These attributes are optional: `request_class`, the class of which the server makes requests; `encoder`; `folder`,
    which has the code of the site: in the log its frames come before those of libraries; `default_fields`, pairs
    (name, value) that the server adds to every response; `misdirected`, the call for requests to a host that is not
    served; `has_hosts`, whether the call depends on the host of a request.
    """

    def find(self, request: Request, /) -> Call:
        """Return the call for a request (an unknown URL has one too) and set `request.params`."""

    async def start(self) -> None:
        """Open what the app needs for its whole life; no request is served before it returns."""

    async def stop(self) -> None:
        """Close it again; called once, after the last response."""


def default_fields_of(handler: Handler) -> tuple[tuple[str, str], ...]:
    """Return the fields that a handler wants on every response, unless that sets them itself."""
    return tuple(getattr(handler, "default_fields", ()))


def encoder_of(handler: Handler) -> tuple[Callable[[Response, Request, bool], Response], int]:
    """Return the function that encodes a handler's responses, and the size below which whole content skips it."""
    encoder: ResponseEncoder | None = getattr(handler, "encoder", None)
    return (lambda response, *_: response, sys.maxsize) if encoder is None else (encoder.encode, encoder.least_bytes)
