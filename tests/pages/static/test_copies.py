"""Compressed copies that the site makes by itself."""

from __future__ import annotations

import errno
import gzip
import logging
import os
import stat
from pathlib import Path

import pytest

from fanlight.compression.codecs import CODECS
from fanlight.pages.static import copies as copies_module
from fanlight.pages.static.compressors import compressors
from fanlight.pages.static.copies import CompressedCopies
from fanlight.pages.static.folder import StaticFolder

TEXT = b"body { color: teal }\n" * 500


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with what is worth compressing, and what is not."""
    root = tmp_path / "static"
    (root / "css").mkdir(parents=True)
    (root / "css" / "app.css").write_bytes(TEXT)
    (root / "small.css").write_bytes(b"a {}")
    (root / "photo.jpg").write_bytes(TEXT)
    (root / "noise.txt").write_bytes(os.urandom(5000))
    (root / ".hidden.css").write_bytes(TEXT)
    (root / "linked.css").symlink_to("css/app.css")
    os.utime(root / "css" / "app.css", ns=(10**18, 10**18 + 1))
    return root


def made(root: Path) -> list[str]:
    return sorted(
        each.relative_to(root).as_posix() for each in root.rglob("*") if each.suffix in (".gz", ".br", ".zst")
    )


def test_a_copy_is_made_of_what_becomes_smaller(root: Path) -> None:
    """Beside its file, with its time to the nanosecond and its rights; small files, pictures and noise have none."""
    (root / "css" / "app.css").chmod(0o640)
    CompressedCopies(StaticFolder(root)).make()
    endings = {"gzip": ".gz", "br": ".br", "zstd": ".zst"}
    assert made(root) == sorted(f"css/app.css{endings[coding]}" for coding in compressors())
    copy = root / "css" / "app.css.gz"
    assert gzip.decompress(copy.read_bytes()) == TEXT
    assert copy.stat().st_mtime_ns == (root / "css" / "app.css").stat().st_mtime_ns
    assert stat.S_IMODE(copy.stat().st_mode) == 0o640


def test_a_copy_that_is_there_is_left_alone(root: Path) -> None:
    """One made by hand, better than ours, stays; one that is older than its file is made anew."""
    CompressedCopies(StaticFolder(root)).make()
    copy = root / "css" / "app.css.gz"
    copy.write_bytes(b"by hand")
    CompressedCopies(StaticFolder(root)).make()
    assert copy.read_bytes() == b"by hand"
    os.utime(copy, ns=(0, 10**18))
    CompressedCopies(StaticFolder(root)).make()
    assert gzip.decompress(copy.read_bytes()) == TEXT


def test_a_single_file_gets_its_own_copies_only(root: Path) -> None:
    """What stands beside it is somebody else's."""
    (root / "other.css").write_bytes(TEXT)
    CompressedCopies(StaticFolder(root), "other.css").make()
    assert set(made(root)) == {f"other.css{each}" for each in (".gz", ".br", ".zst")} & set(made(root))
    assert "other.css.gz" in made(root)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_can_not_be_written_gets_one_line(
    root: Path, number: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no reason not to serve, and nothing is left behind."""
    (root / "more.css").write_bytes(TEXT)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(copies_module, "_write", refuse)
    with caplog.at_level(logging.WARNING):
        CompressedCopies(StaticFolder(root)).make()
    (line,) = caplog.messages
    assert os.strerror(number) in line
    assert "served as they are" in line
    assert made(root) == []


def test_a_copy_is_there_whole_or_not_at_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails half-way leaves neither a copy nor a scrap."""
    before = sorted((root / "css").iterdir())

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "utime", refuse)
    CompressedCopies(StaticFolder(root)).make()
    assert sorted((root / "css").iterdir()) == before


def test_one_process_makes_the_copies(root: Path) -> None:
    """While another one holds the folder, nothing is made twice; what it leaves is made at the next start."""
    with copies_module._alone_in(str(root)) as is_alone:
        assert is_alone
        CompressedCopies(StaticFolder(root)).make()
        assert made(root) == []
    CompressedCopies(StaticFolder(root)).make()
    assert made(root)


def test_the_thread_ends_with_the_site(root: Path) -> None:
    """`stop` waits for the file at work, and no other one is begun."""
    copies = CompressedCopies(StaticFolder(root))
    copies.start()
    copies.stop()
    assert copies._thread is not None
    assert not copies._thread.is_alive()


def test_python_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the libraries of br and zstd there is gzip."""
    for coding in ("br", "zstd"):
        monkeypatch.delitem(CODECS, coding)
    assert list(compressors()) == ["gzip"]
