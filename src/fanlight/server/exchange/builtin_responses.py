"""Responses of the server's own, where no call of the app makes one."""

from __future__ import annotations

from fanlight.message.response import Response

BUSY = Response(b"The server has too much to do just now; try again in a moment.\n", 503, media_type="text/plain")
BUSY.headers["retry-after"] = "1"
LATE_HEAD = "the head did not arrive in time; Limits.head_seconds says how long we wait"
LATE_FOR_STOP = "the server is shutting down, and the request was not complete in time"
BROKEN_CONTENT = b"Something went wrong on this server.\n"
BROKEN = Response(BROKEN_CONTENT, 500, media_type="text/plain")
