"""Which exchange the running code belongs to, for log lines, queries and links to the inspector.

In: the recording of a request, when its call begins. Out: it, for all code that runs in the context of the request: the
view, its middleware and dependencies, its stream, its background tasks, threads that are started with the context.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanlight.devtools.inspector.recording import Recording
    from fanlight.message.request import Request

KEY = "recording"  # of the recording among the values that are attached to a request
CURRENT: ContextVar[Recording | None] = ContextVar("fanlight_recording", default=None)


def recording_of(request: Request) -> Recording | None:
    """Return the recording of a request; None if it is not recorded."""
    known: Recording | None = request.cached_value(KEY)
    return known


def exchange_id(request: Request) -> str:
    """Return the id under which a request is recorded, "" if it is not."""
    recording = recording_of(request) or CURRENT.get()
    return "" if recording is None else recording.id
