"""The observer of a site in development: it joins what the tools do when a request fails.

In: the hooks of `app.observer`. Out: each goes to the part of `devtools` that has a use for it.
"""

from __future__ import annotations

from fanlight.app.application import Application
from fanlight.app.error_handlers import DISK_FULL_ERRNOS
from fanlight.app.observer import ErrorView
from fanlight.binding.callables import View, display_name, source_location
from fanlight.devtools.access import stranger
from fanlight.devtools.debug.debug_page import DebugPages
from fanlight.devtools.dev_context import PREFIX, DevContext
from fanlight.devtools.inspector.current import exchange_id
from fanlight.devtools.inspector.recording_observer import RecordingObserver
from fanlight.devtools.return_check import checked_view
from fanlight.devtools.teaching.error_teacher import ErrorTeacher
from fanlight.devtools.teaching.site_facts import SiteFacts
from fanlight.errors import ClientDisconnected, HTTPError
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.cross_site import CrossSiteRequest


class DevObserver(RecordingObserver):
    """Watches the site of one worker."""

    def __init__(self, context: DevContext, app: Application) -> None:
        super().__init__(app.folder)
        self.context = context
        self._teacher = ErrorTeacher(_facts_of(app))
        self._debug_pages = DebugPages(app.folder, app.table)

    def view(self, view: View, name: str, place: str) -> View:
        """Return a view that is recorded, and whose results are compared with its return annotation."""
        return super().view(checked_view(view, name, place), name, place)

    def error_view(self, view: ErrorView) -> ErrorView:
        """Return an error view that is recorded, and whose results are compared with its return annotation."""
        place = source_location(view, self._folder)
        return super().error_view(checked_view(view, display_name(view), place))

    def on_http_error(self, error: HTTPError, request: Request, response: Response, *, has_page: bool) -> Response:
        """Return the response for an HTTP error: its explanation, where the site has no page of its own."""
        response = super().on_http_error(error, request, response, has_page=has_page)
        is_shown = _may_explain(error, request)
        return self._teacher.on_http_error(error, request, response, has_page=has_page, is_shown=is_shown)

    def on_handler_failed(self, failure: BaseException, request: Request) -> Response | None:
        """Return the debug page for an exception of an error handler."""
        return self.on_unhandled(failure, request)

    def on_unhandled(self, error: BaseException, request: Request) -> Response | None:
        """Return the debug page; None where the app's own response is right, or the page is for no one to see."""
        super().on_unhandled(error, request)
        if isinstance(error, ClientDisconnected) or (isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS):
            return None
        if _is_foreign(request):
            return None
        exchange = exchange_id(request)
        inspector = f"{PREFIX}/exchanges/{exchange}" if exchange else ""
        return self._debug_pages.response(error, request, inspector=inspector)


def _is_foreign(request: Request) -> bool:
    """Return whether a page of another site, or another machine, may be able to read the response."""
    # SECURITY: tests/devtools/debug/test_hostile.py: what is shown in development must not get there
    return bool(stranger(request)) or request.head.values.get("sec-fetch-site") == "cross-site"


def _may_explain(error: HTTPError, request: Request) -> bool:
    """Return whether the explanation of an error may be shown: to no other site, unless it is about that."""
    if isinstance(error, CrossSiteRequest) and not stranger(request):
        # SECURITY: tests/devtools/teaching/test_error_teacher.py: a page in a tab of its own is read by no one else
        return request.head.values.get("sec-fetch-dest", "document") == "document"
    return not _is_foreign(request)


def _facts_of(app: Application) -> SiteFacts:
    return SiteFacts(folder=app.folder, table=app.table, pages=app.pages)
