"""What to write instead of a call that blocks the event loop.

In: where a thread was, "file:line in function". Out: advice in words, which names the call if its line of source has
one that is known to block. Reads the file, once it is known that something blocks.
"""

from __future__ import annotations

import linecache
import re

from fanlight.lazy_pattern import lazy_pattern

ADVICE = "await something there, or make the view a plain `def`"
_INSTEAD = (
    (r"(?<!asyncio\.)\bsleep", "await asyncio.sleep(...)"),
    (r"\brequests\.\w+|\burllib\.request\.\w+|\burlopen|\bhttpx\.(?:get|post|put|patch|delete|request)", ""),
    (r"\bsubprocess\.\w+|\bos\.system", "await asyncio.create_subprocess_exec(...)"),
    (r"\binput", ""),
    (r"\.(?:execute|executemany|executescript|fetchall|fetchone|commit)", ""),
    (r"\bopen|\.(?:read_text|read_bytes|write_text|write_bytes)", ""),
)
_CALLS = [(lazy_pattern(rf"({pattern})\("), instead) for pattern, instead in _INSTEAD]


def advice_for(position: str) -> str:
    """Return what to write instead of the call at a position."""
    place = position.rpartition(" in ")[0]
    file, _, line = place.rpartition(":")
    source = linecache.getline(file, int(line)) if file else ""
    for is_call, instead in _CALLS:
        if found := is_call.search(source):
            written = f"`{instead}`" if instead else "`await asyncio.to_thread(...)` around it"
            return f"`{_name_in(source, found)}` blocks: write {written}, or make the view a plain `def`"
    return ADVICE


def _name_in(source: str, found: re.Match[str]) -> str:
    """Return the whole dotted name that is called: "time.sleep"."""
    before = re.search(r"[\w.]*\Z", source[: found.start(1)])
    return f"{before[0] if before is not None else ''}{found[1]}".lstrip(".")[:100]
