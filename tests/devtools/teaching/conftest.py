"""A site as a developer sees it: loaded from its files, and observed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import pytest

from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_observer import DevObserver
from fanlight.site.loading import load
from fanlight.testing import Client

ORIGIN = "http://localhost:8000"
DevSite = Callable[..., Client]


@pytest.fixture
def dev_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DevSite]:
    """Return a function that writes a site, and returns a client of it: `dev_site(main, **{"home.html": ...})`."""
    monkeypatch.chdir(tmp_path)
    before, path = dict(sys.modules), list(sys.path)
    with ExitStack() as clients:

        def start(main: str, **templates: str) -> Client:
            (tmp_path / "templates").mkdir()
            for name, text in templates.items():
                file = tmp_path / "templates" / name
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
            (tmp_path / "main.py").write_text(dedent(main))
            app = load("main.py")
            context = DevContext(folder=tmp_path, generation=1)
            return clients.enter_context(Client(app.observed(DevObserver(context, app)), base_url=ORIGIN))

        yield start
    sys.path[:] = path
    for name in sys.modules.keys() - before.keys():
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
