"""`Hosts`: an app with a table of URLs for each of its hosts.

    App(Hosts({
        "example.org": URLS,
        "www.example.org": redirect("https://example.org"),    # path and query of the request follow
        "{user}.example.org": USER_URLS,                       # its views may take `user`
    }))

In: a dict. Out: the same, marked. What its keys mean is in `routing/host_pattern.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Hosts(Struct, frozen=True, eq=False):
    """A table of URLs for each host of an app: `App(Hosts({"example.org": URLS, "{user}.example.org": USER_URLS}))`.

    A value is a table, or a redirect to another host, which keeps path and query where it names none. A request for any
    other host gets 421.
    """

    tables: Mapping[str, object]
