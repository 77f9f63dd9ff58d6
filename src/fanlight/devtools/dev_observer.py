"""The observer of a site in development: it joins what the tools do when a request fails.

In: the hooks of `app.observer`. Out: each goes to the part of `devtools` that has a use for it.
"""

from __future__ import annotations

from fanlight.app.application import Application
from fanlight.app.observer import Observer
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.teaching.error_teacher import ErrorTeacher
from fanlight.devtools.teaching.site_facts import SiteFacts
from fanlight.errors import HTTPError
from fanlight.message.request import Request
from fanlight.message.response import Response


class DevObserver(Observer):
    """Watches the site of one worker."""

    def __init__(self, context: DevContext, app: Application) -> None:
        self.context = context
        self._teacher = ErrorTeacher(_facts_of(app))

    def on_http_error(self, error: HTTPError, request: Request, response: Response) -> Response:
        """Return the response for an HTTP error: its explanation, where the site has no page of its own."""
        return self._teacher.on_http_error(error, request, response)


def _facts_of(app: Application) -> SiteFacts:
    return SiteFacts(folder=app.folder, table=app.table, pages=app.pages, has_error_page=app.has_error_page)
