"""What was read of a SQLite file, as long as nothing was written to it since.

In: the connection that reads, and keys. Out: their values, without a search in the file, if they are known. SQLite
counts for each connection the changes that others have committed (`PRAGMA data_version`), those of other processes too:
as long as the count is the same, what was read before is still what the file has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

MAX_KEYS = 4096  # that are remembered
_NEVER = 2**63  # when the value of a key that has none expires

Found = dict[str, tuple[bytes | None, int]]


class KnownReads:
    """The values that one connection has read; for one thread at a time."""

    def __init__(self) -> None:
        self._database: sqlite3.Connection | None = None
        self._version = -1
        self._found: Found = {}

    def find(self, database: sqlite3.Connection, keys: Sequence[str], now: int) -> list[bytes | None] | None:
        """Return the values of keys at a time in microseconds, None if one of them is not known."""
        version = database.execute("PRAGMA data_version").fetchone()[0]
        # Another connection is one to a file that was opened again, and has a count of its own.
        if version != self._version or database is not self._database:
            self._database, self._version, self._found = database, version, {}
            return None
        values: list[bytes | None] = []
        for key in keys:
            known = self._found.get(key)
            if known is None:
                return None
            values.append(known[0] if known[1] > now else None)
        return values

    def keep(self, keys: Sequence[str], rows: Iterable[tuple[str, bytes, int]]) -> list[bytes | None]:
        """Return the values of keys, of which these rows were read after `find`, and remember them."""
        found: Found = dict.fromkeys(keys, (None, _NEVER))
        values = {key: (value, expires) for key, value, expires in rows}
        if len(self._found) + len(found) > MAX_KEYS:
            self._found.clear()
        self._found |= found | values
        return [values[key][0] if key in values else None for key in keys]
