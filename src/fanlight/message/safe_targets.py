"""Where a user asked to go: `?next=/orders`. Only places of this site are safe to send him to.

In: text that somebody else may have written, and the request. Out: a path of this site, or None. Never
guesses what a browser would make of it: what could be read as another site is no target at all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fanlight.message.response import Response, redirect

if TYPE_CHECKING:
    from fanlight.message.request import Request

_MAX_LENGTH = 2048
# A path, then a query and a fragment. To browsers "//" and "/\" begin a host, and tabs and line ends are not there.
# SECURITY: tests/message/test_safe_targets.py: nor may dot segments come to "//", for whoever takes them out
_OF_THIS_SITE = re.compile(
    r"/(?![/\\]|(?:(?:\.|%2e){1,2}/)+[/\\])[^\x00-\x1f\x7f-\x9f\\?#]*(?:\?[^\x00-\x1f\x7f-\x9f#]*)?(?:#[^\x00-\x1f\x7f-\x9f]*)?",
    re.IGNORECASE,
)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def safe_target(target: object, request: Request) -> str | None:
    """Return the path (with query and fragment) of this site that a target means, None if it means anything else.

    A target is a path that begins with one "/", or a whole URL with the scheme and host of the request.
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
    except UnicodeEncodeError:  # half of a character
        return None
    return target


def redirect_back(request: Request, default: str = "/", *, field: str = "next") -> Response:
    """Send the user where he asked to go, or came from, if that is on this site; else to the default.

    Asked are, in this order, the field `next` of the query, that of a posted form, and `Referer`. Who
    came from the address that he asks for is sent to the default, not round in circles.
    """
    asked: list[object] = [request.query.get(field)]
    if request.media_type in _FORMS and request.content_source is not None:
        asked.append(request.form.get(field))
    asked.append(request.headers.get("referer"))
    for each in asked:
        target = safe_target(each, request)
        if target is not None and not _is_itself(target, request):
            return redirect(target)
    return redirect(default)


def _is_itself(target: str, request: Request) -> bool:
    return request.method in ("GET", "HEAD") and target.partition("#")[0].partition("?")[0] == request.raw_path
