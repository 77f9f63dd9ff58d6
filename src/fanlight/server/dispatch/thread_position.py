"""The file and line that a thread executes just now."""

from __future__ import annotations

import asyncio
import sys
from types import FrameType


def thread_position(thread_id: int) -> str:
    """Return where another thread is: "file:line in function", "?" if it has ended."""
    return frame_position(sys._current_frames().get(thread_id))  # noqa: SLF001 - the documented way to see another thread


def frame_position(frame: FrameType | None) -> str:
    """Return "file:line in function" of the innermost frame that is not the standard library's."""
    best = frame
    stdlib = asyncio.__file__.rpartition("asyncio")[0]
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((stdlib, "<frozen")) or "site-packages" in name:
            best = frame
            break
        frame = frame.f_back
    return f"{best.f_code.co_filename}:{best.f_lineno} in {best.f_code.co_name}" if best is not None else "?"
