"""The soak's site, served by a process of its own, whose memory can be measured."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.soak.served import SITE, Served

Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves the site with some flags until the test ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for two thousand clients of this process
    running: list[Served] = []

    def start(*words: str) -> Served:
        running.append(Served(SITE, ["--no-access-log", *words], tmp_path / f"log-{len(running)}"))
        return running[-1]

    yield start
    for each in running:
        each.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def pair(certificates: Any) -> Any:
    """Return a certificate for localhost."""
    return certificates.make("localhost")
