"""Make the bus of a site, as its settings say: within the process, by the supervisor of workers, or by a Redis.

In: the setting `bus`, and in a worker how to link to its supervisor. Out: a bus. Refuses, as InvalidSetting, a Redis
without its package, or with certificates that can't be read. A bus is made when the first topic is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from fanlight.errors import InvalidSetting
from fanlight.settings.store_url import read_bus_url
from fanlight.topics.bus import Bus, Link
from fanlight.topics.local_link import LocalLink

MakeLink = Callable[[Bus], Link]


def open_bus(loop: asyncio.AbstractEventLoop, url: str, relay: MakeLink | None) -> Bus:
    """Return the bus of a site; in any thread. `relay` links it to the supervisor of this worker."""
    if not url:
        return Bus(loop, relay or LocalLink)
    from fanlight.topics.redis_link import RedisLink  # noqa: PLC0415 - loads the package

    parts = read_bus_url(url)
    return Bus(loop, lambda bus: RedisLink(bus, parts.text, parts.shown))


def prepare(url: str) -> None:
    """Load and check what a bus needs, for a site that has topics: no request waits for it. Raises InvalidSetting."""
    if url:
        if find_spec("redis") is None:
            raise InvalidSetting("a bus redis://... needs another package: pip install 'fanlight[redis]'")
        import_module("fanlight.topics.redis_link")
        from fanlight.topics.redis_pipe import RedisAddress  # noqa: PLC0415 - loads the package

        parts = read_bus_url(url)
        RedisAddress(parts.text, parts.shown).check()
