"""`Sessions`: what a site decides about its sessions.

In: `App(URLS, sessions=Sessions(sign_in="/sign-in", idle=timedelta(days=1)))`. Out: the same, and what is wrong with
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import cast

from msgspec import Struct

from fanlight.errors import AppError, Mistake
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.request import Request
from fanlight.protection.attempt_limits import AttemptLimits, is_weaker, read_attempts
from fanlight.weakness import Weakness

MAX_LIFETIME = timedelta(days=400)  # browsers keep no cookie for longer (RFC 6265bis section 5.6.2)
TOUCHES = 24  # in the idle time: a session that is used all the time is written that often, and no more
SECURE_PREFIX = "__Host-"  # browsers accept such a cookie only from this very host, over https, for all paths
_NAME = lazy_pattern(r"[A-Za-z0-9_-]{1,64}")


class Sessions(Struct, frozen=True, kw_only=True, dict=True):
    """What a site decides about its sessions.

    `sign_in` is the page where people sign in, as a view or a path: a browser that gets `Unauthorized` is sent there.
    A session ends when it was not used for `idle`, and `lifetime` after it has begun or its user has signed in. The
    cookie is called `cookie`, over https with `__Host-` before it.

    `attempts` is how often one address may post to that page, and `account_attempts` how often in a row it may be tried
    for one account, from all addresses; None: without a limit. The account is named by `account_field` of the form, or
    by all of `ACCOUNT_FIELDS` that it has.
    """

    sign_in: str | Callable[..., object] | None = None
    idle: timedelta = timedelta(days=14)
    lifetime: timedelta = timedelta(days=90)
    cookie: str = "session"
    attempts: str | None = "10/minute"
    account_attempts: str | None = "20/hour"
    account_field: str = ""

    def cookie_name(self, *, is_https: bool) -> str:
        """Return the name of the cookie in a request."""
        return f"{SECURE_PREFIX}{self.cookie}" if is_https else self.cookie

    def known_cookie_name(self, *, is_https: bool) -> str:
        """Return the name of the cookie by which a browser is known, in which an account has signed in before."""
        return f"{self.cookie_name(is_https=is_https)}-known"

    @property
    def attempt_limits(self) -> AttemptLimits:
        """How often a sign-in may be tried. Raises AppError for what is no rate."""
        return read_attempts(self.attempts, self.account_attempts, self.account_field)

    @cached_property
    def idle_seconds(self) -> int:
        """After how many seconds without a request a session ends."""
        return int(self.idle.total_seconds())

    @cached_property
    def lifetime_seconds(self) -> int:
        """After how many seconds a session ends, however much it is used."""
        return int(self.lifetime.total_seconds())

    @cached_property
    def touch_seconds(self) -> float:
        """How old the record of its last use may be before a session that is used is written again."""
        return self.idle.total_seconds() / TOUCHES

    def weaknesses(self) -> Iterator[Weakness]:
        """Yield what is weaker than the defaults."""
        usual = Sessions()
        for name, risk in (
            ("idle", "a device that is lost or left behind stays signed in until then"),
            ("lifetime", "a session that was stolen can be used until then"),
        ):
            given: timedelta = getattr(self, name)
            if given > getattr(usual, name):
                days = f"{given / timedelta(days=1):g} days (default: {getattr(usual, name).days})"
                yield Weakness(setting=f"Sessions({name}=...) is {days}", risk=risk, advice="make it shorter")
        own, default = self.attempt_limits, usual.attempt_limits
        if is_weaker(own.address, default.address):
            yield _weak_attempts("attempts", self.attempts, "from one address")
        if is_weaker(own.account, default.account):
            yield _weak_attempts("account_attempts", self.account_attempts, "those of one account from many addresses")


DEFAULT_SESSIONS = Sessions()


def settings_of(request: Request) -> Sessions:
    """Return the settings of the app that serves a request."""
    return cast("Sessions | None", request.sessions) or DEFAULT_SESSIONS


def read_sessions(given: object) -> tuple[Sessions, list[Mistake]]:
    """Return the settings that a site gives, and what is wrong with them; the defaults if anything is."""
    if not isinstance(given, Sessions):
        message = f"sessions is a {'class' if isinstance(given, type) else type(given).__name__}"
        return DEFAULT_SESSIONS, [Mistake(message=message, hint='write Sessions(sign_in="/sign-in")')]
    mistakes = list(_mistakes_in(given))
    return (DEFAULT_SESSIONS if mistakes else given), mistakes


def _weak_attempts(name: str, given: str | None, where: str) -> Weakness:
    if given is None:
        shown, risk = "None", f"passwords can be guessed as fast as the site verifies them, {where}"
    else:
        shown, risk = f'"{given}"', f"passwords can be guessed faster than by default, {where}"
    advice = f"leave it out; the default is {getattr(DEFAULT_SESSIONS, name)}"
    return Weakness(setting=f"Sessions({name}={shown})", risk=risk, advice=advice)


def _mistakes_in(sessions: Sessions) -> Iterator[Mistake]:
    name: object = sessions.cookie
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.lower().startswith(("__host-", "__secure-")):
        hint = "write 1 to 64 letters, digits, - and _; over https it gets the prefix __Host- by itself"
        yield Mistake(message=f"Sessions has cookie={name!r}", hint=hint)
    for each in ("idle", "lifetime"):
        given: object = getattr(sessions, each)
        if not isinstance(given, timedelta):
            hint = f"write {each}=timedelta(days=14), or minutes=30"
            yield Mistake(message=f"Sessions has {each}={given!r}, which is no timedelta", hint=hint)
        elif not timedelta(seconds=1) <= given <= MAX_LIFETIME:
            hint = f"write 1 second to {MAX_LIFETIME.days} days: browsers keep no cookie for longer"
            yield Mistake(message=f"Sessions has {each}={given!r}", hint=hint)
    idle, lifetime = _seconds_of(sessions.idle), _seconds_of(sessions.lifetime)
    if idle > lifetime > 0:
        message = f"Sessions has idle={sessions.idle!r}, which is longer than lifetime={sessions.lifetime!r}"
        yield Mistake(message=message, hint="a session ends after its lifetime, however much it is used")
    sign_in: object = sessions.sign_in
    if sign_in is not None and not callable(sign_in) and not (isinstance(sign_in, str) and sign_in.startswith("/")):
        hint = 'write the path of the page in URLS, like sign_in="/sign-in", or its view'
        yield Mistake(message=f"Sessions has sign_in={sign_in!r}", hint=hint)
    try:
        _ = sessions.attempt_limits
    except AppError as error:
        yield Mistake(message=f"Sessions has attempts that are no rate: {error}", hint="None removes the limit")
    field: object = sessions.account_field
    if not isinstance(field, str):
        message = f"Sessions has account_field={field!r}"
        yield Mistake(message=message, hint='write the name of a field of the form, like account_field="email"')


def _seconds_of(given: object) -> float:
    return given.total_seconds() if isinstance(given, timedelta) else 0.0
