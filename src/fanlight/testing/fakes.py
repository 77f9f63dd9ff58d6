"""Stand-ins for the parts on either side of the one under test.

They do what the real thing promises and no more: a handler with a dict for its routes, a call
around a plain function, a head without bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fanlight.message.body_policy import DEFAULT_BODY_POLICY, BodyPolicy
from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response

Run = Callable[[Request], Response | Awaitable[Response]]


class FakeCall(Call):
    """A call that runs a function and reads the content."""

    __slots__ = ()

    def __init__(
        self,
        run: Run,
        lane: Lane = Lane.INLINE,
        *,
        is_pinned: bool = False,
        name: str = "",
        reads_content: bool = True,
        body_policy: BodyPolicy = DEFAULT_BODY_POLICY,
    ) -> None:
        """Run `run` in a lane."""
        super().__init__(
            run,
            name or getattr(run, "__name__", "a call"),
            lane=lane,
            is_pinned=is_pinned,
            reads_content=reads_content,
            body_policy=body_policy,
        )


class FakeHandler:
    """A handler with a table of whole paths; anything else is 404, and reads no content."""

    def __init__(self, calls: Mapping[str, FakeCall | Run]) -> None:
        """Answer each path with its call, or with a call around its function."""
        self.calls = {path: call if isinstance(call, FakeCall) else FakeCall(call) for path, call in calls.items()}
        self.missing = FakeCall(lambda _: Response("not here", 404), name="not found", reads_content=False)
        self.events: list[str] = []

    def find(self, request: Request) -> FakeCall:
        """Return the call of a path."""
        return self.calls.get(request.head.path, self.missing)

    async def start(self) -> None:
        """Note the start."""
        self.events.append("start")

    async def stop(self) -> None:
        """Note the stop."""
        self.events.append("stop")


class FakeHead:
    """A head as the wire would give it, made from plain values."""

    def __init__(self, method: str = "GET", target: str = "/", fields: Mapping[str, str] | None = None) -> None:
        """Take the target apart; `host` is "testserver" unless the fields say otherwise."""
        self.method, self.target, self.minor = method, target, 1
        self.path, _, self.query = target.partition("?")
        self.values = {"host": "testserver"} | {name.lower(): value for name, value in (fields or {}).items()}
        self.fields = list(self.values.items())
        self.authority = self.values["host"]

    def set_authority(self, authority: str) -> None:
        """Note whom it is for."""
        self.authority = authority
