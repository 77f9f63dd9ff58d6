"""What the table of a site has for a request that was recorded: the routes that were considered, and the view.

In: a table, once; then the method and the target of a request. Out: candidates, the chosen one first, each with why it
won or lost; and where the view of a call is written. Used by the recorder's thread, never while a request is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.app.guests import is_guest
from fanlight.binding.callables import display_name, source_location
from fanlight.devtools.inspector.exchange_record import Candidate
from fanlight.devtools.inspector.recording_limits import MAX_CANDIDATES
from fanlight.routing.explain import NearRoute
from fanlight.routing.route import NoMatch, Route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fanlight.routing.table import Table

MAX_KNOWN = 512  # pairs of method and path whose candidates are kept


class SiteRoutes:
    """The routes of one site."""

    def __init__(self, table: Table, folder: Path) -> None:
        """Look at the routes of a table; places are relative to the folder of the site."""
        self._table, self.folder = table, folder
        self._known: dict[tuple[str, str, str], list[Candidate]] = {}
        self._views = {
            route.endpoint: (display_name(route.view), place)
            for route in table.routes
            if callable(route.view) and (place := source_location(route.view, folder))
        } | {route.endpoint: (str(route.view), route.place) for route in table.routes if is_guest(route.view)}

    def view_of(self, call: object) -> tuple[str, str]:
        """Return the name of the view that a call runs, and its place; "" for a call without one."""
        return self._views.get(call, ("", ""))

    def candidates(self, method: str, path: str, host: str = "", *, is_brief: bool = False) -> list[Candidate]:
        """Return the routes that were considered for a request, most similar first; if brief, the chosen one at most.

        A comparison with all routes takes milliseconds where there are hundreds of them.
        """
        key = method, path, host
        candidates = self._known.get(key)
        if candidates is None:
            candidates = self._candidates(method, path, host, is_brief=is_brief)
            if not is_brief:
                if len(self._known) >= MAX_KNOWN:
                    self._known.clear()
                self._known[key] = candidates
        return candidates

    def _candidates(self, method: str, path: str, host: str, *, is_brief: bool) -> list[Candidate]:
        table = self._table.at(host)
        found = table.find(method, path)
        chosen = None if isinstance(found, NoMatch) else found
        near = [] if is_brief else [_lost(each) for each in table.nearest(method, path)[:MAX_CANDIDATES]]
        return near if chosen is None else [_won(*chosen), *near]


def _won(route: Route, parameters: Mapping[str, object]) -> Candidate:
    given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
    return _candidate(route, f"it matches, with {given}" if given else "it matches", is_chosen=True)


def _lost(near: NearRoute) -> Candidate:
    return _candidate(near.route, near.reason, is_chosen=False)


def _candidate(route: Route, reason: str, *, is_chosen: bool) -> Candidate:
    if is_guest(route.view):
        return Candidate("ANY", route.address, str(route.view), route.place, reason, is_chosen)
    methods = "|".join(sorted(route.methods))
    return Candidate(methods, route.address, route.full_name, route.place, reason, is_chosen)
