"""Fakes of the interfaces between the parts: a handler with a dict of routes, a call, a request head."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response

Run = Callable[[Request], Response | Awaitable[Response]]


class FakeCall(Call):
    """A call that runs a function and reads the content; `options` are those of `Call`."""

    __slots__ = ()

    def __init__(
        self,
        run: Run,
        lane: Lane = Lane.INLINE,
        *,
        name: str = "",
        reads_content: bool = True,
        **options: Any,
    ) -> None:
        name = name or getattr(run, "__name__", "a call")
        super().__init__(run, name, lane=lane, reads_content=reads_content, **options)


class FakeHandler:
    """A handler with a dict from paths to calls, or functions for lane INLINE; every other path is 404."""

    def __init__(self, calls: Mapping[str, FakeCall | Run]) -> None:
        self.calls = {path: call if isinstance(call, FakeCall) else FakeCall(call) for path, call in calls.items()}
        self.missing = FakeCall(lambda _: Response("not here", 404), name="not found", reads_content=False)
        self.events: list[str] = []

    def find(self, request: Request) -> FakeCall:
        """Return the call of the path."""
        return self.calls.get(request.head.path, self.missing)

    async def start(self) -> None:
        """Record the start in `events`."""
        self.events.append("start")

    async def stop(self) -> None:
        """Record the stop in `events`."""
        self.events.append("stop")


class FakeHead:
    """The head of a request, made of plain values."""

    def __init__(self, method: str = "GET", target: str = "/", fields: Mapping[str, str] | None = None) -> None:
        self.method, self.target, self.minor = method, target, 1
        self.path, _, self.query = target.partition("?")
        self.values = {"host": "testserver"} | {name.lower(): value for name, value in (fields or {}).items()}
        self.fields = list(self.values.items())
        self.authority = self.values["host"]

    def find(self, name: str, /) -> str | None:
        """Return the value of a header field, None if it was not sent."""
        return self.values.get(name)

    def set_authority(self, authority: str) -> None:
        """Replace the host."""
        self.authority = authority
