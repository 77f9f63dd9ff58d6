"""A folder of templates to be filled, and requests to show pages for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fanlight.message.request import Request
from fanlight.pages.pages import Pages
from fanlight.testing import FakeHead

Write = Callable[[Mapping[str, str]], Path]
Site = Callable[[Mapping[str, str]], Pages]
Ask = Callable[..., Request]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write templates, by name, into a folder called "templates", and return it."""

    def write_all(templates: Mapping[str, str]) -> Path:
        folder = tmp_path / "templates"
        folder.mkdir(exist_ok=True)
        for name, text in templates.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write_all


@pytest.fixture
def site(write: Write) -> Site:
    """Make pages from templates, by name."""
    return lambda templates: Pages(write(templates))


@pytest.fixture
def ask() -> Ask:
    """Make a request for a target, with fields."""

    def make(target: str = "/", fields: Mapping[str, str] | None = None) -> Request:
        return Request(FakeHead("GET", target, fields), "127.0.0.1", None)

    return make
