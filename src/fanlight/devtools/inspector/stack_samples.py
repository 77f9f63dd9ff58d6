"""Where a call is that has not ended for a while: a sample of its stack.

In: the run of a call, from another thread. Out: lines, the innermost first: "views.py:12 in save", each with its source
below. A plain view has the frames of its thread. An async one has those of the event loop's thread while it runs there,
and otherwise the line at which it waits. "" where the thread does something else by now.
"""

from __future__ import annotations

import asyncio
import linecache
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from fanlight.devtools.inspector.recording_limits import MAX_STACK_FRAMES

if TYPE_CHECKING:
    from fanlight.devtools.inspector.recording import CallRun

_OURS = str(Path(__file__).parents[2]) + os.sep  # frames of Fanlight itself are left out
_AWAITS = ("cr_await", "gi_yieldfrom", "ag_await")
_BOTTOM = ("recorded_handler.py", "stream_writers.py")  # the call begins above the frames of these files


def stack_of(run: CallRun, folder: Path | None) -> str:
    """Return where a call is now, "" if that can't be seen."""
    task = run.task
    frames: Sequence[FrameType] = ()
    if task is None or is_running(task):
        frame = sys._current_frames().get(run.thread_id)  # noqa: SLF001 - the documented way to see another thread
        frames = list(_frames_above_handler(frame))
    elif not task.done():
        frames = list(_frames_of_coroutine(task.get_coro()))
    # All of their lines at once: the call goes on while files are read.
    places = [(each.f_code, each.f_lineno) for each in frames]
    places = [each for each in places if not each[0].co_filename.startswith(_OURS)]
    return "\n".join(_line(*each, folder) for each in places[:MAX_STACK_FRAMES])


def is_running(task: asyncio.Task[Any]) -> bool:
    """Return whether the event loop executes a task just now; seen from another thread."""
    return asyncio.current_task(task.get_loop()) is task


def _frames_of_coroutine(coroutine: Any) -> Iterator[FrameType]:
    """Yield the frames of a coroutine that waits, the innermost first, down to where the call began."""
    frames: list[FrameType] = []
    while coroutine is not None and len(frames) < 10 * MAX_STACK_FRAMES:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        frame = frame or getattr(coroutine, "ag_frame", None)
        if frame is None:
            break
        frames.append(frame)
        coroutine = next((each for name in _AWAITS if (each := getattr(coroutine, name, None)) is not None), None)
    for each in reversed(frames):
        if each.f_code.co_filename.endswith(_BOTTOM):
            return
        yield each


def _frames_above_handler(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames of a thread down to where the call began; nothing if it is in no call."""
    frames: list[FrameType] = []
    while frame is not None:
        if frame.f_code.co_filename.endswith(_BOTTOM):
            yield from frames
            return
        frames.append(frame)
        frame = frame.f_back


def _line(code: CodeType, number: int, folder: Path | None) -> str:
    file = code.co_filename
    path = Path(file)
    shown = path.relative_to(folder).as_posix() if folder is not None and path.is_relative_to(folder) else file
    source = linecache.getline(file, number).strip()
    where = f"{shown}:{number} in {code.co_name}"
    return f"{where}\n    {source}" if source else where
