"""The views of the inspector, below `/__fanlight__/`.

In: the store of exchanges, and the site's folder, for the source of its views. Out: a table of URLs for the app of the
tools. Secrets are masked in everything that a GET returns; a POST to an exchange or an export shows them, once. Views
that read much run in the thread pool: the site's requests do not wait for them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fanlight.devtools.dev_context import PREFIX
from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.exchange_store import Store, Summary
from fanlight.devtools.inspector.masked_exchange import masked
from fanlight.devtools.inspector.pages.exchange_page import exchange_page
from fanlight.devtools.inspector.pages.exports import har, json_of, raw_request, raw_response
from fanlight.devtools.inspector.pages.figures import bar, clock, duration, size
from fanlight.devtools.inspector.pages.list_filter import ListFilter, read_filter
from fanlight.devtools.inspector.pages.visible_text import visible
from fanlight.devtools.inspector.replay.raw_request import replay_facts
from fanlight.errors import NotFound
from fanlight.message.events import Event, EventStream
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.page import Page, render
from fanlight.pages.pages import Pages
from fanlight.pages.palette import CONTROLS, FOUNDATION, custom_properties
from fanlight.pages.static.static import Static
from fanlight.server.recording.redact import redact

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
MAX_ROWS = 300  # on a page; older ones are on the next
MAX_SEARCHED = 1000  # exchanges that a filter looks at
MAX_TARGET = 300  # characters of it in the list
POLL_SECONDS = 0.15
MAX_LIVE_ROWS = 60  # at once: more, of a load test, would keep the browser busy; the newest are sent
QUICK = (
    ("all", ""),
    ("errors", "is:error"),
    ("refused", "is:refused"),
    ("slow", "slow:100ms"),
    ("that change something", "-method:GET -method:HEAD"),
)
_NUMBER = re.compile(r"[0-9]{1,17}").fullmatch
_BAD_OUTCOMES = {"refused": "bad", "failed": "bad", "cut off": "warn", "timed out": "warn", "open": "open"}


class InspectorViews:
    """The list, one exchange, and exports."""

    def __init__(self, store: Store, folder: Path | None) -> None:
        self._store, self._folder = store, folder
        self._pages = Pages(TEMPLATES)

    def urls(self) -> dict[str, Any]:
        """Return the table, for below PREFIX."""
        exchange = {
            "/": self.exchange,
            "POST /": self.exchange_with_secrets,
            **{f"/{name}": self.export(name, shows=False) for name in _EXPORTS},
            **{f"POST /{name}": self.export(name, shows=True) for name in _EXPORTS},
        }
        return {
            "/": self.index,
            "/live": self.live,
            "POST /clear": self.clear,
            "/exchanges.har": self.all_as_har,
            "/exchanges/{id}": exchange,
            "/static/palette.css": self.palette,
            "/static": Static(HERE / "static"),
        }

    # --- the list -----------------------------------------------------------------------------

    @lane("thread")
    def index(self, q: str = "", older: int = 0) -> Page:
        """Show the newest exchanges that a filter accepts; `older`: those before that number of them."""
        wanted = read_filter(q)
        found = self._found(wanted, older + MAX_ROWS + 1)
        shown = found[older : older + MAX_ROWS]
        return render(
            "list.html",
            base=PREFIX,
            rows=[_row(each) for each in shown],
            last=max((each.seq for each in self._store.summaries(0, 1)), default=0),
            q=wanted.text,
            problems=wanted.problems,
            older=older + MAX_ROWS if len(found) > older + MAX_ROWS else 0,
            is_newest=older == 0,
            quick=QUICK,
        )

    def _found(self, wanted: ListFilter, most: int) -> list[Summary]:
        """Return exchanges, the newest first."""
        rows = sorted(self._store.summaries(0, MAX_SEARCHED), key=lambda row: (row.began_at, row.id), reverse=True)
        found: list[Summary] = []
        for row in rows:
            if len(found) >= most:
                break
            if wanted.accepts(row, self._store.get):
                found.append(row)
        return found

    async def live(self, request: Request, q: str = "", after: int = 0) -> EventStream:
        """Send rows as exchanges come, those of a filter only."""
        last = request.last_event_id
        after = int(last) if _NUMBER(last) else after
        return EventStream(self._events(read_filter(q), after), retry_seconds=0.3)

    async def _events(self, wanted: ListFilter, after: int) -> AsyncIterator[Event]:
        while True:
            rows = self._store.summaries(after, MAX_LIVE_ROWS)
            if rows:
                is_cut = len(rows) == MAX_LIVE_ROWS and rows[0].seq > after + 1
                after = rows[-1].seq
                shown = [row for row in rows if wanted.accepts(row, self._store.get)]
                gone = [row.id for row in rows if row not in shown]
                html = [{"id": row.id, "html": self._html(row)} for row in shown]
                yield Event({"rows": html, "gone": gone, "is_cut": is_cut}, "rows", id=str(after))
            await asyncio.sleep(POLL_SECONDS)

    def _html(self, row: Summary) -> str:
        return self._pages.render(render("_row.html", base=PREFIX, row=_row(row)))

    def clear(self) -> Response:
        """Forget all exchanges."""
        self._store.clear()
        return redirect(PREFIX)

    # --- one exchange -------------------------------------------------------------------------

    def _get(self, exchange_id: str) -> Exchange:
        exchange = self._store.get(exchange_id)
        if exchange is None:
            raise NotFound("This exchange is not kept any more: the newest 1,000 are.")
        return exchange

    @lane("thread")
    def exchange(self, request: Request, id: str) -> Page:  # noqa: A002 - its name in the URL
        """Show one exchange without its secrets."""
        return self._exchange(request, id, shows_secrets=False)

    @lane("thread")
    def exchange_with_secrets(self, request: Request, id: str) -> Page:  # noqa: A002 - as above
        """Show one exchange with its secrets."""
        return self._exchange(request, id, shows_secrets=True)

    def _exchange(self, request: Request, exchange_id: str, *, shows_secrets: bool) -> Page:
        exchange = self._get(exchange_id)
        ids = [row.id for row in self._found(read_filter(""), MAX_SEARCHED)]
        at = ids.index(exchange.id) if exchange.id in ids else -1
        return render(
            "exchange.html",
            base=PREFIX,
            newer=ids[at - 1] if at > 0 else "",
            older=ids[at + 1] if 0 <= at < len(ids) - 1 else "",
            **replay_facts(exchange),
            **exchange_page(exchange, shows_secrets=shows_secrets, folder=self._folder, origin=request.origin),
        )

    def export(self, name: str, *, shows: bool) -> Any:
        """Return the view of one kind of download."""
        make, media_type = _EXPORTS[name]

        @lane("thread")
        def download(id: str) -> Response:  # noqa: A002 - its name in the URL
            exchange = self._get(id)
            return _attachment(
                make(exchange if shows else masked(exchange), shows), media_type, f"{exchange.id}-{name}"
            )

        return download

    @lane("thread")
    def all_as_har(self, q: str = "") -> Response:
        """Return all exchanges that a filter accepts, the oldest first, without secrets."""
        rows = reversed(self._found(read_filter(q), MAX_SEARCHED))
        exchanges = [masked(each) for row in rows if (each := self._store.get(row.id)) is not None]
        return _attachment(har(exchanges, shows_secrets=False), _JSON, "exchanges.har")

    def palette(self) -> Response:
        """Return the style sheet with the colours that all pages share."""
        return Response(f"{custom_properties()}{FOUNDATION}{CONTROLS}", media_type="text/css; charset=utf-8")


_JSON = "application/json"
_BINARY = "application/octet-stream"
_EXPORTS: dict[str, Any] = {
    "request.bin": (raw_request, _BINARY),
    "response.bin": (raw_response, _BINARY),
    "exchange.json": (json_of, _JSON),
    "exchange.har": (lambda exchange, shows: har([exchange], shows_secrets=shows), _JSON),
}


def _attachment(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})


def _row(row: Summary) -> dict[str, Any]:
    """Return what the template of a row is given."""
    target = visible(redact(row.target))
    tone = _BAD_OUTCOMES.get(row.outcome) or ("bad" if row.status >= 500 else "warn" if row.status >= 400 else "good")
    return {
        "id": row.id,
        "time": clock(row.began_at),
        "method": visible(row.method)[:24],
        "target": target if len(target) <= MAX_TARGET else f"{target[:MAX_TARGET]}...",
        "status": row.status or "",
        "outcome": "" if row.outcome == "done" else row.outcome,
        "tone": tone,
        "route": visible(row.route)[:120],
        "view": visible(row.view)[:80],
        "duration": duration(row.seconds),
        "bar": bar(row.seconds),
        "received": size(row.request_bytes),
        "sent": size(row.response_bytes),
        "generation": row.generation,
    }
