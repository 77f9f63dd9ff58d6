"""The nonce of a page: what a script of the page itself has, and one that was smuggled into it has not.

    <script nonce="{{ csp_nonce() }}"> ... </script>           in a template
    {{ script_tag("app.js") }}                                 the same for a file in a `Static` folder

In: a request whose page asks for one. Out: 128 random bits as text, the same for all of the page; the policy of its
response names them. Such a page must not be served a second time: a cache would give the same nonce to others, and a
304 would bring a policy without it to a page that has one. So it has no validators, and no shared cache may keep it.
"""

from __future__ import annotations

import logging
import secrets

from fanlight.message.finishing import finish_with
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.protection.content_security_policy import PolicyTexts

NONCE_BYTES = 16
CACHE_CONTROL = "private, no-cache"
MAX_LOGGED = 16
_KEY = "csp_nonce"
_VALIDATORS = ("etag", "last-modified", "expires")
_UNSTORED = ("no-store", "no-cache", "private")

log = logging.getLogger("fanlight.protection")


class PageNonces:
    """Gives each request its nonce, for one policy."""

    def __init__(self, texts: PolicyTexts) -> None:
        self.texts = texts
        self._logged: set[str] = set()

    def nonce(self, request: Request) -> str:
        """Return the nonce of the page that is made for a request; "" if the policy has no place for one."""
        if not self.texts.with_gap:
            return ""
        known: _PageNonce | None = request.cached_value(_KEY)
        if known is None:
            known = _PageNonce(self)
            request.cache_value(_KEY, known)
        known.open(request)
        return known.value

    def warn_once(self, path: str, cache_control: str) -> None:
        """Log that a page can't be cached as it wants to be."""
        if path not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(path)
            start = "%s has a nonce, so it is sent with cache-control: %s, and not %s (logged once)"
            log.warning(start, path[:200], CACHE_CONTROL, cache_control)


class _PageNonce:
    """The nonce of one request; it finishes the response by the policy that names it."""

    waits = False

    def __init__(self, nonces: PageNonces) -> None:
        self.value = secrets.token_urlsafe(NONCE_BYTES)
        self._nonces = nonces
        self._is_open = False

    def open(self, request: Request) -> None:
        """Have the response finished, also that of an error page which is made after another one was finished."""
        if not self._is_open:
            self._is_open = True
            finish_with(request, self)

    def finish(self, request: Request, response: Response) -> None:
        """Set the policy, and keep the page out of caches."""
        self._is_open = False
        texts, headers = self._nonces.texts, response.headers
        if response.status == 304:  # of a page that was stored before there was a policy, or that has another nonce
            headers.leave_out(texts.field)
            return
        if texts.field not in headers.replaced:
            headers[texts.field] = texts.with_nonce(self.value)
        # SECURITY: tests/protection/test_content_security_policy.py: a nonce that is used twice can be known before
        for name in _VALIDATORS:
            if name in headers:
                del headers[name]
        given = headers.get("cache-control")
        if not any(each in given.lower() for each in _UNSTORED):
            if given:
                self._nonces.warn_once(request.head.path, given)
            headers["cache-control"] = CACHE_CONTROL
