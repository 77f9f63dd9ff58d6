"""Make what a worker of `fanlight dev` serves: the site, observed, beside the tools.

In: the app of the site, and the facts of the worker. Out: a handler, and the recorder of what it serves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.app.application import Application
from fanlight.devtools.dev_context import EXCHANGES_NAME, DevContext
from fanlight.devtools.dev_handler import DevHandler
from fanlight.devtools.dev_observer import DevObserver
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.recorder import Recorder
from fanlight.devtools.inspector.replay.saved_test_place import no_place, place_for
from fanlight.devtools.inspector.site_routes import SiteRoutes
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.tools_app import make_tools
from fanlight.errors import SetupError
from fanlight.message.handler import Handler
from fanlight.site.source_check import check_source, site_modules


@dataclass(frozen=True, slots=True, kw_only=True)
class DevSite:
    """What a worker serves."""

    handler: DevHandler
    recorder: Recorder
    rebuild: Callable[[], object] | None = None  # build the app again, of the code that is loaded; raises SetupError


def observed_site(app: Application, facts: dict[str, Any], context: DevContext, events: BrowserEvents) -> DevSite:
    """Return what is served for a site. Raises SetupError."""
    store, recorder = _recording(context)

    def build(*, checks_source: bool = False) -> Handler:
        observed = app.observed(DevObserver(context, app))
        # Where the code was loaded, that was done for it.
        if checks_source and (mistakes := check_source(observed, site_modules(sys.modules, app.folder))):
            raise SetupError(mistakes)
        return recorder.recorded(observed, SiteRoutes(observed.table, observed.folder))

    tools = make_tools(context, events, store, app.folder, place_for(app, Path(facts["file"])))
    handler = DevHandler(build(), tools, events)
    return DevSite(handler=handler, recorder=recorder, rebuild=lambda: handler.replace_site(build(checks_source=True)))


def stand_in(handler: Handler, context: DevContext, events: BrowserEvents) -> DevSite:
    """Return what is served where the site can't be loaded: another handler, beside the tools."""
    store, recorder = _recording(context)
    tools = make_tools(context, events, store, None, no_place("the site can't be loaded"))
    return DevSite(handler=DevHandler(recorder.recorded(handler), tools, events), recorder=recorder)


def _recording(context: DevContext) -> tuple[Store, Recorder]:
    store = Store(context.folder / EXCHANGES_NAME)
    return store, Recorder(store, generation=context.generation)
