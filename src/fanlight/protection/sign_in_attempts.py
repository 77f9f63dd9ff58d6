"""How often a sign-in may be tried: from one address, and for one account from all addresses together.

In: each POST to the page where people sign in. Out: it passes, or is a 429 with `Retry-After` before the view runs, so
that no password is verified. The account is what a field of the form names, whether it exists or not: so the refusal
reveals nothing. Its tries are those in a row: a sign-in forgets them, and makes the browser known, whose tries for that
account are counted apart from then on. A stranger can't lock an account for its owner's own browser.

NIST SP 800-63B-4 section 3.2.2 wants at most 100 failures in a row for an account.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import cast

from msgspec import Struct

from fanlight.errors import HTTPError, StoreUnavailable, TooManyRequests
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread
from fanlight.protection.attempt_limits import AttemptLimits
from fanlight.protection.known_browsers import known_browser, make_known
from fanlight.protection.limit_keys import address_key
from fanlight.protection.rate_limit_fields import duration_text, retry_after
from fanlight.services import services_of
from fanlight.stores.rate import Taken

SERVER_ERROR = 500
_NAME = "sign-in attempt"  # in the cache of a request


class _Attempt(Struct, frozen=True):
    account: bytes
    key: str  # in the store
    cookie: str


class SignInGuard(Guard):
    """Refuses to try for too often."""

    waits = needs_services = True

    def __init__(
        self,
        limits: AttemptLimits,
        place: str,
        has_signed_in: Callable[[Request], bool],
        cookie_of: Callable[[Request], str],
    ) -> None:
        """Count tries; `has_signed_in` is called after the view, `cookie_of` returns the name of the cookie to set."""
        self._limits, self._prefix = limits, f"limit:sign-in:{blake2b(place.encode(), digest_size=8).hexdigest()}"
        self._has_signed_in, self._cookie_of = has_signed_in, cookie_of

    def begin(self, request: Request) -> None:
        """Count a try. Raises TooManyRequests, or StoreUnavailable."""
        if request.head.method != "POST":
            return
        limits, store = self._limits, services_of(request).store
        if limits.address is not None:
            _check(store.take(f"{self._prefix}:a:{address_key(request)}", limits.address))
        if limits.account is None or (account := account_of(request, limits.account_fields)) is None:
            return
        cookie = self._cookie_of(request)
        key = f"{self._prefix}:n:{account.hex()}:{known_browser(request, cookie, account)}"
        _check(store.take(key, limits.account))
        request.cache_value(_NAME, _Attempt(account, key, cookie))

    def finish(self, request: Request, response: Response) -> None:
        """Forget the tries of an account that was signed in to, and know the browser."""
        attempt = self._successful(request, response)
        if attempt is not None:
            with suppress(StoreUnavailable):  # it has failed since, which is logged; the tries are forgotten with time
                services_of(request).store.delete(attempt.key)
            make_known(request, response, attempt.cookie, attempt.account)

    async def finish_async(self, request: Request, response: Response) -> None:
        """Do so in a thread, if there is anything to do."""
        if self._successful(request, response) is not None:
            await run_in_thread(partial(self.finish, request, response))

    def _successful(self, request: Request, response: Response) -> _Attempt | None:
        if response.status >= SERVER_ERROR:  # the session is not kept either
            return None
        attempt = cast("_Attempt | None", request.cache.get(_NAME)) if request.cache is not None else None
        return attempt if attempt is not None and self._has_signed_in(request) else None


def account_of(request: Request, fields: tuple[str, ...]) -> bytes | None:
    """Return a digest of the account that a sign-in is for, None if no field names one.

    Upper and lower case, and forms of Unicode, are the same, since they may be the same account for the site.
    """
    try:
        posted = request.json if request.is_json else request.form
    except HTTPError:  # it is malformed, or too large: the view refuses it
        return None
    for name in fields:
        value = posted.get(name) if hasattr(posted, "get") else None
        if isinstance(value, str) and value.strip():
            plain = unicodedata.normalize("NFKC", value[:1024]).casefold().strip()
            return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return None


def _check(taken: Taken) -> None:
    """Raise TooManyRequests for a try that is one too many."""
    if not taken.is_allowed:
        seconds = retry_after(taken)
        detail = f"Too many attempts to sign in. Please try again in {duration_text(seconds)}."
        raise TooManyRequests(detail, headers={"retry-after": str(seconds)})
