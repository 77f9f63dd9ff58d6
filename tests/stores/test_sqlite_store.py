"""A store in a SQLite file: its permissions, and what happens when the file can't be used."""

from __future__ import annotations

import os
from pathlib import Path

from fanlight.stores.sqlite_store import SQLiteStore


def test_no_other_user_can_read_the_file(tmp_path: Path) -> None:
    """The file, its log and its index have mode 0600, whatever the umask is."""
    before = os.umask(0)
    try:
        store = SQLiteStore(tmp_path / "store.sqlite")
        store.set("a", b"1", 10)
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"], 0o600)
    store.close()
    assert [each.name for each in tmp_path.iterdir()] == ["store.sqlite"]
