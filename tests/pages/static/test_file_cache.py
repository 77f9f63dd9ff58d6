"""What is kept of files: bounded in bytes, what is requested again stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fanlight.pages.static.file_cache import FILE_BYTES, FileCache
from fanlight.pages.static.folder import StaticFolder
from fanlight.pages.static.representation import Representation, Resource
from fanlight.pages.static.versions import STABLE_SECONDS, Version

FIELDS = (("etag", '"a"'),)
Keep = Callable[[FileCache, str, int], Resource]


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Return a function that writes a file of a size, and has a cache keep it under its name."""
    later = time.time() + 2 * STABLE_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    folder = StaticFolder(tmp_path)

    def keep_file(cache: FileCache, name: str, size: int) -> Resource:
        (tmp_path / name).write_bytes(b"x" * size)
        opened = folder.open([name])
        try:
            version = cache.version(opened)
        finally:
            os.close(opened.descriptor)
        resource = Resource(0.0, Representation(version, "image/png", FIELDS, version.content), {}, None)
        cache.keep(name, resource)
        return resource

    return keep_file


def test_no_more_is_kept_than_the_limit(keep: Keep) -> None:
    """However many files are requested, they stay within the limit, and use it."""
    cache = FileCache(10 * (FILE_BYTES + 1000))
    for number in range(50):
        keep(cache, f"file-{number}", 1000)
        assert cache.bytes_in_memory == len(cache) * (FILE_BYTES + 1000)
    assert len(cache) == 10


def test_what_is_requested_again_and_again_stays(keep: Keep) -> None:
    """Files that are requested once do not displace one that is requested all the time."""
    cache = FileCache(10_000)
    favourite = keep(cache, "favourite", 1000)
    for number in range(50):
        keep(cache, f"file-{number}", 1000)
        assert cache.resource("favourite") is favourite
    assert cache.resource("file-0") is None


def test_a_file_more_than_there_is_room_for_costs_little(keep: Keep) -> None:
    """Files that are requested in turn do not displace each other just before their turn."""
    cache = FileCache(20 * FILE_BYTES)
    hits = 0
    for turn in range(200):
        name = f"file-{turn % 22}"
        if cache.resource(name) is None:
            keep(cache, name, 0)
        elif turn >= 100:
            hits += 1
    assert hits > 75


def test_a_big_file_makes_as_much_room_as_it_needs(keep: Keep) -> None:
    """It takes the place of several small ones."""
    cache = FileCache(10 * FILE_BYTES)
    for number in range(10):
        keep(cache, f"file-{number}", 0)
    keep(cache, "big", 3 * FILE_BYTES)
    assert cache.resource("big") is not None
    assert len(cache) == 7
    assert cache.bytes_in_memory == 10 * FILE_BYTES


def test_a_resource_goes_with_any_of_its_files(keep: Keep) -> None:
    """What has a side file is found again when that is no longer kept, and both go on as long as it is requested."""
    cache = FileCache(4 * FILE_BYTES)
    plain, side = (keep(cache, name, 0).plain for name in ("file", "file.br"))
    both = Resource(0.0, plain, {"br": side}, None)
    cache.keep("file", both)
    for number in range(20):
        assert cache.resource("file") is both
        keep(cache, f"other-{number}", 0)
    for number in range(20):
        keep(cache, f"another-{number}", 0)
    assert cache.resource("file") is None


def test_a_file_takes_memory_beside_its_content(keep: Keep) -> None:
    """Also empty files are counted."""
    cache = FileCache(10 * FILE_BYTES)
    for number in range(40):
        keep(cache, f"file-{number}", 0)
    assert len(cache) == 10


def test_a_file_over_the_limit_is_not_kept(keep: Keep) -> None:
    """With a limit of nothing no content is kept."""
    cache = FileCache(0)
    keep(cache, "file", 1)
    assert cache.resource("file") is None
    assert cache.bytes_in_memory == 0


def test_compressed_forms_count(keep: Keep) -> None:
    """Content that is compressed in memory is within the limit, too."""
    cache = FileCache(10_000)
    version = keep(cache, "file", 1000).plain.version
    cache.add_compressed(version, "gzip", b"y" * 300)
    assert cache.bytes_in_memory == FILE_BYTES + 1300
    other = keep(cache, "other", 1000).plain.version
    cache.add_compressed(other, "gzip", b"y" * 10_000)
    assert (len(cache), cache.bytes_in_memory) == (0, 0)


def test_there_is_one_version_of_a_file(keep: Keep, tmp_path: Path) -> None:
    """A file is read once, under however many URLs it is served; a changed one is read again."""
    cache = FileCache(10_000)
    version = keep(cache, "file", 10).plain.version

    def version_now() -> Version:
        opened = StaticFolder(tmp_path).open(["file"])
        try:
            return cache.version(opened)
        finally:
            os.close(opened.descriptor)

    assert version_now() is version
    (tmp_path / "file").write_bytes(b"new")
    assert version_now().content == b"new"
