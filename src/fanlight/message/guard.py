"""A guard of a route: it may refuse a request before any code of the site runs, and adds to the response.

In: a request, then its response. Out: an HTTPError, or fields. Which guards a route has, and their order, is decided in
`app/guard_choice.py`; how they are run, in `app/guards.py`.
"""

from __future__ import annotations

from functools import partial

from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread


class Guard:
    """Lets each request pass, and its response; a subclass overrides one of them or both."""

    waits = False  # for a store: then both run in a thread where the view is async
    opens = False  # whether it may open something that finishes the response, like the session
    needs_services = False  # whether it uses the store or the keys of the deployment
    reads_content = False  # whether it may read the content, also that of a route that does not
    begins = finishes = False  # whether a subclass overrides them

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.begins = cls.begin is not Guard.begin or cls.begin_async is not Guard.begin_async
        cls.finishes = cls.finish is not Guard.finish or cls.finish_async is not Guard.finish_async

    def begin(self, request: Request) -> None:
        """Raise an HTTPError to refuse a request."""

    def finish(self, request: Request, response: Response) -> None:
        """Add to a response: of the route, or of an error that was raised further in."""

    async def begin_async(self, request: Request) -> None:
        """Refuse a request of an async view."""
        if self.waits:
            await run_in_thread(partial(self.begin, request))
        else:
            self.begin(request)

    async def finish_async(self, request: Request, response: Response) -> None:
        """Add to a response of an async view."""
        if self.waits:
            await run_in_thread(partial(self.finish, request, response))
        else:
            self.finish(request, response)
