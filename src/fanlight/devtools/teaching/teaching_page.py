"""The page that explains an error, in the place of the one that visitors of the site get.

In: an explanation. Out: a complete HTML document without scripts and external resources, in light and dark, for a desk
and for a phone. All texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from fanlight.devtools.teaching.explanation import Explanation, FieldLine, Place, RouteLine
from fanlight.pages.builtin_pages import style_hash
from fanlight.pages.drawing import COLOURS, FAVICON_LINK, ONE_PANE_OUT
from fanlight.pages.palette import CONTROLS, FOUNDATION, MONO, SANS, custom_properties
from fanlight.reason_phrases import REASON_PHRASES

_PALETTE = (
    "paper",
    "raised",
    "code",
    "glow",
    "ink",
    "quiet",
    "line",
    "edge",
    "link",
    "accent",
    "bad",
    "bad-tint",
    *COLOURS,
)
_STYLE = f"""
{custom_properties(_PALETTE)}{FOUNDATION}{CONTROLS}\
body {{ font-size: .9375rem; padding: 2rem 1.25rem 4rem }}
main {{ max-width: 54rem; margin: 0 auto; overflow-wrap: anywhere }}
header {{ display: flex; gap: 1.5rem; align-items: center; padding-bottom: 1.5rem }}
header svg {{ flex: none; width: 6.5rem; height: auto }}
h1 small {{ display: block; margin-bottom: .25rem; color: var(--quiet); font: 600 .8125rem/1.5 {SANS} }}
.summary {{
  padding: .75rem 1rem; border: 1px solid var(--bad); background: var(--bad-tint);
  font-size: 1.0625rem; text-wrap: pretty;
}}
h2 {{ margin: 2rem 0 .5rem }}
ul {{ padding: 0; list-style: none }}
.steps li {{ padding: .25rem 0 }}
code {{ background: var(--code); padding: .1em .3em; border-radius: 3px }}
.summary code {{ background: none; padding: 0; font-weight: 600 }}
.list > li {{
  display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1.5rem;
  padding: .5rem 0; border-top: 1px solid var(--line);
}}
.list > li:last-child {{ border-bottom: 1px solid var(--line) }}
.name {{ font: 600 .9375rem/1.6 {MONO} }}
.name small {{ font-weight: 400; font-size: .8125rem; color: var(--quiet) }}
.place {{ color: var(--quiet); font: .8125rem/1.85 {MONO}; text-align: right }}
.why {{ grid-column: 1 / -1; color: var(--quiet) }}
.why b {{ color: var(--ink); font-weight: 400; font-family: {MONO}; font-size: .92em }}
.more {{ margin-top: .75rem; color: var(--quiet) }}
pre {{ margin: .25rem 0; color: var(--ink) }}
footer {{
  margin-top: 3rem; padding-top: .75rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: .8125rem;
}}
@media (max-width: 36rem) {{
  header {{ gap: 1rem }}
  header svg {{ width: 4rem }}
  .list > li {{ grid-template-columns: minmax(0, 1fr) }}
  .place {{ text-align: left }}
}}
"""
# Whatever the site's own policy is, which would refuse this style sheet.
POLICY = (
    f"default-src 'none'; style-src {style_hash(_STYLE)}; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


def teaching_page(explanation: Explanation, method: str, path: str) -> str:
    """Return the page for an error of a request."""
    status = explanation.status
    reason = escape(REASON_PHRASES.get(status, "Error"))
    request = f"{escape(method)} {escape(path)}"
    parts = [
        f"<header>{ONE_PANE_OUT}<h1><small>{request}</small>{status} {reason}</h1></header>",
        f'<p class="summary">{_marked(explanation.summary)}</p>',
    ]
    if explanation.steps:
        steps = "".join(f"<li>{_marked(each)}</li>\n" for each in explanation.steps)
        parts.append(f'<h2>What to do</h2>\n<ul class="steps">\n{steps}</ul>')
    if explanation.fields:
        parts.append(_list("The fields", map(_field, explanation.fields)))
    if explanation.routes:
        title = "Routes at this address" if status == 405 else "The nearest routes"
        more = explanation.more_routes
        note = f'<p class="more">and {more} more: <code>fanlight routes</code> lists them</p>' if more else ""
        parts.append(_list(title, map(_route, explanation.routes)) + note)
    if explanation.places:
        parts.append(_list("Where", map(_place, explanation.places)))
    parts.append(
        "<footer>This page is shown by <code>fanlight dev</code> only. Visitors of the site get the page for"
        f" {status}, without any of this.</footer>"
    )
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{FAVICON_LINK}\n<title>{status} {reason}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _list(title: str, items: Iterable[str]) -> str:
    lines = "\n".join(items)
    return f'<h2>{escape(title)}</h2>\n<ul class="list">\n{lines}\n</ul>'


def _route(route: RouteLine) -> str:
    pattern = escape(route.pattern)
    name = f'<a href="{escape(route.href)}">{pattern}</a>' if route.href else pattern
    return (
        f'<li><span class="name"><small>{escape(route.methods)}</small> {name}</span>'
        f'<span class="place">{escape(route.view)} {escape(route.place)}</span>'
        f'<span class="why">{_marked(route.reason)}</span></li>'
    )


def _field(field: FieldLine) -> str:
    sent = "nothing was sent" if field.sent is None else f"sent: <b>{escape(field.sent) or '(empty)'}</b>"
    expected = f"; the view takes <b>{escape(field.expected)}</b>" if field.expected else ""
    return (
        f'<li><span class="name">{escape(field.name)} <small>{escape(field.source)}</small></span>'
        f'<span class="place">{escape(field.place)}</span>'
        f'<span class="why">{_marked(field.message)}; {sent}{expected}</span></li>'
    )


def _place(place: Place) -> str:
    code = f'<span class="why"><pre>{escape(place.code)}</pre></span>' if place.code else ""
    return (
        f'<li><span class="name">{escape(place.what) or "&nbsp;"}</span>'
        f'<span class="place">{escape(place.place)}</span>{code}</li>'
    )


def _marked(text: str) -> str:
    """Return a text as HTML, with what stands between backticks as code."""
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:  # one backtick is without its partner
        return "`".join(pieces)
    return "".join(f"<code>{each}</code>" if number % 2 else each for number, each in enumerate(pieces))
