"""The access log: one line a request, written by a thread of its own.

In: what is known of an answered request. Out: lines on a stream. A stream that nobody reads
(a full pipe, a stopped terminal) stalls the writer alone, never a client; what can't be kept is
counted and told. Paths come from the wire, which lets no control character through.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TextIO

KEPT_LINES = 65_536
PAUSE_SECONDS = 0.1  # between two writes, so that a busy server makes one write of many lines


class AccessLog:
    """Writes "time client method path status size duration" lines, soon."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream, from `start` to `stop`."""
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._seen = self._written = 0
        self._bell = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._write, name="fanlight-log", daemon=True)
        self._second = 0.0
        self._stamp = ""

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end."""
        self._stopped = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def add(self, line: str) -> None:
        """Keep one line, without its time, for the writer."""
        now = time.time()
        if now - self._second >= 1:
            self._second = now // 1
            self._stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        self._lines.append(f"{self._stamp}  {line}\n")
        self._seen += 1
        if not self._bell.is_set():
            self._bell.set()

    def _write(self) -> None:
        while True:
            self._bell.wait()
            self._bell.clear()
            self._flush()
            if self._stopped:
                self._flush()
                return
            time.sleep(PAUSE_SECONDS)

    def _flush(self) -> None:
        lines: list[str] = []
        with contextlib.suppress(IndexError):
            while True:
                lines.append(self._lines.popleft())
        if not lines:
            return
        self._written += len(lines)
        lost = self._seen - self._written - len(self._lines)
        if lost > 0:
            self._written += lost
            lines.insert(0, f"{lost} lines of this log are lost: its reader is too slow\n")
        # A closed terminal or a full disk must not end the server.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write("".join(lines))
            self._stream.flush()


def log_to_stderr() -> None:
    """Send Fanlight's own messages to stderr, unless the app has set up logging itself."""
    logger = logging.getLogger("fanlight")
    if logger.handlers or logging.getLogger().handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s  %(levelname)s  %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
