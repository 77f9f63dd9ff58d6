"""The check of tokens, where no header field shows from which page a request comes.

In: a request with an unsafe method that has a cookie, but none of `Sec-Fetch-Site`, `Origin` and a `Referer`. Out: it
passes if it has the token of its browser, in the field X-CSRF-Token or in its form; else 403, with what to write
in development. The form is read once: the view gets the same one, without the token.
"""

from __future__ import annotations

import logging
from functools import partial

from fanlight.errors import ContentTooLarge
from fanlight.message.guard import Guard
from fanlight.message.media_types import MULTIPART, URLENCODED
from fanlight.message.multipart import FormContent
from fanlight.message.request import Request
from fanlight.message.threads import run_in_thread
from fanlight.protection.cross_site import SAFE_METHODS, CrossSiteRequest, is_undecided
from fanlight.sessions.form_tokens import FORM_FIELD, HEADER, is_valid

_DETAIL = (
    "This site can't see that the form was on one of its own pages. Load the page with the form again, and send it."
)
_MISSING = "no Sec-Fetch-Site, no Origin, no Referer, and no token"
_WRONG = "no Sec-Fetch-Site, no Origin, no Referer, and a token that is not of this browser and its session"
_STEPS = (
    "In the template: `{{ csrf_field() }}` in the form. It is a hidden field.",
    "For a script, and for a view that reads a `ContentStream`: send `{{ csrf_token() }}` in the field `X-CSRF-Token`.",
    "In a test or a program: send `Sec-Fetch-Site: same-origin`, as browsers do; or no cookie.",
)

log = logging.getLogger("fanlight.protection")


class TokenMissing(CrossSiteRequest):
    """403: a request could be of another site's page, and has no token that shows otherwise."""

    what = "a page of another site may have sent this"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, _STEPS, detail=_DETAIL)


class TokenGuard(Guard):
    """Refuses requests to one route that need a token, and have none."""

    needs_services = reads_content = True

    def __init__(self, name: str) -> None:
        """Take the name of the route, for the log."""
        self._name = name
        self._logged: set[str] = set()

    def begin(self, request: Request) -> None:
        """Raise TokenMissing; or the error of a form that can't be read."""
        if request.head.method in SAFE_METHODS or not is_undecided(request):
            return
        token = _sent_in(request)
        # SECURITY: tests/sessions/test_token_guard.py tries every way without a token
        if not is_valid(request, token):
            reason = _WRONG if token else _MISSING
            if reason not in self._logged:
                self._logged.add(reason)
                log.warning("%s: a request was refused (%s; logged once)", self._name, reason)
            raise TokenMissing(reason)

    async def begin_async(self, request: Request) -> None:
        """Do the same; a form with files that was not parsed while it was received is parsed in a thread."""
        content = request.content_source
        is_parsed_here = request.media_type == MULTIPART and content is not None and content.size
        if is_parsed_here and not isinstance(content, FormContent) and is_undecided(request):
            await run_in_thread(partial(self.begin, request))
        else:
            self.begin(request)


def _sent_in(request: Request) -> str:
    """Return the token of a request, "" without one. Raises what a form that can't be read raises."""
    token = request.head.values.get(HEADER)
    if token is not None:
        return token
    if request.media_type not in (URLENCODED, MULTIPART):
        return ""
    try:
        _ = request.form  # which has put it into the cache
    except ContentTooLarge:
        content = request.content_source
        # A view may show the form again, with what came before the part that is too large.
        typed = content.typed.get(FORM_FIELD) if isinstance(content, FormContent) else ""
        if not typed:
            raise
        return typed
    found = request.cached_value("form_token")
    return found if isinstance(found, str) else ""  # a file is none
