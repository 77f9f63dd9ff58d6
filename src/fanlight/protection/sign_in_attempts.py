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
        if limits.account is None:
            return
        cookie = self._cookie_of(request)
        accounts = accounts_of(request, limits.account_fields)
        for account in accounts:
            key = f"{self._prefix}:n:{account.hex()}:{known_browser(request, cookie, account)}"
            _check(store.take(key, limits.account))
        # SECURITY: tests/protection/test_sign_in_attempts.py: which of several the view has verified is not known, and
        # an attacker's own sign-in must not forget the tries for the account that it names in another field
        if len(accounts) == 1:
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
        attempt: _Attempt | None = request.cached_value(_NAME)
        return attempt if attempt is not None and self._has_signed_in(request) else None


def accounts_of(request: Request, fields: tuple[str, ...]) -> list[bytes]:
    """Return digests of the accounts that a sign-in may be for: each of these fields that is there may name it.

    SECURITY: tests/protection/test_sign_in_attempts.py: the first one alone would be enough for an attacker to count
    another account than the view verifies, by a field that the form does not have.

    Upper and lower case, and forms of Unicode, are the same, since they may be the same account for the site.
    """
    try:
        posted = request.json if request.is_json else request.form
    except HTTPError:  # it is malformed, or too large: the view refuses it
        return []
    if not hasattr(posted, "get"):
        return []
    return list(dict.fromkeys(_digest(text) for name in fields if (text := _plain(posted.get(name)))))


def _plain(value: object) -> str:
    """Return what a field names, as it is compared, "" for what names nothing."""
    if isinstance(value, int) and not isinstance(value, bool):  # a phone, in JSON
        return str(value)
    return unicodedata.normalize("NFKC", value[:1024]).casefold().strip() if isinstance(value, str) else ""


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _check(taken: Taken) -> None:
    """Raise TooManyRequests for a try that is one too many."""
    if not taken.is_allowed:
        seconds = retry_after(taken)
        detail = f"Too many attempts to sign in. Please try again in {duration_text(seconds)}."
        raise TooManyRequests(detail, headers={"retry-after": str(seconds)})
