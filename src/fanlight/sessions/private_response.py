"""Keep a response that depends on a cookie out of shared caches.

In: a response. Out: the same with `Vary: Cookie`, and `Cache-Control: private` unless a stricter one is there
(RFC 9111 section 5.2.2).
"""

from __future__ import annotations

from fanlight.message.response import Response

_USUAL = (("vary", "cookie"), ("cache-control", "private"))
_STRICT = frozenset({"private", "no-store"})
_SHARED = frozenset({"public", "s-maxage", "proxy-revalidate"})


def mark_private(response: Response) -> None:
    """Add that a response depends on the cookies of its request, and is for one visitor."""
    has_only_media_type = response.has_shared_fields
    headers = response.headers
    if has_only_media_type or ("vary" not in headers and "cache-control" not in headers):
        headers.add_checked(_USUAL)  # PERF: benchmarks/sessions.py: nothing of it has to be read
        return
    vary = headers.get("vary")
    names = [each.strip().lower() for each in vary.split(",")] if vary else []
    if "cookie" not in names and "*" not in names:
        headers["vary"] = f"{vary}, cookie" if vary else "cookie"
    known = headers.get_all("cache-control")
    directives = [part for each in ", ".join(known).split(",") if (part := each.strip())]
    names = [each.partition("=")[0].strip().lower() for each in directives]
    if _STRICT.isdisjoint(names):
        # SECURITY: tests/sessions/test_private_response.py: a `public` of the site's own would share the page of one
        # visitor with all
        kept = [each for each, name in zip(directives, names, strict=True) if name not in _SHARED]
        headers["cache-control"] = ", ".join(["private", *kept])
