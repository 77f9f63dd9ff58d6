"""Begin the bus of a site that is about to be served, for its topics.

In: the setting `bus`, and in a worker how to link to its supervisor. Out: the place of the bus, which is made when the
first topic is used. Of a site that has imported `Topic`, what the bus needs is loaded now; of any other, nothing is.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from fanlight.message.site_bus import SiteBus

TOPICS = "fanlight.topics.topic"  # the module of `Topic`


def begin_bus(url: str, relay: Callable[[Any], Any] | None = None) -> SiteBus:
    """Return the place of a new bus, which belongs to this context from now on; in the loop that serves the site.

    Raises InvalidSetting.
    """
    loop = asyncio.get_running_loop()

    def make() -> Any:
        from fanlight.topics.open_bus import open_bus  # noqa: PLC0415 - for a site with topics

        return open_bus(loop, url, relay)

    if TOPICS in sys.modules:
        from fanlight.topics.open_bus import prepare  # noqa: PLC0415 - as above

        prepare(url)
    bus = SiteBus(loop, make)
    bus.begin()
    return bus
