"""Count the requests of a route in the store, refuse those that are too many, and say on each response what is left.

In: the limits that are marked on a route, and where each was put. Out: its guard. A key in the store names that place,
so all workers, and all machines with one Redis, count together, and go on counting after a restart. All limits of a
route count; the ones with the shortest time are the first, so that requests refused by them do not use up the others.

A request that is refused is a 429 with `Retry-After`. While the store is gone, the routes with a limit get 503: to let
all requests pass would remove a protection at the moment of an attack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b

from msgspec import Struct

from fanlight.errors import TooManyRequests
from fanlight.message.guard import Guard
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.threads import run_in_thread
from fanlight.protection.limit_keys import Key, address_key, key_by, user_key
from fanlight.protection.rate_limit_fields import duration_text, policy_field, quoted, remaining_text, retry_after
from fanlight.protection.rate_limits import RateLimit
from fanlight.services import services_of
from fanlight.stores.rate import Rate, Taken

MAX_PLACE = 120  # characters of a place that are in a key as they are
_NAME = "ratelimit"  # in the cache of a request


class _Limit(Struct, frozen=True):
    """One limit of a route."""

    key: str  # the beginning of its keys in the store
    key_of: Key
    rate: Rate
    name: str  # in the fields
    methods: frozenset[str] | None  # None: all


class RateLimitGuards:
    """Makes the guards of an app; the same mark at the same place counts together, whatever has it."""

    def __init__(self, user_of: Callable[[Request], object] = lambda _: None) -> None:
        """Begin; `user_of` returns the user that is signed in, None for no one."""
        self._user_key = user_key(user_of)
        self._known: dict[str, tuple[object, str]] = {}  # by the beginning of a key: the mark, and its place

    def guard_for(self, marks: Sequence[tuple[RateLimit, str]]) -> RateLimitGuard:
        """Return the guard of a route for its marks, each with the place where it was put."""
        limits: list[_Limit] = []
        for mark, place in sorted(marks, key=lambda each: each[0].rate.seconds):
            name = mark.name or (mark.text if mark.kind == "address" else f"{mark.text} by {mark.kind}")
            names = [each.name for each in limits]
            if name in names:
                name = f"{name} of {place}" if f"{name} of {place}" not in names else f"{name} {len(names) + 1}"
            limits.append(_Limit(self._key(mark, place), self._key_of(mark), mark.rate, name, mark.methods))
        return RateLimitGuard(limits, opens=any(mark.by == "user" for mark, _ in marks))

    def _key(self, mark: RateLimit, place: str) -> str:
        """Return the beginning of a limit's keys; two that only look the same, of two lambdas, differ."""
        where = f"={mark.name}" if mark.name else _short(place)
        base = key = f"limit:{where}:{mark.text.replace(' ', '')}:{_short(mark.kind)}:"
        number = 1
        while not mark.name and self._known.setdefault(key, (mark, place)) != (mark, place):
            number += 1
            key = f"{base}{number}:"
        return key

    def _key_of(self, mark: RateLimit) -> Key:
        if mark.by == "user":
            return self._user_key
        if isinstance(mark.by, str):
            return address_key
        return key_by(mark.by, mark.kind)


class RateLimitGuard(Guard):
    """Refuses requests that are too many."""

    waits = needs_services = True

    def __init__(self, limits: Sequence[_Limit], *, opens: bool = False) -> None:
        """Count for some limits, in this order; `opens`: by the user of the session."""
        self._limits, self.opens = tuple(limits), opens
        self._policy = policy_field([(each.name, each.rate) for each in limits])
        self._names = {each.name: quoted(each.name) for each in limits}

    def begin(self, request: Request) -> None:
        """Count a request. Raises TooManyRequests, or StoreUnavailable."""
        store, method = services_of(request).store, request.head.method
        strictest: tuple[_Limit, Taken] | None = None
        for each in self._limits:
            if each.methods is not None and method not in each.methods:
                continue
            taken = store.take(each.key + each.key_of(request), each.rate)
            if not taken.is_allowed:
                raise self._refusal(each, taken)
            if strictest is None or taken.remaining < strictest[1].remaining:
                strictest = each, taken
        if strictest is not None:
            request.cache_value(_NAME, self._field(*strictest))

    def finish(self, request: Request, response: Response) -> None:
        """Add what is left."""
        field: str | None = request.cached_value(_NAME)
        if field is not None:
            response.headers["ratelimit-policy"] = self._policy
            response.headers["ratelimit"] = field

    async def begin_async(self, request: Request) -> None:
        """Count a request in a thread, as the store may wait."""
        await run_in_thread(partial(self.begin, request))

    async def finish_async(self, request: Request, response: Response) -> None:
        """Add what is left, which is known by now."""
        self.finish(request, response)

    def _field(self, limit: _Limit, taken: Taken) -> str:
        return self._names[limit.name] + remaining_text(limit.rate, taken)

    def _refusal(self, limit: _Limit, taken: Taken) -> TooManyRequests:
        seconds = retry_after(taken)
        headers = {
            "retry-after": str(seconds),
            "ratelimit-policy": self._policy,
            "ratelimit": self._field(limit, taken),
        }
        return TooManyRequests(f"Please try again in {duration_text(seconds)}.", headers=headers)


def _short(text: str) -> str:
    """Return a text as it is if it is short and of plain characters, else its hash."""
    if len(text) <= MAX_PLACE and text.isascii() and text.isprintable() and ":" not in text:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
