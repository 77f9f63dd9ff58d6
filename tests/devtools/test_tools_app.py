"""The app of the tools."""

from __future__ import annotations

from pathlib import Path

from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.replay.saved_test_place import no_place
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.tools_app import make_tools


def test_the_templates_of_the_tools_have_no_mistake(tmp_path: Path) -> None:
    """They are not checked when the app is made, so they are checked here."""
    context = DevContext(folder=tmp_path, generation=1)
    tools = make_tools(context, BrowserEvents(context), Store(tmp_path / "x.sqlite"), None, no_place("a test"))
    assert tools.pages.names()
    assert tools.pages.check() == []
