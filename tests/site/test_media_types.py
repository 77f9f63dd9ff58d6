"""One table of media types, whatever sends a file."""

from __future__ import annotations

from pathlib import Path

import pytest

import fanlight
from fanlight import Static, Upload, render
from fanlight.app.application import Application
from fanlight.message.file_response import file_response
from fanlight.message.media_types import media_type_by_name
from fanlight.testing import Client


@pytest.mark.parametrize(
    "ending",
    ["html", "rss", "atom", "xml", "svg", "md", "csv", "ics", "yaml", "json", "js", "css", "txt", "toml", "vcf"],
)
def test_a_media_type_is_the_same_wherever_it_comes_from(tmp_path: Path, ending: str) -> None:
    """A template, a static file, a download and a file of a test client have the media type of one table."""
    name = f"a.{ending}"
    for folder in ("templates", "static"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("x")
    file = tmp_path / "static" / name
    (tmp_path / "unnamed").write_text("x")
    urls = {
        "/template": lambda: render(name),
        "/static": Static("static"),
        "/path": lambda: file,
        "/download": lambda: file_response(file, download_as="b.bin"),
        "/renamed": lambda: file_response(tmp_path / "unnamed", download_as=name),
        "POST /upload": lambda a: a.media_type,
    }
    urls["POST /upload"].__annotations__["a"] = Upload
    with Client(Application(urls, folder=tmp_path)) as client:
        paths = ("/template", f"/static/{name}", "/path", "/download", "/renamed")
        kinds = {client.get(path).headers["content-type"] for path in paths}
        assert kinds == {media_type_by_name(name)}
        assert client.post("/upload", files={"a": file}).text == kinds.pop().partition(";")[0]


def test_no_table_of_the_system_is_read() -> None:
    """No module of Fanlight reads the system's media types, which differ from machine to machine."""
    for file in Path(fanlight.__file__).parent.rglob("*.py"):
        assert "import mimetypes" not in file.read_text(), file
