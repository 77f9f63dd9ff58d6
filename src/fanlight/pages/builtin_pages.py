"""Fanlight's own pages: one for every error, one for a string in `URLS`.

In: text, which is escaped. Out: a complete HTML document without external resources, in light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fanlight.reason_phrases import REASON_PHRASES

# For the person who reads the page, if the error has no detail of its own.
_ADVICE = {
    400: "This site does not understand the request.",
    401: "This page is only for people who have signed in.",
    403: "You are not allowed to see this page.",
    404: "There is nothing at this address. It may have moved, or never have been here.",
    405: "This address exists, but not for a request of this kind.",
    406: "There is no version of this page that your browser accepts.",
    409: "This conflicts with a change that was made in the meantime. Load the page again, then try once more.",
    410: "What was at this address has been removed for good.",
    412: "The page has changed in the meantime. Load it again, then try once more.",
    413: "What you sent is too large for this site.",
    415: "What you sent is in a format that this site does not read.",
    422: "Some fields are missing or invalid.",
    429: "You have sent too many requests. Wait a moment, then try again.",
    500: "Something went wrong on this site. It is not your fault.",
    501: "This site does not support requests of this kind.",
    503: "This site is very busy just now. Try again in a moment.",
    507: "This site has no room left to store what you sent.",
}

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f8f5ee; --light: #fffefa; --ink: #26221c; --quiet: #645d52; --line: #dfd7c7; --link: #0a5a80;
  --lead: #40382e; --glass-top: #8cc6e6; --glass-low: #e4f2f8; --empty: #d6cfc1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #13151a; --light: #33291b; --ink: #efe9dc; --quiet: #b0a998; --line: #333843; --link: #ffd07a;
    --lead: #07090c; --glass-top: #f5a63d; --glass-low: #ffe2a0; --empty: #2a303b;
  }
}
* { box-sizing: border-box; margin: 0 }
body {
  min-height: 100vh; min-height: 100svh; padding: 3rem 1.25rem;
  display: grid; grid-template-columns: minmax(0, 34rem); place-content: center;
  background: radial-gradient(30rem 24rem at 50% 36%, var(--light), var(--paper)) no-repeat var(--paper);
  color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; text-align: center;
}
main { padding-bottom: 6vh; overflow-wrap: anywhere }
svg { display: block; width: min(15rem, 62vw); height: auto; margin: 0 auto 2rem }
h1 {
  font: 600 clamp(1.75rem, 1.2rem + 2.8vw, 2.625rem)/1.15 ui-serif, Georgia, Cambria, serif;
  letter-spacing: -.01em; text-wrap: balance;
}
h1 small {
  display: block; margin-bottom: .75rem; color: var(--quiet);
  font: 600 1.0625rem/1 system-ui, sans-serif; letter-spacing: .2em; text-indent: .2em;
}
p { margin-top: 1rem; color: var(--quiet); white-space: pre-line; text-wrap: balance }
dl { margin: 1.75rem 0; border-top: 1px solid var(--line); text-align: left; overflow-wrap: break-word }
dl div { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line) }
dt { flex: 0 1 10rem; max-width: 100%; font-weight: 600 }
dd { flex: 1 1 14rem; max-width: 100%; color: var(--quiet) }
a { color: var(--link); text-underline-offset: .2em; border-radius: 2px }
a:hover { text-decoration-thickness: 2px }
a:focus-visible { outline: 2px solid; outline-offset: 4px }
"""

# A fanlight: half a wheel of panes over a door. By day the sky is in it, by night lamplight.
_WINDOW = """\
<svg viewBox="0 0 240 132" aria-hidden="true" focusable="false">
<linearGradient id="glass" x2="0" y2="1"><stop style="stop-color:var(--glass-top)"/>\
<stop offset="1" style="stop-color:var(--glass-low)"/></linearGradient>
<path fill="url(#glass)" d="M10 118a110 110 0 0 1 220 0z"/>
{pane}<g fill="none" style="stroke:var(--lead)" stroke-width="5">\
<path d="M84 118a36 36 0 0 1 72 0M90.9 96.8 31 53.3M108.9 83.8 86 13.4\
M131.1 83.8 154 13.4M149.1 96.8 209 53.3"/>\
<path stroke-width="8" d="M10 118a110 110 0 0 1 220 0"/></g>
<rect style="fill:var(--lead)" y="118" width="240" height="10" rx="2"/>
</svg>
"""
_LIT = _WINDOW.format(pane="")
_ONE_PANE_OUT = _WINDOW.format(
    pane='<path style="fill:var(--empty)" d="M154 13.4A110 110 0 0 1 209 53.3L149.1 96.8A36 36 0 0 0 131.1 83.8z"/>\n'
)


def document(title: str, body: str, head: str = "") -> str:
    """Return a complete HTML document; `body` and `head` are HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{head}<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def heading_page(text: str) -> str:
    """Return a page with a text as its heading."""
    return document(text, f"{_LIT}<h1>{escape(text)}</h1>")


def error_page(status: int, detail: str = "", items: Sequence[tuple[str, str]] = ()) -> str:
    """Return the page for an error: its status, its detail or advice, each bad field, and a link to the front page."""
    reason = REASON_PHRASES.get(status, "Error")
    text = detail or _ADVICE.get(status) or _ADVICE[400 if status < 500 else 500]
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(message)}</dd></div>\n" for name, message in items)
    details = f"<dl>\n{rows}</dl>\n" if rows else ""
    return document(
        f"{status} {reason}",
        f"{_ONE_PANE_OUT}<h1><small>{status}</small> {escape(reason)}</h1>\n<p>{escape(text)}</p>\n"
        f'{details}<p><a href="/">Go to the front page</a></p>',
        '<meta name="robots" content="noindex">\n',
    )


# A page with nothing but the status is made once: bots request it all day.
_PLAIN = {status: error_page(status).encode() for status in range(400, 600) if status in REASON_PHRASES}


def plain_error_page(status: int) -> bytes:
    """Return the page for an error without detail."""
    return _PLAIN.get(status) or error_page(status).encode()
