"""What a thread does: the line it executes, how long it slept, how long it waited for the processor.

`thread_position` and `frame_position` name a line. Two moments of `thread_usage` in one thread show whether a call
waits (for a database, a disk, another site): a thread that is kept from running by other work of the machine does not
sleep, which the system counts apart, and one that sleeps while other threads of this process compute is likely to wait
for the interpreter only. `RunDelay` counts for how long a thread was ready to run and did not.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from types import FrameType

from msgspec import Struct

if sys.platform == "linux":  # only Linux counts for single threads
    from resource import RUSAGE_THREAD, getrusage


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


class ThreadUsage(Struct, frozen=True):
    """What one thread had used at a moment."""

    wall: float  # seconds
    thread_cpu: float  # seconds
    process_cpu: float  # seconds, of all threads
    sleeps: int  # how often it gave the processor away by itself; -1 where the system does not count

    def elapsed(self) -> tuple[float, float, float]:
        """Return the seconds since then: in all, asleep, and asleep while the process did nothing else."""
        now = thread_usage()
        seconds = now.wall - self.wall
        if now.sleeps == self.sleeps != -1:
            return seconds, 0.0, 0.0
        asleep = max(0.0, seconds - (now.thread_cpu - self.thread_cpu))
        if self.sleeps == -1 and asleep < seconds / 2:  # it may as well have been kept waiting for the processor
            return seconds, 0.0, 0.0
        return seconds, asleep, max(0.0, seconds - (now.process_cpu - self.process_cpu))


def thread_usage() -> ThreadUsage:
    """Return what this thread has used so far."""
    if sys.platform == "linux":
        seen = getrusage(RUSAGE_THREAD)
        return ThreadUsage(time.perf_counter(), seen.ru_utime + seen.ru_stime, time.process_time(), seen.ru_nvcsw)
    return ThreadUsage(time.perf_counter(), time.thread_time(), time.process_time(), -1)


class RunDelay:
    """How long one thread was ready to run, but kept from it by others: from `schedstat` on Linux."""

    def __init__(self, native_id: int) -> None:
        """Open the counter of a thread of this process, by its native identifier."""
        try:
            self._file = os.open(f"/proc/self/task/{native_id}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # another system, or one that does not count
            self._file = -1

    def seconds(self) -> float:
        """Return the seconds so far; 0 where the system does not count them."""
        try:
            return int(os.pread(self._file, 100, 0).split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
