"""Images that are none, or that are more than they seem, by class of flaw."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from tests.speed import seconds

from fanlight import App, Image, Static, Upload
from fanlight.testing import Client

PAGE = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Give a client of a site that takes pictures and serves them."""
    (tmp_path / "pictures").mkdir()

    def save(picture: Annotated[Upload, Image()]) -> str:
        return picture.save_in(tmp_path / "pictures").name

    urls = {"POST /": save, "/pictures": Static("pictures", uploads=True)}
    (tmp_path / "main.py").write_text("")
    with Client(App(urls, file=tmp_path / "main.py")) as client:
        yield client


def png(width: int, height: int, rest: bytes = b"") -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + rest


def test_a_page_behind_the_header_of_an_image(client: Client) -> None:
    """It is stored and served as the image that its header announces, under no name of its sender's choice."""
    name = client.post("/", files={"picture": ("page.html", png(9, 9, PAGE), "text/html")}).text
    assert name.endswith(".png")
    served = client.get(f"/pictures/{name}")
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]


def test_a_small_image_of_many_pixels(client: Client) -> None:
    """It is refused by its size, and not one pixel is decoded: the memory stays what it was."""
    content = png(60_000, 60_000, zlib.compress(bytes(10_000_000)))
    tracemalloc.start()
    try:
        response = client.post("/", files={"picture": ("a.png", content)})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.status, "60,000 by 60,000 pixels" in response.text) == (422, True)
    assert peak < 10_000_000


def test_an_image_whose_size_is_never_found(client: Client) -> None:
    """The search for it ends after a number of steps, and not at the end of the file."""
    content = b"\xff\xd8" + b"\xff\xe0\0\2" * 2_000_000
    started = time.process_time()
    assert client.post("/", files={"picture": ("a.jpg", content)}).status == 422
    assert time.process_time() - started < seconds(1)
