"""Make what a worker of `fanlight dev` serves: the site, observed, beside the tools.

In: the app of the site, and the facts of the worker. Out: a handler, and a function that is called with each new
connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fanlight.app.application import Application
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_handler import DevHandler
from fanlight.devtools.dev_observer import DevObserver
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.tools_app import make_tools
from fanlight.message.handler import Handler
from fanlight.server.connection.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class DevSite:
    """What a worker serves."""

    handler: Handler
    watch: Callable[[Connection], object] | None = None
    facts: dict[str, Any]


def observed_site(app: Application, facts: dict[str, Any], context: DevContext, events: BrowserEvents) -> DevSite:
    """Return what is served for a site. Raises SetupError."""
    observed = app.observed(DevObserver(context))
    return DevSite(handler=DevHandler(observed, make_tools(context, events)), facts=facts)


def stand_in(handler: Handler, context: DevContext, events: BrowserEvents) -> DevSite:
    """Return what is served where the site can't be loaded: another handler, beside the tools."""
    return DevSite(handler=DevHandler(handler, make_tools(context, events)), facts={"routes": 0, "file": ""})
