"""An app of a table, called through `find` and `run` as the server does, without a server."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from fanlight.app.application import Application
from fanlight.errors import HTTPError, Mistake, SetupError
from fanlight.message.content import SpooledContent
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.testing import FakeHead

BOUNDARY = "----the-boundary"


@dataclass(frozen=True, slots=True)
class Received:
    """A response as a client reads it."""

    response: Response
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.text)

    @property
    def bad(self) -> list[tuple[str, str, str]]:
        """Each invalid field of a 422: where, which, why."""
        assert self.status == 422, f"{self.status}: {self.text}"
        return [(each["in"], each["name"], each["detail"]) for each in self.json["errors"]]


class Site:
    """An app; `fields` are sent with every request."""

    def __init__(self, app: Application) -> None:
        self.app = app

    def make_request(
        self, method: str, target: str, fields: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Request:
        spooled = None
        if content is not None:
            spooled = SpooledContent()
            spooled.write(content)
        return Request(FakeHead(method, target, fields), "127.0.0.1", spooled)

    def send(
        self,
        method: str,
        target: str,
        *,
        content: bytes | None = None,
        fields: Mapping[str, str] | None = None,
        **sent: Any,
    ) -> Received:
        """Find the call and run it; the client prefers JSON, unless `accept` is given."""
        body, kind = _body(**sent)
        head = {"accept": "application/json"} | ({"content-type": kind} if kind else {}) | dict(fields or {})
        request = self.make_request(method, target, head, content if content is not None else body)
        call: Any = self.app.find(request)
        response = call.run(request)
        if inspect.isawaitable(response):
            response = asyncio.run(_waited(response))
        assert isinstance(response, Response)
        if kind.startswith("multipart/"):
            with contextlib.suppress(HTTPError):
                request.form.close()
        if request.content_source is not None:
            request.content_source.close()
        text = response.content.decode() if isinstance(response.content, bytes) else ""
        return Received(response, response.status, text, dict(response.fields()))

    def get(self, target: str, **options: Any) -> Received:
        return self.send("GET", target, **options)

    def post(self, target: str, **options: Any) -> Received:
        return self.send("POST", target, **options)

    def call(self, method: str, target: str) -> Any:
        return self.app.find(self.make_request(method, target))


async def _waited(response: Any) -> Any:
    return await response


def _body(
    *,
    form: Mapping[str, Any] | None = None,
    json: object = None,
    parts: list[tuple[str, str | None, str]] | None = None,
) -> tuple[bytes | None, str]:
    if form is not None:
        return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return msgspec.json.encode(json), "application/json"
    if parts is not None:
        return _multipart(parts), f"multipart/form-data; boundary={BOUNDARY}"
    return None, ""


def _multipart(parts: list[tuple[str, str | None, str]]) -> bytes:
    pieces = []
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"\r\ncontent-type: application/octet-stream'
        pieces.append(f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n{content}\r\n')
    return ("".join(pieces) + f"--{BOUNDARY}--\r\n").encode()


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    """Return a function that makes a site in a folder: `site({"/": view}, errors=...)`; `pages` are templates."""

    def make(urls: Mapping[str, Any], *, pages: Mapping[str, str] | None = None, **settings: Any) -> Site:
        for name, text in (pages or {}).items():
            path = tmp_path / "templates" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Site(Application(urls, folder=tmp_path, **settings))

    return make


@pytest.fixture
def mistakes(site: Callable[..., Site]) -> Callable[..., list[Mistake]]:
    """Return a function that makes an invalid site, and returns its mistakes."""

    def find(urls: Mapping[str, Any], **settings: Any) -> list[Mistake]:
        with pytest.raises(SetupError) as caught:
            site(urls, **settings)
        return list(caught.value.mistakes)

    return find
