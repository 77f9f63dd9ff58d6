"""Choose what reads heads: the optional package `fanlight-speed`, or Python alone.

Out: `read_plain_head`, which returns a `PlainHead` or None, and is None itself without the package; and `READER`, which
says so to people. The package refuses nothing: each head that it does not return is read by `request_line.py` and
`header_fields.py`, which read every plain head in the same way.

The choice is made once, when Fanlight is imported. `FANLIGHT_SPEED=off` in the environment turns the package off. One
that was made for another version of Fanlight is not used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanlight.wire.http1.plain_head import PlainHead

VARIABLE = "FANLIGHT_SPEED"
PACKAGE = "fanlight-speed"
INTERFACE = 2  # of the package, as `plain_head.py` and the access log use it

# Of received bytes, a position in them, and the most bytes and fields that a head may have.
ReadPlainHead = Callable[[bytes | bytearray, int, int, int], "PlainHead | None"]


def choose(environ: Mapping[str, str]) -> tuple[ReadPlainHead | None, str, str]:
    """Return the reader of plain heads, what reads heads, and why an installed package is not used ("" if it is)."""
    if environ.get(VARIABLE, "").strip().lower() == "off":
        return None, f"Python ({VARIABLE} is off)", ""
    try:
        import fanlight_speed  # noqa: PLC0415 - an optional package
    except ModuleNotFoundError:
        return None, "Python", ""
    except ImportError as error:  # it was built for another system or another Python, or not compiled at all
        return None, "Python", f"{PACKAGE} is not used, as it can't be loaded: {error}"
    if fanlight_speed.INTERFACE != INTERFACE:
        return None, "Python", f"{PACKAGE} is not used, as it belongs to another version of fanlight; install its own"

    from fanlight.wire.http1.plain_head import PlainHead  # noqa: PLC0415 - it needs the package

    return PlainHead.read, PACKAGE, ""


read_plain_head, READER, UNUSED_REASON = choose(os.environ)
