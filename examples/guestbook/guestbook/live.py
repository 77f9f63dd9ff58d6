"""Pages that follow the book, whichever process changes it: one query a second, however many pages are open.

An event says only that something is new; live.js then fetches the page with what its visitor may see and do.
"""

import asyncio
import logging

from fanlight import Event, EventStream, Header, State

from .database import Connection

VERSION = "select coalesce(max(id), 0) as newest, count(*) as count from entries"


class News:
    def __init__(self, connect):
        self.version = ""  # another text after each change
        self._connect = connect
        self._changed = asyncio.Condition()

    async def watch(self):
        while True:
            try:
                await self.look()
            except Exception:
                logging.getLogger(__name__).exception("the database does not say what is new")
            await asyncio.sleep(1)

    async def look(self):
        self.version = await asyncio.to_thread(self._read)
        async with self._changed:
            self._changed.notify_all()

    def _read(self):
        with self._connect() as connection:
            return "{newest}.{count}".format(**Connection(connection).row(dict, VERSION))

    async def changes(self, seen):
        while True:
            async with self._changed:
                while self.version == seen:
                    await self._changed.wait()
                seen = self.version
            yield Event(seen, id=seen)


def live(state: State, seen: str = "", last_event_id: Header[str] = ""):
    return EventStream(state["news"].changes(last_event_id or seen))
