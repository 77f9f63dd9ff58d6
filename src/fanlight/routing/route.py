"""The result of a search in the table: a `Route`, or a `NoMatch` that determines the response. Both are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from fanlight.routing.entries import Inherited

if TYPE_CHECKING:
    from fanlight.routing.host_pattern import HostPattern


class Route(Struct, frozen=True, eq=False):
    """One line of the table: these methods at this pattern lead to this endpoint."""

    pattern: str  # with the path of the outer tables and the types of the view: "/blog/{id:int}"
    methods: frozenset[str]  # as in the key; GET includes HEAD
    endpoint: object
    place: str  # where it is written: "main.py:12"
    name: str  # "views.post", or "" where the value has no name
    inherited: Inherited  # from the tables around it: their names, middleware, ...
    view: object  # the value in URLS, from which the endpoint was made
    parameters: Mapping[str, str]  # name -> converter, from left to right: of the host, then of the path
    host: HostPattern | None = None  # None: any host

    @property
    def address(self) -> str:
        """The host and the path, as they are written."""
        return self.pattern if self.host is None else f"{self.host}{self.pattern}"

    @property
    def full_name(self) -> str:
        """The name by which `url_for` finds no other view: "shop:views.post"; "" where the value has no name."""
        table = self.inherited.table
        return f"{table}:{self.name}" if table and self.name else self.name


class NoMatchReason(Enum):
    """Why no route matches; the value is the status of the response."""

    NOT_FOUND = 404
    WRONG_METHOD = 405  # for OPTIONS: 204 with the same `Allow`
    REDIRECT = 308
    BAD_PATH = 400


class NoMatch(Struct, frozen=True):
    """No route: the reason, and what the response needs."""

    kind: NoMatchReason
    allow: tuple[str, ...] = ()  # WRONG_METHOD: for the `Allow` field
    to: str = ""  # REDIRECT: a path on this site, percent-encoded, without the query


NOT_FOUND = NoMatch(NoMatchReason.NOT_FOUND)
