"""What the explanations of errors need of an app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fanlight.pages.pages import Pages
from fanlight.routing.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """The parts of an app that are looked at."""

    folder: Path  # of the site's files
    table: Table
    pages: Pages
