"""The class of an app's requests, by which they reach the app: it costs nothing per request.

In: the app, and the methods that it has instead of those of any request. Out: a subclass of `Request`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fanlight.app.page_functions import form_token_name
from fanlight.app.statics import StaticFolders
from fanlight.message.mount_path import MOUNT_PATH
from fanlight.message.request import Request
from fanlight.protection.security import Security
from fanlight.routing.table import Table
from fanlight.services import Services
from fanlight.sessions.session_settings import Sessions


class _App(Protocol):
    services: Services
    sessions: Sessions
    security: Security

    def url_for(self, view: object, /, **parameters: object) -> str: ...

    def asset(self, name: str) -> str: ...


class _AppWithParts(Protocol):
    table: Table
    statics: StaticFolders


def functions_in_parts(app: _AppWithParts) -> dict[str, object]:
    """Return the methods of requests to an app with parts: what the part has that a request is for goes first."""

    def url_for(request: Request, view: object, /, **parameters: object) -> str:
        mount = app.table.mount_for(request.method, request.raw_path)
        return MOUNT_PATH.get() + app.table.url_in(mount, view, parameters)

    def asset(request: Request, name: str) -> str:
        mount = app.table.mount_for(request.method, request.raw_path)
        return MOUNT_PATH.get() + app.statics.asset(name, "" if mount is None else mount.name)

    return {"url_for": url_for, "asset": asset}


def request_class_of(app: _App, methods: Mapping[str, object]) -> type[Request]:
    """Return the class of the requests of an app."""
    attributes = {
        "__slots__": (),
        "reverse": staticmethod(app.url_for),
        "assets": staticmethod(app.asset),
        "services": app.services,
        "sessions": app.sessions,
        "_form_token_name": form_token_name(has_tokens=app.security.tokens),
        **methods,
    }
    return type("Request", (Request,), attributes)
