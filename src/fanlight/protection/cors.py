"""CORS: which other origins may read the responses of a part of URLS, and send what a form can't (Fetch standard).

    "/api": CORS(origins=["https://app.example"], credentials=True)(API)
    App(URLS, security=Security(cors=CORS(origins=["*"])))

In: a declaration. Out: the fields of a response, of errors too, and of the response to a preflight. Which methods and
request fields a route takes is not declared: the routing table has them. Refuses "*" with credentials, which would open
the site to every page that its users visit, and origins that no browser sends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta

from fanlight.errors import Mistake
from fanlight.message.guard import Guard
from fanlight.message.headers import MutableHeaders, is_token
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.route_marks import RouteMark
from fanlight.protection.origins import ANY, Origins, origin_mistakes, origin_weaknesses
from fanlight.weakness import Weakness

MAX_AGE_SECONDS = 600  # for which a browser remembers a preflight
_LONGEST_SECONDS = 86400  # Firefox keeps none longer; Chromium two hours
# A page may send these without a preflight anyway, or Fanlight itself reads them.
ALWAYS_FIELDS = frozenset(
    ("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range", "x-request-id")
)


class CORS(RouteMark):
    """Lets pages of other origins read responses: `CORS(origins=["https://app.example"])(API)`, or `@CORS(...)`.

    With `credentials` they may send cookies. `expose` names response fields that their scripts may read, `headers` the
    request fields that they may send beside those that the views take as parameters. `max_age` is for how long a
    browser remembers that. The innermost declaration counts; `CORS(origins=[])` closes a part again.
    """

    def __init__(
        self,
        origins: Sequence[str],
        *,
        credentials: bool = False,
        expose: Sequence[str] = (),
        headers: Sequence[str] = (),
        max_age: int | timedelta = MAX_AGE_SECONDS,
    ) -> None:
        """Take the declaration as it is given; it is read when the table is built."""
        self.origins, self.credentials, self.expose, self.headers = origins, credentials, expose, headers
        self.max_age = max_age

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong with the declaration."""
        found = origin_mistakes(self.origins, "CORS(origins=...)")
        if not isinstance(self.credentials, bool):
            found.append(Mistake(message=f"CORS(credentials=...) is {self.credentials!r}", hint="write True or False"))
        # SECURITY: tests/protection/test_cors.py: with both, any page could read what the user's cookies open
        if self.credentials and not found and ANY in self.origins:
            hint = "name the origins, or leave out credentials=True"
            found.append(Mistake(message='CORS has origins=["*"] with credentials=True', hint=hint))
        for setting in ("expose", "headers"):
            found += _field_mistakes(getattr(self, setting), setting)
        if (seconds := self.seconds) is None or not 0 <= seconds <= _LONGEST_SECONDS:
            hint = "give seconds or a timedelta, at most a day"
            found.append(Mistake(message=f"CORS(max_age=...) is {self.max_age!r}", hint=hint))
        return found

    @property
    def seconds(self) -> int | None:
        """The maximum age in seconds, None for what is none."""
        given: object = self.max_age
        if isinstance(given, timedelta):
            return int(given.total_seconds())
        return given if isinstance(given, int) and not isinstance(given, bool) else None

    def weaknesses(self) -> Iterator[Weakness]:
        """Yield what is weak: what is open to every origin, or to one that is not encrypted."""
        if ANY in self.origins:
            risk, advice = "scripts of every site can read these responses", "name the origins, if they are known"
            yield Weakness(setting='CORS(origins=["*"])', risk=risk, advice=advice)
        yield from origin_weaknesses(self.origins, "CORS(origins=[...])")

    def policy(self) -> CorsPolicy:
        """Return the declaration as it is applied; it must have no mistakes."""
        return CorsPolicy(self)


def _field_mistakes(names: object, setting: str) -> list[Mistake]:
    hint = f'write {setting}=["x-total-count"]'
    if isinstance(names, str) or not isinstance(names, list | tuple | set | frozenset):
        return [Mistake(message=f"CORS({setting}=...) is {names!r}, and no list", hint=hint)]
    wrong = [each for each in names if not isinstance(each, str) or not is_token(each) or each == ANY]
    hint = "name each field: with credentials a browser reads * as a field of that name"
    return [Mistake(message=f"CORS({setting}=...): {each!r} is no name of a field", hint=hint) for each in wrong]


class CorsPolicy:
    """A declaration, read once."""

    def __init__(self, declared: CORS) -> None:
        self.origins = Origins(declared.origins)
        self.headers = frozenset(each.lower() for each in declared.headers)
        self._has_credentials = declared.credentials
        self._expose = ", ".join(each.lower() for each in declared.expose)
        self._max_age = str(declared.seconds)

    def allows(self, origin: str) -> bool:
        """Return whether a page of an origin may read responses."""
        return self.origins.is_any or self.origins.name(origin)

    def fields_with(self, fields_read: Collection[str]) -> frozenset[str]:
        """Return the request fields that a page may send, given those that a route takes."""
        return self.headers | ALWAYS_FIELDS | frozenset(fields_read)

    def apply(self, request: Request, response: Response) -> None:
        """Add the fields to a response."""
        fields = response.headers
        if self.origins.is_any:
            fields["access-control-allow-origin"] = ANY
        elif self.origins:
            # The response differs by origin, also where there is none: a cache must not give it to another.
            add_vary(fields, "origin")
            origin = request.head.values.get("origin", "")
            if not self.origins.name(origin):
                return
            fields["access-control-allow-origin"] = origin
            if self._has_credentials:
                fields["access-control-allow-credentials"] = "true"
        else:
            return
        if self._expose:
            fields["access-control-expose-headers"] = self._expose

    def apply_to_preflight(
        self, request: Request, response: Response, methods: Collection[str], fields_read: Collection[str]
    ) -> None:
        """Add the fields to the response to a preflight: what the address takes from this origin."""
        self.apply(request, response)
        fields = response.headers
        if "access-control-allow-origin" not in fields:
            return
        add_vary(fields, "access-control-request-method")
        add_vary(fields, "access-control-request-headers")
        fields["access-control-allow-methods"] = ", ".join(methods)
        fields["access-control-allow-headers"] = ", ".join(sorted(self.fields_with(fields_read)))
        fields["access-control-max-age"] = self._max_age


class CorsGuard(Guard):
    """Adds the fields to the responses of a route, errors included."""

    def __init__(self, policy: CorsPolicy) -> None:
        self._apply = policy.apply

    def finish(self, request: Request, response: Response) -> None:
        """Add the fields."""
        self._apply(request, response)


def add_vary(fields: MutableHeaders, name: str) -> None:
    """Add a name to the `vary` of a response (RFC 9110 section 12.5.5)."""
    members = [each.strip() for line in fields.get_all("vary") for each in line.split(",")]
    if "*" not in members and name not in (each.lower() for each in members):
        fields["vary"] = ", ".join([*filter(None, members), name])
