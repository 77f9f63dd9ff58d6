"""What the explanations of errors need of an app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fanlight.message.request import Request
from fanlight.pages.pages import Pages
from fanlight.routing.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """The parts of an app that are looked at."""

    folder: Path  # of the site's files
    table: Table
    pages: Pages
    has_error_page: Callable[[int, Request], bool]  # whether the site has a page of its own for a status
