"""The path below which an app is mounted: what `url_for` and `asset` put before each path.

In: the prefix that another server or app reports (`root_path` of ASGI, `SCRIPT_NAME` of WSGI), in the context of a
request. Out: it, "" for an app that has its host for itself.
"""

from __future__ import annotations

from contextvars import ContextVar

MOUNT_PATH: ContextVar[str] = ContextVar("fanlight_mount_path", default="")
