"""The lifespan of an ASGI app: it opens what it needs before the first request, and closes it after the last response.

In: the app. Out: `start` and `stop`; `state` is what the app has put into the state of its scope, None if it has no
lifespan. Refuses to start where the app says that its start has failed. An app that raises at once has no lifespan
(lifespan protocol 2.0).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fanlight.errors import AppError
from fanlight.message import forked_child

log = logging.getLogger("fanlight.app")
VERSION = {"version": "3.0", "spec_version": "2.0"}


class AsgiLifespan:
    """The lifespan of one app; it runs once, wherever the app is mounted."""

    def __init__(self, app: Any, name: str) -> None:
        self._app, self._name = app, name
        self._task: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[str] = asyncio.Queue()
        self._told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._step = ""  # "startup" or "shutdown", until the app has said what has come of it
        self.state: dict[str, Any] | None = None

    async def start(self) -> None:
        """Run it up to the end of its startup. Raises AppError if that has failed."""
        if self._task is not None:
            return
        self._events, self._told, state = asyncio.Queue(), asyncio.Queue(), dict[str, Any]()
        self._task = asyncio.create_task(self._run(state))
        kind, text = await self._told_of("startup")
        if kind == "lifespan.startup.complete":
            self.state = state
            return
        task, self._task = self._task, None
        if kind == "lifespan.startup.failed":
            await asyncio.wait([task])
            raise AppError(f"{self._name} can't start: {text.strip() or 'it sent lifespan.startup.failed'}")
        if kind:
            task.cancel()
            raise AppError(f"{self._name} breaks a rule of ASGI: {kind} does not follow lifespan.startup")
        log.debug("%s has no lifespan", self._name)

    async def stop(self) -> None:
        """Run the rest of it. Raises AppError if that has failed."""
        task, self._task = self._task, None
        if task is None:
            return
        kind, text = await self._told_of("shutdown", task)
        await asyncio.wait([task])
        if kind == "lifespan.shutdown.failed":
            raise AppError(f"{self._name} failed at its end: {text.strip() or 'it sent lifespan.shutdown.failed'}")

    async def _told_of(self, what: str, task: asyncio.Task[None] | None = None) -> tuple[str, str]:
        """Send an event, and return what the app says of it; ("", "") if it ends without a word."""
        task = task or self._task
        assert task is not None  # it has been started
        self._step = what
        self._events.put_nowait(f"lifespan.{what}")
        told = asyncio.create_task(self._told.get())
        await asyncio.wait([told, task], return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            await asyncio.sleep(0)
        if told.done():
            return told.result()
        told.cancel()
        return "", ""

    async def _run(self, state: dict[str, Any]) -> None:
        scope = {"type": "lifespan", "asgi": VERSION.copy(), "state": state}
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as error:
            forked_child.exit_if_forked()
            if isinstance(error, asyncio.CancelledError):
                raise
            if self.state is not None:  # else it has no lifespan, or has said what failed
                log.exception("the lifespan of %s failed", self._name)

    async def _receive(self) -> dict[str, Any]:
        return {"type": await self._events.get()}

    async def _send(self, message: dict[str, Any]) -> None:
        kind, step, self._step = message["type"], self._step, ""
        if not step:
            raise AppError(f"ASGI: {kind} is sent where no event is to be replied to")
        self._told.put_nowait((kind, str(message.get("message", ""))))
        if kind not in (f"lifespan.{step}.complete", f"lifespan.{step}.failed"):
            raise AppError(f"ASGI: {kind} does not follow lifespan.{step}")
