"""An app that another server serves: what our own server does for it around a call.

In: an app, its options, and requests with their content. Out: responses. It has its lifespan, its threads, a context
for each request, and background tasks, as under our own server. What it has not: views are not rescued when they block,
so each plain view runs in a thread. Knows neither ASGI nor WSGI.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, cast
from weakref import WeakKeyDictionary

from msgspec import Struct

from fanlight.errors import HTTPError, ServiceUnavailable
from fanlight.hosted.hosted_head import head_of
from fanlight.message.handler import Call, Handler, Lane, encoder_of
from fanlight.message.media_types import TEXT
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.site_bus import SITE_BUS, SiteBus
from fanlight.server.dispatch.contexts import context_maker
from fanlight.server.exchange.allowed_hosts import AllowedHosts
from fanlight.server.exchange.background_tasks import BackgroundTasks
from fanlight.server.exchange.dispatch import BUSY, broken, internal_error
from fanlight.server.io.thread_pool import WAITING_CALLS_PER_THREAD, ThreadPool, in_thread
from fanlight.server.site_topics import begin_bus
from fanlight.settings.host_names import HostNames
from fanlight.settings.limits import Limits
from fanlight.settings.options import Options
from fanlight.wire.http1.response_writer import write_line

log = logging.getLogger("fanlight.server")


class Found(Struct, frozen=True):
    """A request, and the call for it."""

    request: Request
    call: Call


class OnLoop(Struct, frozen=True):
    """What belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    pool: ThreadPool
    background: BackgroundTasks
    new_context: Callable[[], Context]


class HostedApp:
    """Runs the calls of one app."""

    def __init__(self, app: Handler, options: Options) -> None:
        """Prepare; the app begins with `start`, or with its first request."""
        self.app = app
        self.limits: Limits = options.limits
        self.request_class: type[Request] = getattr(app, "request_class", Request)
        self.default_fields: tuple[tuple[str, str], ...] = tuple(getattr(app, "default_fields", ()))
        self._encode, self._least_bytes = encoder_of(app)
        self._hosts = AllowedHosts(HostNames(options.hosts), app) if options.hosts else None
        self._pool = ThreadPool(self.limits.threads, self.limits.threads * WAITING_CALLS_PER_THREAD)
        self._on_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, OnLoop] = WeakKeyDictionary()
        self._starting: asyncio.Task[None] | None = None
        self._bus_url = options.bus
        self._bus: SiteBus | None = None
        self._has_started = False

    # --- its life -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Run the lifespan up to its yield, once; a request that comes meanwhile waits for it."""
        if self._has_started:
            return
        if self._starting is None or self._starting.get_loop() is not asyncio.get_running_loop():
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        try:
            self._begin_bus()
            await self.app.start()
            self._has_started = True
        finally:
            self._starting = None

    async def stop(self) -> None:
        """Wait for background tasks, then run the rest of the lifespan."""
        if self._bus is not None:
            self._bus.end_listening()
        await self.on_loop().background.finish(self.limits.drain_seconds)
        if self._has_started:
            self._has_started = False
            await self.app.stop()
        if self._bus is not None:
            await self._bus.close()
            self._bus = None

    def on_loop(self) -> OnLoop:
        """Return what belongs to the running loop."""
        loop = asyncio.get_running_loop()
        found = self._on_loops.get(loop)
        if found is None:
            self._begin_bus()
            threads = partial(in_thread, self._pool, loop)
            found = self._on_loops[loop] = OnLoop(
                loop, self._pool, BackgroundTasks(loop, self._pool), context_maker(threads, lambda _: None)
            )
        return found

    def _begin_bus(self) -> None:
        """Set the bus of the topics for this context, with which the lifespan, and each request, begins."""
        if self._bus is None or self._bus.loop.is_closed():
            self._bus = begin_bus(self._bus_url)
        else:
            SITE_BUS.set(self._bus)

    # --- one request ----------------------------------------------------------------------------

    def find(self, request: Request, new_context: Callable[[], Context]) -> Found:
        """Return the call for a request, which gets a context of its own."""
        found = Found(request, self.app.find(request))
        if self._hosts is not None and (other := self._hosts.call_for(request.head.authority)) is not None:
            found = Found(request, other)
        request.context = new_context()
        return found

    async def run(self, found: Found, on_loop: OnLoop) -> Response:
        """Return the response of a call."""
        request, call = found.request, found.call
        try:
            if call.lane is Lane.TASK:
                running = cast("Any", call.run(request))
                return await on_loop.loop.create_task(running, context=request.context)
            if call.is_pinned and call.lane is Lane.INLINE:
                return self.run_here(found)
            return cast("Response", await in_thread(on_loop.pool, on_loop.loop, partial(self.run_here, found), False))
        except ServiceUnavailable:
            return BUSY.copy()
        except asyncio.CancelledError:
            raise
        except BaseException:  # noqa: BLE001 - whatever a view raises, its client gets a response
            return internal_error(call, request)

    def run_here(self, found: Found) -> Response:
        """Return the response of a call that is not async, in this thread."""
        request, call = found.request, found.call
        try:
            return cast("Response", request.context.run(call.run, request))
        except BaseException:  # noqa: BLE001 - as above
            return internal_error(call, request)

    def nowhere(self, method: str, new_context: Callable[[], Context]) -> Found:
        """Return what stands for a request whose head is invalid."""
        return self.find(self.request_class(head_of(method, "/", "", 1, (), "localhost"), None, None), new_context)

    @staticmethod
    def refusal(error: HTTPError) -> Response:
        """Return the response to a request that is refused before its call runs."""
        response = Response(f"{error.detail}\n", error.status, media_type=TEXT)
        response.headers.update(error.headers)
        return response

    @staticmethod
    def end(found: Found, on_loop: OnLoop) -> None:
        """Release what a request holds, and begin its background tasks."""
        if found.request.content_source is not None:
            found.request.content_source.close()
        on_loop.background.schedule(found)

    def finished(self, found: Found, response: object) -> Response:
        """Return a response as it is sent: compressed, with its cookies secured."""
        request = found.request
        if not isinstance(response, Response):
            log.error("%s returned %s instead of a response", found.call.name, type(response).__name__)
            return broken(request)
        if request.scheme == "https":
            response.secure_cookies()
        content = response.content
        if content.__class__ is bytes and len(content) < self._least_bytes:
            return response
        return self._encode(response, request, self._pool.is_busy)

    def fields_of(self, response: Response) -> list[tuple[str, str]]:
        """Return the fields of a response, with those that all responses of the app have. Raises InvalidResponse."""
        own = response.own_headers
        replaced = () if own is None or not own.replaced else own.replaced
        fields = [*response.fields(), *(pair for pair in self.default_fields if pair[0] not in replaced)]
        for pair in fields:
            write_line(pair)  # SECURITY: tests/hosted/test_asgi.py: not every server checks what it sends
        return fields
