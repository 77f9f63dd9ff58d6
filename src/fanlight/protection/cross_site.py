"""The check of cross-site requests: what a page of another site has a browser send is refused (CSRF).

    "POST /hooks/stripe": cross_site(stripe_hook)              every site may send it: a webhook has its own signature
    "/api": cross_site(origins=["https://app.example"])(API)   this site may
    @cross_site                                                a view, wherever it is in URLS

In: the fields of a request that only a browser sets, and no page can change. Out: why it is refused, or nothing. The
order is that of Go's `net/http.CrossOriginProtection`: `Sec-Fetch-Site` decides where it is sent; else `Origin`, and
here also `Referer`, are compared with the host; a request with none of them is not from a browser of today, and passes.
Which methods are checked is decided by the guard, so the check itself fits other handshakes too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

from fanlight.errors import Forbidden
from fanlight.lazy_logger import lazy_logger
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.route_marks import Marked, RouteMark
from fanlight.protection.origins import MAX_ORIGIN, Origins, is_of_host, origin_of_url, origin_weaknesses
from fanlight.weakness import Weakness

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 section 9.2.1; as in Go, no others
MAX_LOGGED = 64  # different refusals
_OWN = frozenset({"same-origin", "none"})  # none: the user has typed the address, or opened a bookmark
_DETAIL = "A page of another site has sent this request."

View = TypeVar("View", bound=Callable[..., object])
log = lazy_logger("fanlight.protection")


class CrossSite(RouteMark):
    """Lets pages of other sites send requests to a part of URLS: all of them, or those that are named."""

    def __init__(self, origins: Sequence[str] | None = None) -> None:
        """Take the origins as they are given; they are read when the table is built."""
        self.origins = origins  # None: every site

    @overload
    def __call__(self, inner: View) -> View: ...  # type: ignore[overload-overlap]  # only functions are marked
    @overload
    def __call__(self, *, origins: Sequence[str]) -> CrossSite: ...
    @overload
    def __call__(self, inner: object) -> Marked: ...
    def __call__(self, inner: Any = None, *, origins: Sequence[str] | None = None) -> Any:
        """Mark a view or a table, or return the mark for these origins."""
        return super().__call__(inner) if origins is None else CrossSite(origins)

    def weaknesses(self) -> Iterator[Weakness]:
        """Yield what is weak: that every site may send, or one that is not encrypted."""
        if self.origins is None:
            risk = "pages of every site can send this in the name of a user"
            yield Weakness(
                setting="cross_site",
                risk=risk,
                advice="right for what has a signature or a token of its own; else cross_site(origins=[...])",
            )
        else:
            yield from origin_weaknesses(self.origins, "cross_site(origins=[...])")


cross_site = CrossSite()


class CrossSiteRequest(Forbidden):
    """403: a page of another site has sent the request; `reason` and `steps` are for the author of the site."""

    what = "a page of another site has sent this"

    def __init__(self, reason: str, steps: tuple[str, ...] = (), *, detail: str = _DETAIL) -> None:
        super().__init__(detail)
        self.reason, self.steps = reason, steps


class CrossSiteCheck:
    """Finds out whether a request comes from a page of another site."""

    def __init__(self, trusted: Sequence[Origins] = (), *, trusts_without_credentials: bool = False) -> None:
        """Trust some origins; with `trusts_without_credentials` also every page that has no part in a sign-in."""
        self._trusted = tuple(filter(None, trusted))
        self._trusts_without_credentials = trusts_without_credentials

    def reason(self, request: Request) -> str:
        """Return why a request is taken for one of another site's page, "" if it is not, or if that site is trusted."""
        values = request.head.values
        site = values.get("sec-fetch-site")
        if site is not None:
            # SECURITY: tests/protection/test_cross_site.py: every other value, also one of a later version, is foreign
            return "" if site in _OWN or self._is_trusted(request) else f"Sec-Fetch-Site: {_shown(site)}"
        origin = values.get("origin")
        if origin is None:
            return self._reason_of_referer(request) if "referer" in values else ""
        # SECURITY: tests/protection/test_cross_site.py: "null" is no host; sandboxed frames of every site send it
        if is_of_host(origin, request.scheme, request.head.authority) or self._is_trusted(request):
            return ""
        return f"Origin: {_shown(origin)}, and the host is {_shown(request.head.authority)}"

    def _reason_of_referer(self, request: Request) -> str:
        """Return why a request without Origin is of another site: some old browsers name the page of a form only so."""
        origin = origin_of_url(request.head.values["referer"])
        if not origin or is_of_host(origin, request.scheme, request.head.authority) or self._is_trusted(request):
            return ""
        return f"Referer: {_shown(origin)}, and the host is {_shown(request.head.authority)}"

    def _is_trusted(self, request: Request) -> bool:
        origin = page_of(request)
        if any(each.name(origin) for each in self._trusted):
            return True
        return self._trusts_without_credentials and not has_credentials(request)


def page_of(request: Request) -> str:
    """Return the origin of the page that has sent a request, as far as the browser names it, else ""."""
    values = request.head.values
    return values.get("origin") or origin_of_url(values.get("referer", ""))


def is_undecided(request: Request) -> bool:
    """Return whether a request has none of the fields by which `CrossSiteCheck` decides, but a cookie."""
    values = request.head.values
    if "sec-fetch-site" in values or "origin" in values or "cookie" not in values:
        return False
    return not origin_of_url(values.get("referer", ""))


def has_credentials(request: Request) -> bool:
    """Return whether a browser may have added something by which the user is known, without the page's doing.

    A bearer token is added by the page itself, which must have it to do so.
    """
    values = request.head.values
    authorization = values.get("authorization")
    by_browser = authorization is not None and not authorization.lower().startswith("bearer ")
    return by_browser or "cookie" in values or request.client_cert is not None


class CrossSiteGuard(Guard):
    """Refuses requests of other sites' pages to one route."""

    def __init__(self, check: CrossSiteCheck, name: str, safe_methods: frozenset[str] = SAFE_METHODS) -> None:
        """Refuse by a check, with all but the safe methods; `name` is that of the route, for the log."""
        self._reason, self._name, self._safe_methods = check.reason, name, safe_methods
        self._logged: set[str] = set()

    def begin(self, request: Request) -> None:
        """Raise CrossSiteRequest."""
        if request.head.method not in self._safe_methods and (reason := self._reason(request)):
            origin = page_of(request)
            self._log(origin, reason)
            raise CrossSiteRequest(reason, steps_for(origin))

    def _log(self, origin: str, reason: str) -> None:
        """Log a refusal, once for each origin: any page can provoke it."""
        if origin not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(origin)
            log.warning("%s: a request of another site's page was refused (%s; logged once)", self._name, reason)


def steps_for(origin: str) -> tuple[str, ...]:
    """Return what the author of a site can do if a page of an origin may send a request."""
    if origin in ("", "null"):
        return (
            "A sandboxed frame, a local file, or a page with `Referrer-Policy: no-referrer` does not say whose it is.",
            "If every site may send this, as to a webhook: put `cross_site(...)` around the view in URLS.",
        )
    shown = _shown(origin)
    named = f'["{shown}"]'
    return (
        f"If it may, name its site: `cross_site(origins={named})(view)`, or `Security(trusted_origins={named})`.",
        "If it is this very site, behind a proxy: have the proxy pass `Host` on, or name it by `--trusted-proxies`.",
    )


def _shown(text: str) -> str:
    """Return a text of the client for one line."""
    text = text[:MAX_ORIGIN]
    return text if text.isprintable() else text.encode("unicode_escape").decode()
