"""What a worker of `fanlight dev` knows about the development server that it belongs to.

In: what the parent process has sent. Out: one frozen object, which the parts of `devtools` are made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREFIX = "/__fanlight__"  # of the URLs of the tools


@dataclass(frozen=True, slots=True, kw_only=True)
class DevContext:
    """The facts of one worker."""

    folder: Path  # a temporary folder of the parent: it outlives each worker, and is deleted at the end
    generation: int  # 1 for the first code that was loaded, then one more for each reload
