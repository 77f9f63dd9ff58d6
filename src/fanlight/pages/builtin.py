"""The pages that Fanlight has of its own: one for every error, one for a plain text in URLS.

In: text. Out: a whole HTML document that needs nothing from elsewhere, in light and dark. Refuses
nothing; escapes everything. Knows nothing of requests.
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus

REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    414: "URI Too Long",
    422: "Unprocessable Content",
}

# What the person in front of the page can do, where there is something to say.
_ADVICE = {
    400: "The request makes no sense to this site.",
    401: "This page is only for people who have signed in.",
    403: "You are not allowed to see this page.",
    404: "There is nothing at this address. It may have moved, or never have been here.",
    405: "This address exists, but it can't be asked like this.",
    413: "What was sent is more than this site takes.",
    415: "What was sent is of a kind that this site can't read.",
    422: "Some of what was sent is not as it should be.",
    429: "That was a lot of requests. Wait a moment, then try again.",
    500: "Something went wrong on this site. It is not your fault, and it has been noted.",
    503: "This site has too much to do just now. Try again in a moment.",
}

_STYLE = (
    ":root{color-scheme:light dark;--paper:#faf8f4;--ink:#23262d;--quiet:#6b6f78;--glass:#e8b04a;--lead:#3d4250}"
    "@media(prefers-color-scheme:dark){:root{--paper:#15171c;--ink:#eceae4;--quiet:#9a9ea8;--glass:#f2c566;--lead:#8d93a3}}"
    "*{box-sizing:border-box}html{height:100%}body{min-height:100%;margin:0;display:grid;place-items:center;padding:2rem;"
    "background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',sans-serif}"
    "main{max-width:34rem;text-align:center}svg{width:min(11rem,50vw);height:auto;display:block;margin:0 auto 1.5rem}"
    "h1{font-size:clamp(1.6rem,5vw,2.2rem);line-height:1.2;margin:0 0 .75rem;"
    "letter-spacing:-.01em;overflow-wrap:anywhere}"
    "p{margin:0 0 1rem;overflow-wrap:anywhere}.quiet{color:var(--quiet)}"
    "ul{display:inline-block;text-align:left;margin:0 0 1rem;padding-left:1.2rem}"
    "a{color:inherit;text-underline-offset:.2em}code{font-size:.95em}"
)

# A fanlight: half a wheel of panes over a door. It is lit.
_WINDOW = (
    '<svg viewBox="0 0 200 108" aria-hidden="true">'
    '<path d="M8 100a92 92 0 0 1 184 0z" fill="var(--glass)" opacity=".28"/>'
    '<g fill="none" stroke="var(--lead)" stroke-width="5" stroke-linejoin="round" stroke-linecap="round">'
    '<path d="M8 100a92 92 0 0 1 184 0z"/><path d="M64 100a36 36 0 0 1 72 0"/>'
    '<path d="M100 64V8M74.500 74.500 35 35M125.500 74.500 165 35"/></g></svg>'
)


def document(title: str, body: str) -> str:
    """Return a whole HTML document; `body` is HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>{body}</main></body></html>\n"
    )


def heading_page(text: str) -> str:
    """Return the page for a plain text in URLS: the text as its heading."""
    return document(text, f"<h1>{escape(text)}</h1>")


def error_page(status: int, detail: str = "", items: tuple[str, ...] = ()) -> str:
    """Return the page for an error: what it is, what was said of it, and the way home."""
    reason = REASONS.get(status, "Error")
    said = escape(detail) if detail else _ADVICE.get(status, "")
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    body = (
        f"{_WINDOW}<h1>{escape(reason)}</h1>{f'<p>{said}</p>' if said else ''}{f'<ul>{listed}</ul>' if listed else ''}"
        f'<p class="quiet">Error {status} &middot; <a href="/">Home</a></p>'
    )
    return document(f"{status} {reason}", body)
