"""Read, before an async view runs, what its templates and error views may need of the request: the session.

In: the types that provide themselves and are dependencies of context functions of templates, and of error views. Out: a
guard that opens them. Templates and error views are sync and run on the event loop there, so they could not wait for
the store; in the thread of a sync view they read the session themselves, if they need it.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider


class Preloading(Guard):
    """Opens types that wait, for async calls; sync calls are not affected."""

    def __init__(self, types: Sequence[TypeProvider]) -> None:
        self._types = tuple(dict.fromkeys(types))

    async def begin_async(self, request: Request) -> None:
        """Open them."""
        for each in self._types:
            await each.open_async(request)
