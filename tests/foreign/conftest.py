"""Other frameworks' apps, each served by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.site.loading import foreign_site
from fanlight.testing import Client

Serve = Callable[[Any], Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves an app, as `fanlight run` does, and returns a client of it."""
    clients = []

    def start(app: Any) -> Client:
        clients.append(Client(foreign_site(app, tmp_path / "main.py")))
        return clients[-1]

    yield start
    for each in clients:
        each.close()
