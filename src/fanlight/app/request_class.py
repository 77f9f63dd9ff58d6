"""The class of an app's requests, by which they reach the app: it costs nothing per request.

In: the app, and its hosts if it has several. Out: a subclass of `Request`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fanlight.app.page_functions import form_token_name
from fanlight.message.request import Request
from fanlight.protection.security import Security
from fanlight.services import Services
from fanlight.sessions.session_settings import Sessions

if TYPE_CHECKING:
    from fanlight.app.host_calls import AppHosts


class _App(Protocol):
    services: Services
    sessions: Sessions
    security: Security

    def url_for(self, view: object, /, **parameters: object) -> str: ...

    def asset(self, name: str) -> str: ...


def request_class_of(app: _App, hosts: AppHosts | None) -> type[Request]:
    """Return the class of the requests of an app; with several hosts the URL of a view depends on that of a request."""
    attributes = {
        "__slots__": (),
        "reverse": staticmethod(app.url_for),
        "assets": staticmethod(app.asset),
        "services": app.services,
        "sessions": app.sessions,
        "_form_token_name": form_token_name(has_tokens=app.security.tokens),
    }
    if hosts is not None:
        attributes |= hosts.request_functions()
    return type("Request", (Request,), attributes)
