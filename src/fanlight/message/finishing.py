"""What has to be done with a response before its head is sent, because of what its request has opened.

In: a request, and what it has opened: a session that was changed, a nonce that was given to a template. Out: it is
called once with the response, behind all middleware and error pages, and where the view runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from fanlight.message.request import Request
from fanlight.message.response import Response

FINISHERS = "finishers"  # in the cache of a request


class Finisher(Protocol):
    """Adds to a response what a request has opened."""

    @property
    def waits(self) -> bool:
        """Whether `finish` may wait, for a store: then it is not called on the event loop."""

    def finish(self, request: Request, response: Response) -> None:
        """Add fields to the response. Raises HTTPError if it must not be sent."""


def finish_with(request: Request, finisher: Finisher) -> None:
    """Have a finisher called with the response of a request; several are called in their order."""
    known: list[Finisher] | None = request.cached_value(FINISHERS)
    if known is None:
        request.cache_value(FINISHERS, [finisher])
    else:
        known.append(finisher)


def finishers_of(request: Request) -> Iterator[Finisher]:
    """Yield the finishers of a request, each once; also those that are added meanwhile, by the page of an error."""
    waiting: list[Finisher] | None = request.cached_value(FINISHERS)
    while waiting:
        yield waiting.pop(0)
