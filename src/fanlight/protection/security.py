"""`Security`: how a site is protected in browsers. Every default is safe, and is changed in one line.

    App(URLS, security=Security(frame="SAMEORIGIN", trusted_origins=["https://app.example"]))

In: settings. Out: the same, validated; the fields of every response, made once; what is weaker than the defaults.
Refuses what a browser would not understand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from fanlight.closest_name import closest_name
from fanlight.errors import InvalidResponse, Mistake
from fanlight.message.headers import REPLACEABLE, Pair, check_field
from fanlight.protection.content_security_policy import FIELD, ContentSecurityPolicy, PolicyTexts
from fanlight.protection.cors import CORS
from fanlight.protection.origins import origin_mistakes, origin_weaknesses
from fanlight.weakness import Weakness

REFERRER_POLICIES = (
    *("no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin"),
    *("strict-origin", "strict-origin-when-cross-origin", "unsafe-url"),
)
OPENER_POLICIES = ("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
FRAME_POLICIES = {"DENY": ("'none'",), "SAMEORIGIN": ("'self'",)}
_SWITCHES = ("nosniff", "cross_site", "tokens")
_SETTING_OF = {  # fields that have a setting of their own
    "content-security-policy": "content_security_policy=ContentSecurityPolicy(...)",
    "content-security-policy-report-only": "content_security_policy=ContentSecurityPolicy(report_only=True)",
    "cross-origin-opener-policy": 'opener_policy="..."',
    "referrer-policy": 'referrer_policy="..."',
    "x-content-type-options": "nosniff=True",
    "x-frame-options": 'frame="DENY"',
}
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class Security(Struct, frozen=True, kw_only=True):
    """How a site is protected; `App(URLS, security=Security(...))`, or `SECURITY` beside `URLS`.

    `frame` says which sites may show pages of this one in a frame: "DENY" (none), "SAMEORIGIN", a list of origins, or
    None (all). `trusted_origins` are sites whose pages may send what changes something; with `cross_site` all may. With
    `tokens`, a form of a browser that does not say from which page it comes needs a token: `{{ csrf_field() }}` in it.
    `fields` are further fields of this kind for all responses: {"permissions-policy": "camera=()"}.
    """

    content_security_policy: ContentSecurityPolicy | None = None
    frame: str | Sequence[str] | None = "DENY"
    referrer_policy: str | None = "strict-origin-when-cross-origin"
    opener_policy: str | None = "same-origin"
    nosniff: bool = True
    fields: Mapping[str, str] = _NO_FIELDS
    trusted_origins: Sequence[str] = ()
    cross_site: bool = False
    tokens: bool = False
    cors: CORS | None = None

    # --- what is sent -------------------------------------------------------------------------------

    def policy_texts(self, own_styles: Sequence[str] = ()) -> PolicyTexts | None:
        """Return the Content-Security-Policy as it is sent, or None; `own_styles` are hashes that it always allows."""
        policy = self.content_security_policy
        return None if policy is None else policy.texts(self._frame_ancestors, own_styles)

    @property
    def _frame_ancestors(self) -> Sequence[str] | None:
        if self.frame is None:
            return None
        return FRAME_POLICIES[self.frame] if isinstance(self.frame, str) else tuple(self.frame)

    def default_fields(self, texts: PolicyTexts | None) -> tuple[Pair, ...]:
        """Return the fields of every response that does not set them itself; `texts` is the policy among them."""
        return tuple(self._default_fields(texts))

    def _default_fields(self, texts: PolicyTexts | None) -> Iterator[Pair]:
        if self.nosniff:
            yield "x-content-type-options", "nosniff"
        if self.referrer_policy is not None:
            yield "referrer-policy", self.referrer_policy
        if self.opener_policy is not None:
            yield "cross-origin-opener-policy", self.opener_policy
        if isinstance(self.frame, str):
            yield "x-frame-options", self.frame
        elif self.frame is not None and (texts is None or texts.field != FIELD):
            # X-Frame-Options can't name other sites.
            yield FIELD, " ".join(("frame-ancestors", *(self.frame or ("'none'",))))
        if texts is not None:
            yield texts.field, texts.plain
            policy = self.content_security_policy
            if policy is not None and policy.reports:
                yield "reporting-endpoints", f'csp="{policy.reports}"'
        for name, value in self.fields.items():
            yield name.lower(), value

    # --- what is wrong ------------------------------------------------------------------------------

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong with the settings."""
        found = [
            *self._choice_mistakes("referrer_policy", REFERRER_POLICIES),
            *self._choice_mistakes("opener_policy", OPENER_POLICIES),
            *self._frame_mistakes(),
            *self._field_mistakes(),
            *origin_mistakes(self.trusted_origins, "trusted_origins", if_any="to trust all, write cross_site=True"),
        ]
        found += [
            Mistake(message=f"{name} is {getattr(self, name)!r}", hint="write True or False")
            for name in _SWITCHES
            if not isinstance(getattr(self, name), bool)
        ]
        for name, kind in (("content_security_policy", ContentSecurityPolicy), ("cors", CORS)):
            value = getattr(self, name)
            if isinstance(value, ContentSecurityPolicy | CORS) and isinstance(value, kind):
                found += value.mistakes()
            elif value is not None:
                hint = f"write {kind.__name__}(...), or None"
                found.append(Mistake(message=f"{name} is {value!r}", hint=hint))
        return [
            Mistake(message=f"security: {each.message.removeprefix('security: ')}", hint=each.hint) for each in found
        ]

    def _choice_mistakes(self, name: str, choices: Sequence[str]) -> list[Mistake]:
        value = getattr(self, name)
        if value is None or value in choices:
            return []
        close = closest_name(str(value), choices)
        hint = f'did you mean "{close}"?' if close else f"write one of {', '.join(choices)}, or None"
        return [Mistake(message=f"{name} is {value!r}", hint=hint)]

    def _frame_mistakes(self) -> list[Mistake]:
        hint = 'write "DENY", "SAMEORIGIN", None, or a list of origins: ["https://partner.example"]'
        if self.frame is None or (isinstance(self.frame, str) and self.frame in FRAME_POLICIES):
            return []
        if not isinstance(self.frame, list | tuple):
            return [Mistake(message=f"frame is {self.frame!r}", hint=hint)]
        origins = [each for each in self.frame if each != "'self'"]
        return origin_mistakes(origins, "frame", if_any="to let all sites frame this one, write frame=None")

    def _field_mistakes(self) -> list[Mistake]:
        given: object = self.fields
        if not isinstance(given, Mapping):
            return [Mistake(message=f"fields is {given!r}", hint='write a dict: {"permissions-policy": "camera=()"}')]
        found = []
        for name, value in given.items():
            lower = str(name).lower()
            if lower in _SETTING_OF:
                message, hint = f"fields has {name}, which has a setting", f"write {_SETTING_OF[lower]}"
                found.append(Mistake(message=message, hint=hint))
            elif lower not in REPLACEABLE:
                close = closest_name(lower, REPLACEABLE)
                hint = f'did you mean "{close}"?' if close else "set it in middleware"
                found.append(Mistake(message=f"fields has {name}, which is no field of this kind", hint=hint))
            else:
                try:
                    check_field(name, value)
                except InvalidResponse as error:
                    found.append(Mistake(message=str(error), hint="write it as one line"))
        return found

    # --- what is weak -------------------------------------------------------------------------------

    def weaknesses(self) -> Iterator[Weakness]:
        """Yield what is weaker than the defaults."""
        for name, risk in _RISKS:
            if name not in ("cross_site", "opener_policy") and not getattr(self, name):
                yield _weakness(name, getattr(self, name), risk)
        if self.cross_site:
            yield _weakness("cross_site", self.cross_site, "pages of every site can send forms in the name of a user")
        if self.opener_policy in (None, "unsafe-none"):
            yield _weakness("opener_policy", self.opener_policy, "a page that opens one of this site keeps hold of it")
        if self.referrer_policy in ("unsafe-url", "no-referrer-when-downgrade"):
            yield _weakness("referrer_policy", self.referrer_policy, "other sites learn the whole addresses of pages")
        if self.content_security_policy is not None:
            yield from _policy_weaknesses(self.content_security_policy)
        yield from origin_weaknesses(self.trusted_origins, "Security(trusted_origins=[...])")
        if self.cors is not None:
            yield from self.cors.weaknesses()


_RISKS = (
    ("frame", "every site can put a page of this one into a frame, and lead clicks to it"),
    ("nosniff", "a browser may take an upload or a text for a script"),
)
_LAX_SOURCES = {
    "'unsafe-inline'": "script that was smuggled into a page runs",
    "'unsafe-eval'": "text can become script",
    "*": "scripts of every site run",
    "http:": "scripts of every site run",
    "https:": "scripts of every site run",
    "data:": "script that was smuggled into a page runs",
}


def _weakness(name: str, value: object, risk: str) -> Weakness:
    return Weakness(setting=f"Security({name}={value!r})", risk=risk, advice="leave it out")


def _policy_weaknesses(policy: ContentSecurityPolicy) -> Iterator[Weakness]:
    start = "ContentSecurityPolicy"
    if policy.report_only:
        yield Weakness(
            setting=f"{start}(report_only=True)",
            risk="violations are reported, and not prevented",
            advice="leave it out when there are no more reports",
        )
    sources = policy.script_src if policy.script_src is not None else policy.default_src
    if sources is None:
        advice = "leave out script_src=None"
        yield Weakness(setting=f"{start}(script_src=None)", risk="every script runs", advice=advice)
    for each in sources or ():
        if risk := _LAX_SOURCES.get(each):
            advice = 'name what the pages load, and write {{ script_tag("app.js") }} in templates'
            yield Weakness(setting=f"{start}(script_src=[... {each} ...])", risk=risk, advice=advice)


DEFAULT_SECURITY = Security()


def read_security(given: object) -> tuple[Security, list[Mistake]]:
    """Return the validated settings of an app, and what is wrong with them; then the defaults."""
    if not isinstance(given, Security):
        hint = "write security=Security(...)"
        return DEFAULT_SECURITY, [Mistake(message=f"security is {given!r}", hint=hint)]
    mistakes = given.mistakes()
    return (DEFAULT_SECURITY if mistakes else given), mistakes
