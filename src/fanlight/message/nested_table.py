"""A nested table of URLS with a name, or with errors in JSON.

    URLS = {
        "/shop": table(SHOP, name="shop"),               url_for("shop:index")
        "/api": table({"/cats": cats}, json_errors=True),
    }

In: a dict, or one that has marks. Out: it, with what was given. How names are found is in `routing/reverse.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from fanlight.message.part import Part
from fanlight.message.route_marks import Marked


class NestedTable(Struct, frozen=True):
    """A table of URLS with its settings; it is not a mapping, so that `{**table}` can't lose them."""

    inner: object
    name: str
    json_errors: bool


def table(
    urls: Mapping[str, Any] | Marked | NestedTable | Part, *, name: str = "", json_errors: bool = False
) -> NestedTable:
    """Return a nested table of URLS with a name, for `url_for("name:view")`, or with errors in JSON.

    With `json_errors` every error at its address and below is `application/problem+json`, except for clients that name
    text/html in `Accept`. Tables inside inherit it; their names follow: "admin:shop:index".
    """
    return NestedTable(urls, name, json_errors)
