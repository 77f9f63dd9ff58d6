"""What a worker of `fanlight dev` knows about the development server that it belongs to.

In: what the parent process has sent. Out: one frozen object, which the parts of `devtools` are made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREFIX = "/__fanlight__"  # of the URLs of the tools
EXCHANGES_NAME = "exchanges.sqlite"  # of the file of the recorded exchanges, in the folder of the parent


@dataclass(frozen=True, slots=True, kw_only=True)
class DevContext:
    """The facts of one worker."""

    folder: Path  # a temporary folder of the parent: it outlives each worker, and is deleted at the end
    generation: int  # 1 for the first code that was loaded, then one more for each reload


def is_for_tools(path: str) -> bool:
    """Return whether the path of a request is that of the tools, and not of the site."""
    return path.startswith(PREFIX) and path[len(PREFIX) :][:1] in ("", "/")
