"""Responses that can't be sent: a class of the app's may do anything, and its attributes may hold anything."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.exceptions import Panic
from tests.speed import PATIENCE

from fanlight import lane
from fanlight.app.application import Application
from fanlight.message.response import Heartbeat, Response
from fanlight.testing import LiveServer


class Fieldless(Response):
    """Its fields can't be had."""

    def fields(self) -> Any:
        raise Panic


class WithoutHeartbeat(Response):
    """What it says of its own heartbeat is not to be had."""

    @property
    def heartbeat(self) -> Heartbeat | None:
        raise Panic


class Endless:
    """Content that can't say how long it is."""

    def __len__(self) -> int:
        raise Panic


def with_(**attributes: Any) -> Response:
    response = Response("page")
    for name, value in attributes.items():
        setattr(response, name, value)
    return response


def pieces() -> Iterator[bytes]:
    return iter([b"abc"])


MAKERS: dict[str, Callable[[], Any]] = {
    "fields": lambda: Fieldless("page"),
    "fields-of-a-stream": lambda: Fieldless(pieces()),
    "heartbeat": lambda: WithoutHeartbeat(pieces()),
    "status": lambda: with_(status="200"),
    "no-status": lambda: with_(status=None),
    "content": lambda: with_(content=5),
    "no-content": lambda: with_(content=None),
    "a-dict": lambda: with_(content={"a": "b"}),
    "endless": lambda: with_(content=Endless()),
    "media-type": lambda: with_(media_type=5),
    "below-nothing": lambda: of_length(-1),
    "too-long": lambda: of_length(10**40),
    "no-number": lambda: of_length(float("nan")),
    "a-text": lambda: of_length("3"),
}


def of_length(length: object) -> Response:
    """Return a stream of a class that says itself how long it is."""
    members = {"length": property(lambda _: length, lambda _, __: None)}
    made: Response = type("Measured", (Response,), members)(pieces())
    return made


def views(make: Callable[[], Any]) -> dict[str, Any]:
    @lane("thread")
    def in_thread() -> Any:
        return make()

    async def waiting() -> Any:
        return make()

    return {"/inline": lambda: make(), "/thread": in_thread, "/task": waiting}  # noqa: PLW0108 - a view each


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    urls = {f"/{name}": views(make) for name, make in MAKERS.items()}
    with LiveServer(Application({"/": "Home", **urls}, folder=tmp_path_factory.mktemp("site"))) as server:
        yield server


@pytest.mark.parametrize("path", ["inline", "thread", "task"])
@pytest.mark.parametrize("name", MAKERS)
def test_what_can_not_be_sent_is_a_500(
    server: LiveServer, caplog: pytest.LogCaptureFixture, name: str, path: str
) -> None:
    """In every lane, compressed or not; the mistake is logged, the client gets the id, and the connection goes on."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    for accepted in ("identity", "gzip"):
        caplog.clear()
        fields = {"accept-encoding": accepted, "x-request-id": "abc-1"}
        connection.request("GET", f"/{name}/{path}", headers=fields)
        response = connection.getresponse()
        text = b"Something went wrong on this server. Mention this number if you report it: abc-1\n"
        assert (response.status, response.read()) == (500, text)
        (record,) = caplog.records
        assert f"GET /{name}/{path}" in record.getMessage()
        assert "can't be sent" in record.getMessage()
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()
    until = time.monotonic() + PATIENCE
    while server.hub.table.connections and time.monotonic() < until:
        time.sleep(0.005)
    assert not server.hub.table.connections
