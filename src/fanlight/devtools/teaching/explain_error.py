"""Explain why a request got an error: what did it, and what to write instead.

In: an HTTPError, its request, and the app. Out: an `Explanation`, for every error. What a visitor of the site gets is
decided elsewhere; here is only what its author should know.
"""

from __future__ import annotations

from pathlib import Path

from fanlight.devtools.secrets import mask_text
from fanlight.devtools.teaching.explain_fields import explain_fields
from fanlight.devtools.teaching.explanation import Explanation, Place, RouteLine
from fanlight.devtools.teaching.site_facts import SiteFacts
from fanlight.devtools.teaching.site_source import files_in, raised_at, referring_form, short_name, view_place
from fanlight.errors import ContentTooLarge, HTTPError, MethodNotAllowed, NotFound, UnprocessableContent
from fanlight.message.request import Request
from fanlight.pages.static.static import Static
from fanlight.pages.suggestion import nearest_path
from fanlight.protection.cross_site import CrossSiteRequest
from fanlight.reason_phrases import REASON_PHRASES
from fanlight.routing.explain import MIN_SCORE, NearRoute
from fanlight.routing.path import UNMATCHABLE, decode_path
from fanlight.routing.route import NoMatch, NoMatchReason, Route

MAX_ROUTES = 8  # that a page lists
MAX_PATH = 200  # characters of a path in a sentence

# What to change for an error that Fanlight raises itself.
_STEPS = {
    400: "The request is malformed; no code of the site refused it. See its bytes in the inspector.",
    413: "Raise the limit for this view with `@limits(...)` from `fanlight`, or for the site with `--content-bytes`.",
    415: "Send one of these types, or change the annotation of the view's parameter.",
    421: "The site is served for the hosts in `Hosts` and `--hosts`; add the one in the address, if it is one of them.",
    501: "Methods are written in capitals: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS.",
    503: "All threads are busy: raise `--threads`, or make the view `async def` if it mostly waits.",
    507: "The disk is full, or the quota of the user that runs the site is used up.",
}


def explain(error: HTTPError, request: Request, app: SiteFacts) -> Explanation:
    """Return the explanation of an error."""
    raised = raised_at(error, app.folder)
    if raised is not None:
        return _raised(error, raised)
    found = app.table.at(request.host).find(request.head.method, request.head.path)
    if isinstance(found, NoMatch):
        return _without_route(error, request, app, found)
    route, _ = found
    if isinstance(error, UnprocessableContent) and error.fields:
        return explain_fields(error, request, route, app)
    if isinstance(error, NotFound):
        return _not_found(error, request, route, app)
    view = view_place(route, app.folder)
    if isinstance(error, CrossSiteRequest):
        return _of_another_site(error, view)
    detail = error.detail or REASON_PHRASES.get(error.status, "the error has no text")
    steps = (error.hint,) if isinstance(error, ContentTooLarge) and error.hint else (_STEPS.get(error.status, ""),)
    return Explanation(
        status=error.status,
        summary=f"{view.what} ({view.place}) was not called: {_one_line(detail)}",
        steps=tuple(filter(None, steps)),
        places=(view,),
    )


def _of_another_site(error: CrossSiteRequest, view: Place) -> Explanation:
    """Explain the 403 of a request that a page of another site has sent, or may have."""
    summary = f"{view.what} ({view.place}) was not called: {error.what} ({error.reason})"
    return Explanation(status=403, summary=_one_line(summary), steps=tuple(map(_one_line, error.steps)), places=(view,))


def _raised(error: HTTPError, place: Place) -> Explanation:
    detail = f": {_one_line(error.detail)}" if error.detail else ""
    return Explanation(
        status=error.status,
        summary=f"{place.what} ({place.place}) raised {type(error).__name__}{detail}",
        places=(place,),
    )


def _not_found(error: NotFound, request: Request, route: Route, app: SiteFacts) -> Explanation:
    """Explain a 404 of a path that has a route: a file, or a part of the path that names nothing."""
    view = view_place(route, app.folder)
    path = _shown(request.path)
    if isinstance(route.view, Static):
        folder = Path(route.view.folder).as_posix()
        below = str(request.params.get("path", ""))
        close = nearest_path(below, files_in(app.folder / route.view.folder))
        near = f"Did you mean `{close}`? " if close else ""
        return Explanation(
            status=404,
            summary=f"There is no file {_shown(below) or path} in {folder}, which is served at {route.pattern}"
            f" ({route.place})",
            steps=(f"{near}Names of files are compared exactly, and names that begin with a dot are not served.",),
            places=(Place(route.place, f'Static("{folder}")'),),
        )
    notes = getattr(error, "__notes__", ())
    detail = "; ".join(map(_one_line, notes)) or (
        f"{route.pattern} leads to {view.what} ({view.place}), but {_one_line(error.detail) or 'the page is not there'}"
    )
    steps = ("A relative path begins in the folder of the site's file; print it with `.resolve()`.",) if notes else ()
    return Explanation(status=404, summary=detail, steps=steps, places=(view,))


# --- no route -----------------------------------------------------------------------------------------


def _without_route(error: HTTPError, request: Request, app: SiteFacts, found: NoMatch) -> Explanation:
    method, path = request.head.method, request.head.path
    near = app.table.at(request.host).nearest(method, path)
    if isinstance(error, MethodNotAllowed):
        return _wrong_method(request, app, [each for each in near if each.path_matches], found)
    if found.kind is not NoMatchReason.NOT_FOUND or error.status != 404:
        steps = tuple(filter(None, (_STEPS.get(error.status, ""),)))
        return Explanation(status=error.status, summary=_one_line(error.detail), steps=steps)
    close = [each for each in near if each.score >= MIN_SCORE]
    listed = (close or near)[:MAX_ROUTES]
    summary = f"No route matches {method} {_shown(path)}"
    if close:
        best = close[0]
        summary += f"; the nearest is {best.route.pattern} ({best.route.place}): {best.reason}"
    if decode_path(path) is UNMATCHABLE:
        summary += '; a path with a segment "." or ".." never has one'
        return Explanation(status=404, summary=summary)
    wanted = path if path.isascii() and "{" not in path else "/..."
    key = wanted if method in ("GET", "HEAD") else f"{method} {wanted}"
    return Explanation(
        status=404,
        summary=summary,
        steps=(f'To have a page here, add a line to URLS: `"{_shown(key)}": view`.',),
        routes=tuple(_line_of(each) for each in listed),
        more_routes=len(near) - len(listed),
    )


def _wrong_method(request: Request, app: SiteFacts, near: list[NearRoute], found: NoMatch) -> Explanation:
    method, path = request.head.method, _shown(request.head.path)
    allowed = ", ".join(each for each in found.allow if each != "OPTIONS")
    places = ", ".join(dict.fromkeys(each.route.place for each in near))
    steps = [f'To take {method} here, add a line to URLS: `"{method} {_pattern_of(near, path)}": view`.']
    form = referring_form(request, app)
    if form is not None and method == "POST":
        steps.append(f'The form on {form.path} ({form.place}) sends POST; with `method="get"` its fields are a query.')
    return Explanation(
        status=405,
        summary=f"{path} takes {allowed} ({places}), not {method}",
        steps=tuple(steps),
        routes=tuple(_line_of(each) for each in near[:MAX_ROUTES]),
        more_routes=max(0, len(near) - MAX_ROUTES),
    )


def _pattern_of(near: list[NearRoute], path: str) -> str:
    return near[0].route.pattern if near else path


def _line_of(near: NearRoute) -> RouteLine:
    route = near.route
    can_link = "GET" in route.methods and not route.parameters and not isinstance(route.view, Static)
    methods = {*route.methods, "HEAD"} if "GET" in route.methods else route.methods
    return RouteLine(
        methods=", ".join(sorted(methods)),
        pattern=route.pattern,
        view=short_name(route),
        place=route.place,
        reason=near.reason,
        href=route.pattern if can_link else "",
    )


def _shown(path: str) -> str:
    """Return a path, or a part of one, for one line of text."""
    text = _one_line(path)
    return text if len(text) <= MAX_PATH else f"{text[:MAX_PATH]}..."


def _one_line(text: str) -> str:
    line = " ".join(mask_text(text).split())
    return line if line.isprintable() else line.encode("unicode_escape").decode()
