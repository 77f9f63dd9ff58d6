"""A development server with the inspector, whose exchanges a test puts into its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fanlight import App
from fanlight.devtools.dev_context import PREFIX, DevContext
from fanlight.devtools.dev_handler import DevHandler
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.replay.saved_test_place import no_place
from fanlight.devtools.reload.browser_events import BrowserEvents
from fanlight.devtools.tools_app import make_tools
from fanlight.testing.running import LiveServer

SOURCE = '''\
def home():
    return "Home"


def post(slug):  # <script>window.ran = true</script>
    """Return a post."""
    return f"<h1>{slug}</h1>"
'''


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store."""
    opened = Store(tmp_path / "exchanges.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def inspector(store: Store, tmp_path: Path) -> Iterator[str]:
    """Return the address of the inspector; exchanges that are added to the store are in it."""
    (tmp_path / "main.py").write_text(SOURCE)
    context = DevContext(folder=tmp_path, generation=1)
    events = BrowserEvents(context)
    tools = make_tools(context, events, store, tmp_path, no_place("this site is not imported"))
    with LiveServer(DevHandler(App({"/": "The site"}, file=tmp_path / "main.py"), tools, events)) as server:
        yield server.url + PREFIX
