"""The app of the tools: what is served below `/__fanlight__/`.

In: the facts of the worker. Out: an app of our own, made with the same framework as the site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fanlight.app.application import Application
from fanlight.devtools.dev_context import PREFIX, DevContext
from fanlight.devtools.reload.browser_events import BrowserEvents


def make_tools(context: DevContext, events: BrowserEvents) -> Application:
    """Return the app; `context` is in its state, under "context"."""
    urls: dict[str, Any] = {"GET /events": events.stream}
    tools = Application({PREFIX: urls}, folder=Path(__file__).parent, templates=None)
    tools.state["context"] = context
    return tools
