"""The app of the tools: what is served below `/__fanlight__/`.

In: the facts of the worker, the recorded exchanges, and the site's folder. Out: an app of our own, made with the same
framework as the site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fanlight.app.application import Application
from fanlight.devtools.dev_context import PREFIX, DevContext
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.pages.inspector_views import TEMPLATES, InspectorViews
from fanlight.devtools.inspector.replay.replay_pages import ReplayPages
from fanlight.devtools.inspector.replay.saved_test_place import SavedTestPlace
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.reload.script_file import script
from fanlight.errors import Mistake


class ToolsApp(Application):
    """An app whose templates are not checked when it is made, which would take most of a reload; a test checks them."""

    def _template_mistakes(self, *, urls: bool) -> list[Mistake]:
        del urls
        return []


def make_tools(
    context: DevContext, events: BrowserEvents, store: Store, site_folder: Path | None, tests: SavedTestPlace
) -> Application:
    """Return the app; `context` is in its state, under "context". Tests of the site are saved in `tests`."""
    urls: dict[str, Any] = {
        "GET /events": events.stream,
        "GET /static/reload.js": script,
        **InspectorViews(store, site_folder).urls(),
        "/replay": ReplayPages(store, tests).urls(),
    }
    tools = ToolsApp({PREFIX: urls}, folder=Path(__file__).parent, templates=TEMPLATES)
    tools.state["context"] = context
    return tools
