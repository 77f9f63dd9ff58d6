"""Fanlight's own pages: one for every error, one for a string in `URLS`.

In: text, which is escaped. Out: a complete HTML document without external resources, in light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.message.html_text import escape
from fanlight.pages.drawing import COLOURS, FAVICON_LINK, LIT, ONE_PANE_OUT
from fanlight.pages.palette import FOUNDATION, MONO, SANS, custom_properties
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

_COLOURS = ("paper", "glow", "ink", "quiet", "line", "link", "accent", *COLOURS)
_STYLE = f"""
{custom_properties(_COLOURS)}{FOUNDATION}\
body{{
  min-height: 100vh; min-height: 100svh; padding: 3rem 1.25rem;
  display: grid; grid-template-columns: minmax(0, 34rem); place-content: center;
  background: radial-gradient(30rem 24rem at 50% 36%, var(--glow), var(--paper)) no-repeat var(--paper);
  text-align: center;
}}
main {{ padding-bottom: 6vh; overflow-wrap: anywhere }}
svg {{ display: block; width: min(15rem, 62vw); height: auto; margin: 0 auto 2rem }}
h1 small {{
  display: block; margin-bottom: .75rem; color: var(--quiet);
  font: 600 1.0625rem/1 {SANS}; letter-spacing: .2em; text-indent: .2em;
}}
p {{ margin-top: 1rem; color: var(--quiet); white-space: pre-line; text-wrap: balance }}
dl {{ margin: 2rem 0; border-top: 1px solid var(--line); text-align: left; overflow-wrap: break-word }}
dl div {{ display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line) }}
dt {{ flex: 0 1 10rem; max-width: 100%; font-weight: 600 }}
dd {{ flex: 1 1 14rem; max-width: 100%; color: var(--quiet) }}
code {{ color: var(--ink); font: .9375rem {MONO}; user-select: all }}
"""


def style_hash(style: str = _STYLE) -> str:
    """Return the source of a Content-Security-Policy that allows a style sheet in a page: by default the pages' own."""
    from base64 import b64encode  # noqa: PLC0415 - for a site with such a policy
    from hashlib import sha256  # noqa: PLC0415 - as above

    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"


def document(title: str, body: str, head: str = "") -> str:
    """Return a complete HTML document; `body` and `head` are HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{head}{FAVICON_LINK}\n<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def heading_page(text: str) -> str:
    """Return a page with a text as its heading."""
    return document(text, f"{LIT}<h1>{escape(text)}</h1>")


def error_page(status: int, detail: str = "", items: Sequence[tuple[str, str]] = (), request_id: str = "") -> str:
    """Return the page for an error: its status, its detail or advice, each bad field, and a link to the front page.

    With a `request_id`, it is shown to be reported: by it the error is found in the logs.
    """
    reason = REASON_PHRASES.get(status, "Error")
    text = detail or _ADVICE.get(status) or _ADVICE[400 if status < 500 else 500]
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(message)}</dd></div>\n" for name, message in items)
    details = f"<dl>\n{rows}</dl>\n" if rows else ""
    if request_id:
        details += f"<p>Mention this number if you report it:<br><code>{escape(request_id)}</code></p>\n"
    return document(
        f"{status} {reason}",
        f"{ONE_PANE_OUT}<h1><small>{status}</small> {escape(reason)}</h1>\n<p>{escape(text)}</p>\n"
        f'{details}<p><a href="/">Go to the front page</a></p>',
        '<meta name="robots" content="noindex">\n',
    )


# A page with nothing but the status is made once: bots request it all day.
_PLAIN = {status: error_page(status).encode() for status in range(400, 600) if status in REASON_PHRASES}


def plain_error_page(status: int) -> bytes:
    """Return the page for an error without detail."""
    return _PLAIN.get(status) or error_page(status).encode()
