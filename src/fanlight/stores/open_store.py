"""Make the store that a URL names.

In: the URL, as the setting `store` has it. Out: a guarded store, which opens what it needs when it is first used; and
`check_store`, which finds before the port opens what would keep it from working. Refuses, as InvalidSetting, a URL that
is none, and Redis without its package.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fanlight.errors import InvalidSetting, StoreUnavailable
from fanlight.settings.store_url import StoreURL, read_store_url
from fanlight.stores.guarded_store import GuardedStore
from fanlight.stores.store import Store


def open_store(url: str) -> GuardedStore:
    """Return the store of a URL: "sqlite:PATH", "redis://...", "memory:". Raises InvalidSetting."""
    parts = read_store_url(url)
    return GuardedStore(_store(parts), parts.shown)


def check_store(url: str) -> None:
    """Refuse, as InvalidSetting, a SQLite file that can't be used. A Redis may come up later."""
    parts = read_store_url(url)
    if parts.kind != "sqlite":
        return
    store = _store(parts)
    try:
        store.delete("check:")  # writes, so that a read-only disk is found
    except StoreUnavailable as error:
        raise InvalidSetting(f"the store can't be used: {error.reason}") from None
    finally:
        store.close()


def _store(parts: StoreURL) -> Store:
    match parts.kind:
        case "memory":
            from fanlight.stores.memory_store import MemoryStore  # noqa: PLC0415 - only the one that is used

            return MemoryStore()
        case "sqlite":
            from fanlight.stores.sqlite_store import SQLiteStore  # noqa: PLC0415 - as above

            return SQLiteStore(Path(parts.text))
        case "redis":
            if find_spec("redis") is None:
                raise InvalidSetting("a store redis://... needs another package: pip install 'fanlight[redis]'")
            from fanlight.stores.redis_store import RedisStore  # noqa: PLC0415 - as above

            return RedisStore(parts.text, parts.shown)
