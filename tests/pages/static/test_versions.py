"""A file is hashed once, however many requests need it at the same time."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight.pages.static import versions
from fanlight.pages.static.file_cache import FileCache
from fanlight.pages.static.folder import StaticFolder
from fanlight.pages.static.versions import SMALL_BYTES, STABLE_SECONDS


def test_a_big_file_is_hashed_once_for_all_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten threads that want the hash of a file, which none has read yet, have it read by one of them."""
    (tmp_path / "big.bin").write_bytes(b"x" * (SMALL_BYTES + 1))
    folder, known = StaticFolder(tmp_path), FileCache(2**20)
    later = time.time() + 2 * STABLE_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    hashed: list[int] = []
    all_ask = threading.Barrier(10)
    real: Callable[[int], str] = versions._hash_of

    def counted(descriptor: int) -> str:
        hashed.append(descriptor)
        time.sleep(0.05)  # so that the others come while it reads
        return real(descriptor)

    monkeypatch.setattr(versions, "_hash_of", counted)

    def ask() -> str:
        opened = folder.open(["big.bin"])
        try:
            all_ask.wait(PATIENCE)
            return known.version(opened).hash_of(opened.descriptor)
        finally:
            os.close(opened.descriptor)

    with ThreadPoolExecutor(10) as pool:
        found = [each.result() for each in [pool.submit(ask) for _ in range(10)]]
    assert len(set(found)) == 1
    assert len(hashed) == 1
