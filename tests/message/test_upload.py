"""Posted files: their names, and how they come to their place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.message import temporary_files as files
from fanlight.message.temporary_files import open_unnamed
from fanlight.message.upload import Upload, last_segment, safe_name


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
    with pytest.raises(FileNotFoundError):
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
