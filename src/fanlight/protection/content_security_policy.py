"""The Content-Security-Policy of a site (CSP level 3): what its pages may load, run, and be framed by.

    App(URLS, security=Security(content_security_policy=ContentSecurityPolicy()))
    ContentSecurityPolicy(img_src=["'self'", "https://images.example"], report_only=True, reports="/csp-reports")

In: the sources of each directive. Out: the text of the field, once for pages without a nonce, and with a place for one.
Refuses what a browser would ignore or read as something else: a keyword without its quotation marks, a line end, two
sources in one text.

The word 'nonce' among the sources stands for the nonce of a page, which its template writes into `<script nonce=...>`.
On a response without a nonce it stands for nothing: there no script can have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fanlight.errors import Mistake
from fanlight.lazy_pattern import lazy_pattern

Sources = Sequence[str]
NONCE = "'nonce'"
FIELD = "content-security-policy"
REPORT_ONLY_FIELD = "content-security-policy-report-only"
_GAP = "\0"  # in the place of a nonce; in no field
_STRICT = "'strict-dynamic'"  # trusts what a script with a nonce loads; without a nonce it means nothing
_NONE = ("'none'",)
_KEYWORDS = frozenset(
    "self none unsafe-inline unsafe-eval unsafe-hashes strict-dynamic report-sample wasm-unsafe-eval nonce".split()
)
_HASH = lazy_pattern(r"'?sha(?:256|384|512)-[A-Za-z0-9+/_=-]+'?")
_SOURCE = lazy_pattern(r"[\x21-\x2b\x2d-\x3a\x3c-\x7e]+")  # visible, without "," and ";"
_PATH = lazy_pattern(r"/(?!/)[A-Za-z0-9/._~-]*")


class ContentSecurityPolicy(Struct, frozen=True, kw_only=True):
    """What pages may load and run; each directive is a list of sources as CSP has them, None leaves it out.

    By default only a script with the nonce of its page runs, and what such a script loads; all else comes from the site
    itself. With `report_only` nothing is refused. `reports` is a path like "/csp-reports", at which the app receives
    the reports of browsers and logs them.
    """

    default_src: Sources | None = ("'self'",)
    script_src: Sources | None = (NONCE, _STRICT)
    style_src: Sources | None = ("'self'", NONCE)
    img_src: Sources | None = ("'self'", "data:")
    font_src: Sources | None = None
    connect_src: Sources | None = None
    media_src: Sources | None = None
    frame_src: Sources | None = None
    worker_src: Sources | None = None
    manifest_src: Sources | None = None
    object_src: Sources | None = _NONE
    base_uri: Sources | None = _NONE
    form_action: Sources | None = ("'self'",)
    frame_ancestors: Sources | None = None  # None: as `Security(frame=...)` says
    sandbox: Sources | None = None
    upgrade_insecure_requests: bool = False
    report_only: bool = False
    reports: str = ""

    @property
    def field(self) -> str:
        """The name of its field."""
        return REPORT_ONLY_FIELD if self.report_only else FIELD

    def directives(self) -> Iterator[tuple[str, Sources]]:
        """Yield each directive with its sources."""
        for name in _DIRECTIVES:
            sources = getattr(self, name)
            if sources is not None:
                yield name.replace("_", "-"), sources

    def texts(self, frame_ancestors: Sources | None, own_styles: Sources = ()) -> PolicyTexts:
        """Return the policy as text; the last directive is what `Security(frame=...)` says.

        `own_styles` are the hashes of the style sheets in Fanlight's own pages, which are always allowed.
        """
        directives = dict(self.directives())
        _allow_styles(directives, own_styles)
        if frame_ancestors is not None:
            directives.setdefault("frame-ancestors", frame_ancestors)
        if self.report_only:
            directives.pop("sandbox", None)  # means nothing there, and browsers complain
        uses_nonce = any(NONCE in each for each in directives.values())
        return PolicyTexts(
            field=self.field,
            plain=self._text(directives, nonce=""),
            with_gap=self._text(directives, nonce=f"'nonce-{_GAP}'") if uses_nonce else "",
        )

    def _text(self, directives: dict[str, Sources], nonce: str) -> str:
        parts = [_directive(name, sources, nonce) for name, sources in directives.items()]
        if self.upgrade_insecure_requests:
            parts.append("upgrade-insecure-requests")
        if self.reports:
            parts.append(f"report-uri {self.reports}; report-to csp")
        return "; ".join(parts)

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong with the policy."""
        found: list[Mistake] = []
        for name in _DIRECTIVES:
            sources: object = getattr(self, name)
            if isinstance(sources, list | tuple):
                found += [each for source in sources if (each := _mistake_in(name, source)) is not None]
                if "'none'" in sources and len(sources) > 1:
                    hint = "leave out 'none', or all others"
                    found.append(Mistake(message=f"{name} has 'none' and other sources", hint=hint))
            elif sources is not None:
                hint = f'write a list: {name}=["\'self\'", "https://cdn.example"]'
                found.append(Mistake(message=f"{name} is {sources!r}", hint=hint))
        reports: object = self.reports
        if not isinstance(reports, str) or (reports and not _PATH.fullmatch(reports)):
            hint = 'write a path of this site: reports="/csp-reports"'
            found.append(Mistake(message=f"reports is {self.reports!r}", hint=hint))
        return found


_DIRECTIVES = tuple(
    name
    for name in ContentSecurityPolicy.__struct_fields__
    if name not in ("upgrade_insecure_requests", "report_only", "reports")
)


class PolicyTexts(Struct, frozen=True, kw_only=True):
    """A policy as it is sent."""

    field: str
    plain: str  # of a response that has no nonce
    with_gap: str  # "" if no directive has one

    def with_nonce(self, nonce: str) -> str:
        """Return the policy for a page with a nonce."""
        return self.with_gap.replace(_GAP, nonce)


def _allow_styles(directives: dict[str, Sources], hashes: Sources) -> None:
    sources = directives.get("style-src", directives.get("default-src"))
    # A hash turns 'unsafe-inline' off, so it must not be beside it.
    if sources is not None and hashes and "'unsafe-inline'" not in sources:
        directives["style-src"] = (*(each for each in sources if each != "'none'"), *hashes)


def _directive(name: str, sources: Sources, nonce: str) -> str:
    if nonce:
        chosen = [nonce if each == NONCE else each for each in sources]
    else:
        chosen = [each for each in sources if each != NONCE and (each != _STRICT or NONCE not in sources)]
    if not chosen and name != "sandbox":
        chosen = list(_NONE)
    return " ".join((name, *chosen))


def _mistake_in(name: str, source: object) -> Mistake | None:
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        hint = "each source is a text of its own, without blanks, commas and semicolons"
        return Mistake(message=f"{name}: {source!r} is no source", hint=hint)
    bare = source.strip("'").lower()
    is_keyword = bare in _KEYWORDS or bare.startswith("nonce-")
    if name == "sandbox":
        return None
    if bare.startswith("nonce-"):
        hint = "write \"'nonce'\", in whose place each page gets one of its own"
        return Mistake(message=f"{name}: {source} would be the nonce of every page", hint=hint)
    if (is_keyword or _HASH.fullmatch(source)) and source != f"'{bare}'" and not _is_quoted_hash(source):
        return Mistake(message=f"{name}: {source} is a host without quotation marks", hint=f"write \"'{bare}'\"")
    return None


def _is_quoted_hash(source: str) -> bool:
    return _HASH.fullmatch(source) is not None and source.startswith("'") and source.endswith("'")
