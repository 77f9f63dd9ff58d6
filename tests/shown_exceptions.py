"""Whether a log, or what a program has printed, shows an exception: in Python's form, or in Fanlight's own.

In: text. Out: a yes or a no, for tests that say that nothing has gone wrong.
"""

from __future__ import annotations

import re

_shown = re.compile(
    r"^\s*Traceback \(most recent call last\)"  # Python's
    r"|^\s+\d+ frames? of \w"  # frames of libraries, folded
    r"|^\s+[\w./<>-]+:\d+(?: in \S.*)?$",  # a frame of a site
    re.MULTILINE,
).search


def shows_exception(text: str | bytes) -> bool:
    """Return whether an exception is shown."""
    return _shown(text if isinstance(text, str) else text.decode(errors="replace")) is not None
