"""The library, a site with an API of every kind, and descriptions of small tables."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.app.application import Application
from fanlight.openapi.document import Document

LIBRARY = Path(__file__).parent / "library"
Describe = Callable[..., Document]


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    """Return the module of the library, with the books that it begins with."""
    spec = importlib.util.spec_from_file_location("library_main", LIBRARY / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["library_main"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["library_main"]


@pytest.fixture
def describe() -> Describe:
    """Return a function from a table to its description."""

    def describe(urls: dict[str, Any], **parts: Any) -> Document:
        return Application(urls, templates=None, folder=Path(__file__).parent, **parts).describe()

    return describe
