"""The pages of replay: send an exchange again, edited if wanted, see what differs, save it as a test.

In: requests to `/__fanlight__/replay/...`. Out: pages. A request that may write is not sent before that was confirmed.
Requests go to the development server itself, so they are recorded like any other.
"""

from __future__ import annotations

import os

from msgspec import Struct

from fanlight.devtools.dev_context import PREFIX
from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.masked_exchange import masked
from fanlight.devtools.inspector.pages.figures import duration
from fanlight.devtools.inspector.replay.differences import Difference, DiffLine, differences, side_by_side
from fanlight.devtools.inspector.replay.edited_request import RequestText, edited_request, shown_request
from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest, replay_facts
from fanlight.devtools.inspector.replay.recording_file import response_of, without_secrets
from fanlight.devtools.inspector.replay.resending import Replayed, send
from fanlight.devtools.inspector.replay.response_reader import ReadResponse
from fanlight.devtools.inspector.replay.saved_test import FILE_NAME, add_test, request_of_test
from fanlight.devtools.inspector.replay.saved_test_place import SavedTestPlace
from fanlight.devtools.running_servers import running
from fanlight.devtools.secrets import mask, mask_text
from fanlight.errors import BadRequest, NotFound
from fanlight.message.lane import lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.pages.page import Page, render
from fanlight.settings.start_directory import short_path

TIMES_COMPARED = 2  # a request that only reads is sent twice for a test: what differs is left out of it


class ReplayPages:
    """The views of replay."""

    def __init__(self, store: Store, target: SavedTestPlace) -> None:
        self._store, self._target = store, target

    def urls(self) -> dict[str, object]:
        """Return the table of these pages."""
        return {"/{id}": self.show, "POST /{id}": self.send, "POST /{id}/test": self.save_test}

    def show(self, id: str) -> Page:  # noqa: A002 - the name in the URL
        """Show the request of an exchange, to be edited."""
        exchange = self._exchange(id)
        return _form_page(exchange, shown_request(exchange))

    @lane("thread")
    def send(
        self,
        request: Request,
        id: str,  # noqa: A002 - as above
        head: str = "",
        content: str = "",
        *,
        is_exact: bool = False,
        is_confirmed: bool = False,
    ) -> Page | Response:
        """Send the request again, as it was (without `head`) or edited, and show both responses."""
        exchange = self._exchange(id)
        text = RequestText(head, content) if head else shown_request(exchange)
        try:
            raw = edited_request(exchange, text, is_exact=is_exact)
            if raw.writes and not is_confirmed:
                return _form_page(exchange, text, must_confirm=True, is_exact=is_exact)
            replayed = send(raw, server_url(request))
        except CannotReplay as error:
            return _form_page(exchange, text, problem=str(error), is_exact=is_exact)
        return _result_page(exchange, raw, replayed, text, self._target)

    @lane("thread")
    def save_test(
        self,
        request: Request,
        id: str,  # noqa: A002 - as above
        *,
        is_confirmed: bool = False,
    ) -> Page | Response:
        """Save the exchange as a test of the site, and show the test."""
        exchange, target = self._exchange(id), self._target
        if target.site is None:
            return _form_page(exchange, shown_request(exchange), problem=target.problem)
        try:
            original = RawRequest.of(exchange)
            content = exchange.request_content
            raw = request_of_test(original, content)
            if raw.writes and not is_confirmed:
                return _form_page(exchange, shown_request(exchange), must_confirm=True, is_for_test=True)
            url = server_url(request)
            responses = [send(raw, url).response for _ in range(1 if raw.writes else TIMES_COMPARED)]
            source = add_test(target.folder / FILE_NAME, original, content, responses, target.site)
        except (CannotReplay, OSError) as error:
            return _form_page(exchange, shown_request(exchange), problem=str(error))
        return render(
            "replay_test.html",
            base=PREFIX,
            exchange=masked(exchange),
            file=short_path(target.folder / FILE_NAME),
            source=source,
            secrets=without_secrets(raw)[1],
        )

    def _exchange(self, exchange_id: str) -> Exchange:
        found = self._store.get(exchange_id)
        if found is None:
            raise NotFound(f"exchange {exchange_id[:20]} is not kept any more")
        return found


def server_url(request: Request) -> str:
    """Return the URL of the development server that serves this request."""
    for each in running():
        if each.pid == os.getppid():
            return each.url
    host = request.host
    if not host:
        raise BadRequest("the request has no Host")
    name, colon, port = host.rpartition(":")
    return f"{request.scheme}://{name if name.startswith('[') else 'localhost'}{colon}{port if colon else ''}"


def _form_page(
    exchange: Exchange,
    text: RequestText,
    *,
    problem: str = "",
    must_confirm: bool = False,
    is_exact: bool = False,
    is_for_test: bool = False,
) -> Page:
    return render(
        "replay.html",
        base=PREFIX,
        exchange=masked(exchange),
        text=text,
        problem=problem,
        writes=replay_facts(exchange)["writes"],
        must_confirm=must_confirm,
        is_exact=is_exact,
        is_for_test=is_for_test,
    )


class _Side(Struct, frozen=True):
    """One of the two responses on the page."""

    status: int
    seconds: float
    fields: list[tuple[str, str]]
    note: str


def _result_page(
    exchange: Exchange, raw: RawRequest, replayed: Replayed, text: RequestText, target: SavedTestPlace
) -> Page:
    before, after = response_of(exchange), replayed.response
    found = [] if before is None else differences(before, after)
    rows = side_by_side(before or ReadResponse(status=0), after)
    return render(
        "replay_result.html",
        base=PREFIX,
        duration=duration,
        exchange=masked(exchange),
        text=text,
        is_edited=raw != RawRequest.of(exchange),
        writes=raw.writes,
        before=None if before is None else _side(before, exchange.seconds),
        after=_side(after, replayed.seconds),
        differences=[Difference(each.place, mask_text(each.before), mask_text(each.after)) for each in found],
        rows=[DiffLine(each.kind, mask_text(each.before), mask_text(each.after)) for each in rows],
        can_save=target.site is not None,
    )


def _side(response: ReadResponse, seconds: float) -> _Side:
    fields = [(name, mask(name, value)) for name, value in response.fields]
    return _Side(response.status, seconds, fields, response.ended)
