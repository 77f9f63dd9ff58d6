"""A site that is served for real, and what a client reads from a socket."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fanlight.app.application import Application
from fanlight.errors import Mistake, SetupError
from fanlight.testing import LiveServer


class Served:
    """A site on a port of loopback; requests are raw, as a browser or an attacker writes them."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.port = int(server.url.rpartition(":")[2])

    def send(self, method: str, target: str = "/", *fields: str, content: bytes = b"", host: str = "") -> Received:
        """Send one request with these field lines; return the response."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", *fields]
        if content or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(content)}")
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            sock.sendall(head + content)
            data = b""
            while piece := sock.recv(65536):
                data += piece
        return Received(data)


class Received:
    """A response as it was received."""

    def __init__(self, data: bytes) -> None:
        head, _, self.content = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for each, value in self.pairs if each.lower() == name]

    def get(self, name: str) -> str:
        """Return the one value of a field, "" without it; two are a mistake."""
        values = self.all(name)
        assert len(values) <= 1, f"{name}: {values}"
        return values[0] if values else ""

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode()


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves a table; `pages` are templates, `files` other files."""
    with ExitStack() as stack:

        def start(urls: Mapping[str, Any], *, pages: Mapping[str, str] | None = None, **settings: Any) -> Served:
            options = settings.pop("options", None)
            for name, text in (pages or {}).items():
                path = tmp_path / "templates" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            for name, text in settings.pop("files", {}).items():
                path = tmp_path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            app = Application(urls, folder=tmp_path, **settings)
            return Served(stack.enter_context(LiveServer(app, **({} if options is None else {"options": options}))))

        yield start


@pytest.fixture
def mistakes(tmp_path: Path) -> Callable[..., list[Mistake]]:
    """Return a function that makes an invalid site, and returns its mistakes."""

    def find(urls: Mapping[str, Any], **settings: Any) -> list[Mistake]:
        with pytest.raises(SetupError) as caught:
            Application(urls, folder=tmp_path, **settings)
        return list(caught.value.mistakes)

    return find
