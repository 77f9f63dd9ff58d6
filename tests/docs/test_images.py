"""The drawings of docs/map.md show the code as it is."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[2]
IMAGES = REPOSITORY / "docs" / "images"


@cache
def draw() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw", REPOSITORY / "scripts" / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["draw"] = module  # its dataclasses look for it
    spec.loader.exec_module(module)
    return module


def test_the_drawings_are_those_of_the_code() -> None:
    """Rooms, imports and the calls of a request have not changed since they were drawn: `make images` draws them."""
    drawn = draw().images()
    assert {name for name, text in drawn.items() if (IMAGES / name).read_text() != text} == set()


def test_each_drawing_is_on_the_map() -> None:
    """docs/map.md shows every drawing that the script makes."""
    text = (REPOSITORY / "docs" / "map.md").read_text()
    assert [name for name in draw().DRAWINGS if f"(images/{name})" not in text] == []


def test_rooms_that_import_each_other_are_no_drawing() -> None:
    """A circle among rooms is an error that names it."""
    with pytest.raises(ValueError, match="a -> b -> a"):
        draw().floors({"a": {"b"}, "b": {"a"}})


def test_a_request_passes_wire_app_and_view() -> None:
    """The recorded calls begin in the server loop, and contain the parser, the route and the site's view."""
    calls = draw().record_request()
    names = [call.where for call in calls]
    assert names[0] == "server/hub.py"
    passed = ["wire/http1/http1_connection.py", "app/application.py", "routing/table.py", "main.py", "pages/pages.py"]
    assert [name for name in dict.fromkeys(names) if name in passed] == passed
