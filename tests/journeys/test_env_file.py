"""An env file, as `fanlight run` reads it."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.journeys.conftest import Site, wait_until
from tests.speed import PATIENCE

MAIN = 'import os\n\nURLS = {"/": lambda: os.environ.get("GREETING", "none")}\n'


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return str(response.read().decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / ".env").write_text("GREETING=Hello\n")
    return tmp_path


def test_a_file_is_read_only_where_it_is_named(folder: Path, serve: Callable[..., Site]) -> None:
    """In production a .env that lies there changes nothing; `--env-file` reads it."""
    assert get(serve(folder).url) == "none"
    assert get(serve(folder, "--env-file", ".env").url) == "Hello"


def test_a_reload_reads_the_file_anew(folder: Path, serve: Callable[..., Site]) -> None:
    """Each worker reads the file when it starts, so SIGHUP finds what has changed in it."""
    site = serve(folder, "--env-file", ".env", "--workers", "1")
    assert get(site.url) == "Hello"
    (folder / ".env").write_text("GREETING=Good morning\n")
    site.send_signal(signal.SIGHUP)
    wait_until(lambda: get(site.url) == "Good morning")
