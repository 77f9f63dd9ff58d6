"""The pictures of pages in the docs are made by scripts/screenshots.py, are small, and are shown."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).parents[2]
IMAGES = REPOSITORY / "docs" / "images"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
MOST_BYTES = 128 * 1024


@cache
def screenshots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", REPOSITORY / "scripts" / "screenshots.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["screenshots"] = module  # its dataclasses look for it
    spec.loader.exec_module(module)
    return module


def names() -> set[str]:
    return {f"{name}.webp" for picture in screenshots().PICTURES for name, _, _ in picture.files()}


def test_each_picture_has_been_taken() -> None:
    """The pictures in docs/images are those of the script's table: `make screenshots` takes them."""
    assert {file.name for file in IMAGES.glob("*.webp")} == names()
    assert list(IMAGES.glob("*.png")) == []


def test_each_picture_is_small() -> None:
    """No picture has more than 128 KiB."""
    assert [file.name for file in IMAGES.glob("*.webp") if file.stat().st_size > MOST_BYTES] == []


def test_each_picture_is_shown() -> None:
    """Each picture is on a page of the docs, beside the one of the other colour scheme."""
    text = "".join(page.read_text() for page in PAGES)
    assert {name for name in names() if f"images/{name}" not in text} == set()


def test_a_picture_is_taken_in_both_schemes_and_sizes() -> None:
    """A picture is four files, or two if it has none for a phone."""
    module = screenshots()
    files = [(name, width, dark) for name, (width, _), dark in module.Picture(name="a").files()]
    assert files == [("a", 1280, False), ("a-dark", 1280, True), ("a-phone", 390, False), ("a-phone-dark", 390, True)]
    assert [name for name, _, _ in module.Picture(name="a", phone=False).files()] == ["a", "a-dark"]
