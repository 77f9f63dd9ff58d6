"""The page where people sign in: where a browser is sent that needs to, and from where it comes back.

In: `Unauthorized` that was raised for a request. Out: a redirect to the page, with `?next=` and where the browser was
going; or the challenge for a client that is no browser. Refuses, before the port opens, a page that is not there. The
target is always a path of this site, and `redirect_back` checks it once more when it comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fanlight.errors import Mistake, NoSuchURL
from fanlight.message.accept import names
from fanlight.message.location import percent_encode
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.message.safe_targets import safe_target
from fanlight.sessions.session_settings import Sessions

FIELD = "next"
UNAUTHORIZED = 401
CHALLENGE = "www-authenticate"
_SAFE = frozenset({"GET", "HEAD"})


class SignInPage:
    """The page of an app where people sign in; `path` is "" until it is found, and if there is none."""

    def __init__(self, settings: Sessions) -> None:
        self._settings = settings
        self.path = ""
        self._is_at: Callable[[Request, str], bool] | None = None

    def find(
        self,
        url_for: Callable[[object], str],
        has_page: Callable[[str], bool],
        is_at: Callable[[Request, str], bool] | None = None,
    ) -> list[Mistake]:
        """Find the page among the routes, and return what is wrong with the setting.

        `is_at` is for an app with several hosts, each with sessions of its own: whether that of a request has the page.
        """
        self._is_at = is_at
        given = self._settings.sign_in
        if given is None:
            return []
        if isinstance(given, str):
            path = percent_encode(given)
            if has_page(path):
                self.path = path
                return []
            hint = f'add "{given}" to URLS, or write the path of the page that is there'
            return [Mistake(message=f'Sessions has sign_in="{given}", and no route has that path', hint=hint)]
        try:
            url = url_for(given)
            self.path = url if is_at is None else "/" + url.removeprefix("//").partition("/")[2]
        except NoSuchURL as error:
            name = getattr(given, "__name__", "the view")
            hint = "give the view of a route without parameters in its path, or the path"
            return [Mistake(message=f"Sessions has sign_in={name}, which has no path: {error}", hint=hint)]
        return []

    def redirect(self, request: Request) -> Response | None:
        """Return a redirect to the page, None for a client that is no browser, or is there already."""
        if not self._is_here(request) or request.raw_path == self.path or not wants_page(request):
            return None
        target = _target_of(request)
        query = f"?{FIELD}={quote(target, safe='/')}" if target is not None else ""
        return redirect(f"{MOUNT_PATH.get()}{self.path}{query}")

    def _is_here(self, request: Request) -> bool:
        return bool(self.path) and (self._is_at is None or self._is_at(request, self.path))

    def challenge(self, request: Request) -> str:
        """Return the challenge of a 401, which must have one (RFC 9110 section 15.5.2), "" without a page to sign in.

        The scheme is that of draft-broyer-http-cookie-auth: a cookie that the form of a page gives. Browsers show the
        page of the response for it, and no dialog of their own.
        """
        if not self._is_here(request):
            return ""
        name = self._settings.cookie_name(is_https=request.scheme == "https")
        return f'Cookie realm="site", form-action="{MOUNT_PATH.get()}{self.path}", cookie-name="{name}"'


def wants_page(request: Request) -> bool:
    """Return whether a person waits for a page: not a script, which would take the page for what it has requested."""
    values = request.head.values
    mode = values.get("sec-fetch-mode")  # Fetch Metadata: every browser of today, but not over plain http
    return names(values.get("accept", ""), "text/html") if mode is None else mode == "navigate"


def _target_of(request: Request) -> str | None:
    """Return where a browser was going: for a form, whose content is lost, the page that it was on."""
    if request.method in _SAFE:
        query = f"?{request.raw_query}" if request.raw_query else ""
        return safe_target(f"{MOUNT_PATH.get()}{request.raw_path}{query}", request)
    return safe_target(request.headers.get("referer"), request)
