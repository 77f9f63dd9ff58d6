"""A small site in development: what its requests get, as a browser, as curl and as a program."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fanlight import App
from fanlight.devtools.dev_context import DevContext
from fanlight.devtools.dev_observer import DevObserver
from fanlight.site.loading import load
from fanlight.testing import Client

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LOCAL = "http://localhost:8000"


def observed(app: App, folder: Path) -> App:
    """Return an app as `fanlight dev` serves it."""
    return app.observed(DevObserver(DevContext(folder=folder, generation=1), app))


class ParsedPage(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._raw = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._raw = tag if tag in ("script", "style") else ""

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def count(self, tag: str) -> int:
        return [name for name, _ in self.tags].count(tag)


class Debugged:
    """Sites in development, each in the folder of the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))

    def client(self, source: str, **files: str) -> Client:
        for name, text in files.items():
            self.write(f"templates/{name}.html", text)
        self.write("main.py", source)
        return self._stack.enter_context(Client(observed(load("main.py"), self.folder), base_url=LOCAL))

    def page(self, source: str, path: str = "/", fields: dict[str, str] | None = None, **files: str) -> ParsedPage:
        """Return the page that a browser gets."""
        response = self.client(source, **files).get(path, headers=BROWSER | (fields or {}))
        assert response.status == 500
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        return ParsedPage(response.text)


@pytest.fixture
def debugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Debugged]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    with ExitStack() as stack:
        yield Debugged(tmp_path, stack)
    for name in set(sys.modules) - before:
        del sys.modules[name]
