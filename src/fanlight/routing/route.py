"""What a search in the table can give: a `Route`, or a `Miss` that says which answer is due.

Both are made at start-up or hold nothing but constants; neither changes once it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One line of the table: these methods at this pattern lead to this endpoint."""

    pattern: str  # as one would write it flat, types of the view included: "/blog/{id:int}"
    methods: frozenset[str]  # as the key states them; GET also answers HEAD
    endpoint: object
    place: str  # where it is written: "main.py:12"
    name: str  # "views.post", or "" where the value has no name
    view: object  # the value in URLS, from which the endpoint was made
    parameters: Mapping[str, str]  # name -> converter, from left to right


class NoMatchReason(Enum):
    """Why a path has no route, and so which answer it gets."""

    NOT_FOUND = 404
    WRONG_METHOD = 405  # for OPTIONS: 204 with the same `Allow`
    REDIRECT = 308
    BAD_PATH = 400


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No route: why not, and what the answer needs to say."""

    kind: NoMatchReason
    allow: tuple[str, ...] = ()  # WRONG_METHOD: for the `Allow` field
    to: str = ""  # REDIRECT: a path on this site, percent-encoded; the query is the caller's to add
