"""What is said about a request beside its response: one line for each id, until the line of the request is written."""

from __future__ import annotations

import threading

MAX_NOTES = 2000  # the oldest is dropped: its request was never logged


class RequestNotes:
    """Notes by the ids of requests; from any thread."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, request_id: str, note: str) -> None:
        """Keep a note."""
        with self._lock:
            self._notes[request_id] = note
            while len(self._notes) > MAX_NOTES:
                del self._notes[next(iter(self._notes))]

    def take(self, request_id: str) -> str:
        """Return the note of a request, and forget it; "" without one."""
        with self._lock:
            return self._notes.pop(request_id, "")


NOTES = RequestNotes()  # of this process, which has one server
