"""Posted files: their names, and how they come to their place."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pictures import samples

from fanlight.errors import UnprocessableContent
from fanlight.message import temporary_files as files
from fanlight.message.media_types import BY_EXTENSION
from fanlight.message.temporary_files import open_unnamed
from fanlight.message.upload import Upload, last_segment, safe_extension, safe_name


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upload]:
    """Give a file that waits on the file system of `tmp_path`, as a big one does."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_unnamed() as file:
        file.write(b"content")
        file.flush()
        yield Upload("file", "a.txt", "text/plain", file, 7)


@pytest.fixture
def without_unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a system that has no files without a name."""
    monkeypatch.setattr(files, "_UNNAMED", 0)


def test_a_spooled_file_is_moved(spooled: Upload, tmp_path: Path) -> None:
    """Where the file waits on the same file system, it is the very same file that gets a name."""
    saved = spooled.save_to(tmp_path / "saved.txt")
    assert saved.read_bytes() == b"content"
    assert saved.stat().st_ino == os.fstat(spooled.file.fileno()).st_ino
    assert spooled.file.read() == b"content"
    assert names(tmp_path) == ["saved.txt"]


def test_a_second_save_is_a_file_of_its_own(spooled: Upload, tmp_path: Path) -> None:
    """Saving twice makes two files, not two names of one."""
    first, second = spooled.save_to(tmp_path / "1"), spooled.save_to(tmp_path / "2")
    assert first.stat().st_ino != second.stat().st_ino
    assert second.read_bytes() == b"content"


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_as_of_any_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int) -> None:
    """A saved file has the permissions of the umask, although the temporary one was private."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = os.umask(mask)
    try:
        with open_unnamed() as file:
            saved = Upload("file", "a", "", file, 0).save_to(tmp_path / "saved")
    finally:
        os.umask(before)
    assert saved.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.usefixtures("without_unnamed")
def test_it_is_copied_where_it_can_not_be_moved(spooled: Upload, tmp_path: Path) -> None:
    """Without files that have no name, the content is copied, under the same promises."""
    saved = spooled.save_to(tmp_path / "saved")
    assert saved.read_bytes() == b"content"
    with pytest.raises(FileExistsError):
        spooled.save_to(tmp_path / "saved")
    saved.write_bytes(b"other")
    spooled.save_to(saved, overwrite=True)
    assert saved.read_bytes() == b"content"
    assert names(tmp_path) == ["saved"]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_it_is_copied_to_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that waits elsewhere is copied, whole or not at all."""
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
    with open_unnamed() as file:
        file.write(b"a" * 3_000_000)
        saved = Upload("file", "a", "", file, 3_000_000).save_to(tmp_path / "saved")
        assert saved.stat().st_size == 3_000_000
        assert names(tmp_path) == ["saved"]


@pytest.mark.parametrize("is_unnamed", [True, False])
def test_nothing_is_overwritten(
    spooled: Upload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_unnamed: bool
) -> None:
    """An existing file is only overwritten on request, and nothing else is left in the folder."""
    if not is_unnamed:
        monkeypatch.setattr(files, "_UNNAMED", 0)
    (tmp_path / "there").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        spooled.save_to(tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"old"
    spooled.save_to(tmp_path / "there", overwrite=True)
    assert (tmp_path / "there").read_bytes() == b"content"
    assert names(tmp_path) == ["there"]


@pytest.mark.parametrize("is_unnamed", [True, False])
def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_unnamed: bool) -> None:
    """When there is no room half-way, there is no half of a file."""
    if not is_unnamed:
        monkeypatch.setattr(files, "_UNNAMED", 0)

    class Broken:
        def fileno(self) -> int:
            raise OSError("in memory")

        def seek(self, _: int) -> None:
            """Nothing to go back to."""

        def read(self, _: int) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Upload("file", "a", "", Broken(), 1).save_to(tmp_path / "saved")  # type: ignore[arg-type]  # nothing else of it is used
    assert names(tmp_path) == []


def test_a_folder_is_no_place_for_a_file(spooled: Upload, tmp_path: Path) -> None:
    """A path that is a folder, or in no folder, raises, whatever the client's file name is."""
    with pytest.raises(OSError, match=r"exists|directory"):
        spooled.save_to(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"mkdir\(exist_ok=True\): '.*nowhere'"):
        spooled.save_to(tmp_path / "nowhere" / "file")
    with pytest.raises(OSError, match=r"directory"):
        spooled.save_to(tmp_path, overwrite=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("sent", "safe"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\My photo.JPG", "My_photo.JPG"),
        (".htaccess", "htaccess"),
        ("..", "file"),
        ("", "file"),
        ("   ", "file"),
        ("grüezi mitenand.txt", "grüezi_mitenand.txt"),
        ("a\x00b\n.txt", "ab.txt"),
        ("x; rm -rf ~.sh", "x__rm_-rf.sh"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("<script>.html", "script.html"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("ﬁle…txt", "file.txt"),
    ],
)
def test_a_safe_name(sent: str, safe: str) -> None:
    """What a client calls its file becomes a name for any file system."""
    assert safe_name(sent) == safe


@given(st.text())
def test_a_safe_name_is_one_segment(sent: str) -> None:
    """Whatever is sent, the name is one segment, visible, short, and can be made safe again to the same."""
    name = safe_name(sent)
    assert name
    assert not set(name) & set('/\\:*?"<>|\0 \n')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 255
    assert Path(name).name == name


@given(st.text())
def test_the_last_segment_is_no_path(sent: str) -> None:
    """The name that a view sees has no folders and nothing that can't be printed."""
    name = last_segment(sent)
    assert "/" not in name
    assert "\\" not in name
    assert name.isprintable()
    assert len(name.encode()) <= 255


def upload(filename: str, content: bytes, media_type: str = "text/html") -> Upload:
    return Upload("file", filename, media_type, BytesIO(content), len(content))


def test_an_image_is_examined_when_it_is_asked_for() -> None:
    """Then its type and its extension are those of the content; before, those that the client claims."""
    file = upload("page.html", samples()["png"])
    assert (file.media_type, file.safe_name) == ("text/html", "page.html")
    assert (file.image.format, file.image.width, file.image.height) == ("png", 50, 40)
    assert (file.media_type, file.safe_name, file.filename) == ("image/png", "page.png", "page.html")
    assert file.file.read() == samples()["png"]


def test_a_file_that_is_no_image_has_no_facts() -> None:
    """They raise the error of a bad field, and the claims stay what they are."""
    file = upload("a.png", b"<script>", "image/png")
    with pytest.raises(UnprocessableContent) as caught:
        file.image
    assert [(each.name, each.message) for each in caught.value.fields] == [("file", "is no image")]
    assert (file.find_image(), file.media_type, file.safe_name) == (None, "image/png", "a.png")


@pytest.mark.parametrize(
    ("filename", "content", "extension"),
    [
        ("a.html", samples()["gif"], ".gif"),
        ("a.jpeg", samples()["jpeg"], ".jpg"),
        ("noname", samples()["webp"], ".webp"),
        ("report.PDF", b"%PDF-1.7", ".pdf"),
        ("../../x.tar.gz", b"x", ".gz"),
        ("film.mp4", b"x", ".mp4"),
        ("a.png", b"<script>", ""),
        ("a.html", b"<script>", ""),
        ("a.svg", b"<svg/>", ""),
        ("a.php", b"<?php", ""),
        ("a.py", b"x", ""),
        ("png", b"x", ""),
        ("", b"x", ""),
        (".htaccess", b"x", ""),
    ],
)
def test_a_file_is_saved_under_a_name_of_its_own(tmp_path: Path, filename: str, content: bytes, extension: str) -> None:
    """The client chooses nothing of it but a harmless extension; two files never have the same name."""
    first, second = upload(filename, content).save_in(tmp_path), upload(filename, content).save_in(str(tmp_path))
    for saved in (first, second):
        assert saved.parent == tmp_path
        assert re.fullmatch(rf"[0-9a-f]{{32}}{re.escape(extension)}", saved.name)
        assert saved.read_bytes() == content
    assert first != second
    with pytest.raises(FileNotFoundError, match="no such folder"):
        upload(filename, content).save_in(tmp_path / "nowhere")


RUN_BY_BROWSERS = "html htm xhtml xht svg xml xsl xslt xsd atom rss js mjs cjs css wasm webmanifest jar gpx kml".split()


@pytest.mark.parametrize("extension", RUN_BY_BROWSERS)
def test_a_file_that_a_browser_would_run_has_no_extension(extension: str) -> None:
    """Scripts, styles and markup of every kind, in any case, behind any name."""
    assert extension in BY_EXTENSION
    for name in (f"a.{extension}", f"a.png.{extension.upper()}", f"../{extension}.{extension} "):
        assert safe_extension(name) == ""


@given(st.one_of(st.text(), st.sampled_from(list(BY_EXTENSION)).flatmap(lambda each: st.just(f"a.{each}"))))
def test_an_extension_is_a_known_one(filename: str) -> None:
    """Whatever is sent: none, or one of the table."""
    extension = safe_extension(filename)
    assert extension == "" or BY_EXTENSION[extension.removeprefix(".")]
