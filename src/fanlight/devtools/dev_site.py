"""Make what a worker of `fanlight dev` serves: the site, observed, beside the tools.

In: the app of the site, and the facts of the worker. Out: a handler, and the recorder of what it serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanlight.app.application import Application
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_handler import DevHandler
from fanlight.devtools.dev_observer import DevObserver
from fanlight.devtools.inspector.recorder import Recorder
from fanlight.devtools.inspector.replay.saved_test_place import SavedTestPlace, no_place, place_for
from fanlight.devtools.inspector.store import FILE_NAME, Store
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.tools_app import make_tools
from fanlight.message.handler import Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class DevSite:
    """What a worker serves."""

    handler: Handler
    recorder: Recorder
    facts: dict[str, Any]


def observed_site(app: Application, facts: dict[str, Any], context: DevContext, events: BrowserEvents) -> DevSite:
    """Return what is served for a site. Raises SetupError."""
    tests = place_for(app, Path(facts["file"]))
    return _beside_tools(app.observed(DevObserver(context, app)), app.folder, tests, facts, context, events)


def stand_in(handler: Handler, context: DevContext, events: BrowserEvents) -> DevSite:
    """Return what is served where the site can't be loaded: another handler, beside the tools."""
    tests = no_place("the site can't be loaded")
    return _beside_tools(handler, None, tests, {"routes": 0, "file": ""}, context, events)


def _beside_tools(
    site: Handler,
    folder: Path | None,
    tests: SavedTestPlace,
    facts: dict[str, Any],
    context: DevContext,
    events: BrowserEvents,
) -> DevSite:
    store = Store(context.folder / FILE_NAME)
    recorder = Recorder(store, generation=context.generation)
    handler = DevHandler(recorder.recorded(site), make_tools(context, events, store, folder, tests))
    return DevSite(handler=handler, recorder=recorder, facts=facts)
