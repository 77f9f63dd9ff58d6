"""Redirect targets that come from a request, like `?next=/orders`: only paths of this site are safe.

In: text from the client, and the request. Out: a path of this site, or None. A text that any browser could read as
another site is not a target.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.media_types import MULTIPART, URLENCODED
from fanlight.message.response import Response, redirect

if TYPE_CHECKING:
    from fanlight.message.request import Request

_MAX_LENGTH = 2048
# A path, then a query and a fragment. Browsers read "//" and "/\" as the start of a host, and drop tabs and line ends.
# SECURITY: tests/message/test_safe_targets.py: removing dot segments must not result in "//"
_OF_THIS_SITE = lazy_pattern(
    r"/(?![/\\]|(?:(?:\.|%2e){1,2}/)+[/\\])[^\x00-\x1f\x7f-\x9f\\?#]*(?:\?[^\x00-\x1f\x7f-\x9f#]*)?(?:#[^\x00-\x1f\x7f-\x9f]*)?",
    re.IGNORECASE,
)


def safe_target(target: object, request: Request) -> str | None:
    """Return the target as a path (with query and fragment) of this site, None if it is anything else.

    A target is a path that starts with a single "/", or a complete URL with the scheme and host of the request.
    """
    if not isinstance(target, str) or len(target) > _MAX_LENGTH:
        return None
    origin = request.origin
    if target[: len(origin)].lower() == origin.lower():
        target = target[len(origin) :]
        if target[:1] in ("", "?", "#"):
            target = f"/{target}"
    if not _OF_THIS_SITE.fullmatch(target):
        return None
    try:
        target.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return target


def redirect_back(request: Request, default: str = "/", *, field: str = "next") -> Response:
    """Redirect to the target in the request, or to the previous page, if it is on this site; else to the default.

    The target is, in this order, the field `next` of the query, that of a posted form, and `Referer`. A target that is
    the current URL is skipped, so that there is no redirect loop; and so is a `Referer` that is the page of the posted
    form: after signing in, no one wants to see the sign-in page again.
    """
    is_form = request.method not in ("GET", "HEAD")
    candidates: list[object] = [request.query.get(field)]
    if request.media_type in (URLENCODED, MULTIPART) and request.content_source is not None:
        candidates.append(request.form.get(field))
    for each in candidates:
        target = safe_target(each, request)
        if target is not None and (is_form or not _is_current(target, request)):
            return redirect(target)
    previous = safe_target(request.headers.get("referer"), request)
    return redirect(default if previous is None or _is_current(previous, request) else previous)


def _is_current(target: str, request: Request) -> bool:
    return target.partition("#")[0].partition("?")[0] == request.raw_path
