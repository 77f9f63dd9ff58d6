"""Load an example as `fanlight run` does, and send requests to it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fanlight.site.loading import load
from fanlight.testing import Client

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def client_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Client]]:
    """Yield a function that returns a client of an example; afterwards its imported modules are removed."""
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    clients: list[Client] = []

    def start(name: str) -> Client:
        clients.append(Client(load(EXAMPLES / name / "main.py")))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for module in set(sys.modules) - known:
        file = getattr(sys.modules[module], "__file__", None) or ""
        if Path(file).is_relative_to(EXAMPLES):
            del sys.modules[module]
