"""Run an ASGI app for a request: as a coroutine function that a call can run.

In: an app, and where it is mounted. Out: for each request its response; or RESPONDED, when the app has sent it and has
ended since. Where something is around the call that has a part in the response, such as middleware, the app runs in a
task beside it. Raises what the app raises before its response has begun; later the response is cut off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fanlight.errors import ClientDisconnected, InternalServerError
from fanlight.foreign.asgi_exchange import AsgiExchange, State
from fanlight.foreign.asgi_scope import http_scope, websocket_scope
from fanlight.foreign.asgi_socket import AsgiWebSocket
from fanlight.foreign.asgi_socket import State as WebSocketState
from fanlight.foreign.mount_point import MountPoint
from fanlight.foreign.pieces import is_of_departure
from fanlight.message import forked_child
from fanlight.message.body_policy import WEBSOCKET_KEY
from fanlight.message.call_link import RESPONDED, CallLink, link_of
from fanlight.message.response import Response
from fanlight.message.websocket import SWITCHING_PROTOCOLS, transport_of

if TYPE_CHECKING:
    from fanlight.foreign.asgi_lifespan import AsgiLifespan
    from fanlight.message.request import Request

log = logging.getLogger("fanlight.app")
OnError = Callable[[BaseException, "Request"], Any]
_beside: set[asyncio.Task[Any]] = set()  # a loop keeps no task alive
_SCOPE = "asgi_scope"
_BEFORE_HANDSHAKE = "the client disconnected before the handshake was complete"
_FAILED = "%s failed after its response had begun; id %s"


def prepare_scope(mount: MountPoint, lifespan: AsgiLifespan | None, request: Request) -> None:
    """Make the scope of a request ahead of its call."""
    # PERF: benchmarks/guests.py: for all that have come together, before a large app fills the caches of the processor
    state = None if lifespan is None else lifespan.state
    request.cache_value(_SCOPE, http_scope(request, link_of(request), mount, state))


def asgi_run(
    app: Any,
    name: str,
    mount: MountPoint,
    lifespan: AsgiLifespan | None,
    on_error: OnError,
    *,
    is_observed: bool = False,
) -> Callable[[Request], Awaitable[Any]]:
    """Return what runs an app for a request; `name` is for the log, `on_error` makes a response of an exception.

    Frameworks send a page for a 500 before they raise the exception: where `is_observed`, it is kept until then, and
    the exception is shown in its place.
    """

    async def run(request: Request) -> Any:
        link = link_of(request)
        try:
            state = None if lifespan is None else lifespan.state
            if request.cached_value(WEBSOCKET_KEY) is not None:
                return await _run_websocket(app, request, link, name, mount, state)
            scope = request.cached_value(_SCOPE)
            if not link.may_respond:
                return await _run_beside(app, scope, request, link, name, keeps_errors=is_observed)
            exchange = AsgiExchange(request, link, name, link.respond)
            try:
                await app(scope, exchange.receive, exchange.send)
            except BaseException as error:  # noqa: BLE001 - raised again, unless its response has begun
                _check_failure(error, exchange, name, request)
            if exchange.state is not State.OVER:
                _check_end(exchange)
        except BaseException as error:  # noqa: BLE001 - it becomes a response, or goes to the middleware
            return on_error(error, request)
        link.end()
        return RESPONDED

    return run


def _check_end(exchange: AsgiExchange) -> None:
    """Cut off a response that its app has not completed. Raises InternalServerError if it has sent nothing."""
    if exchange.state in (State.NOTHING, State.STARTED):
        if not exchange.is_client_gone and not exchange.broken_rule:
            what = "http.response.body" if exchange.state is State.STARTED else "a response"
            exchange.note_broken(f"the app has returned, and not sent {what}")
        raise InternalServerError
    if not exchange.is_client_gone:
        exchange.note_broken("the app has returned before the last http.response.body, without more_body")


def _check_failure(error: BaseException, exchange: AsgiExchange, name: str, request: Request) -> None:
    """Log what an app has raised after its response had begun. Raises it if it had not."""
    forked_child.exit_if_forked()
    has_begun = exchange.state not in (State.NOTHING, State.STARTED)
    if not has_begun and not exchange.broken_rule:
        if exchange.is_client_gone and isinstance(error, Exception):
            raise ClientDisconnected("the client disconnected before its response") from error
        raise error
    if not (exchange.broken_rule or exchange.is_client_gone or isinstance(error, asyncio.CancelledError)):
        log.error(_FAILED, name, request.id, exc_info=error)
    exchange.fail()


# --- with something around the call ---------------------------------------------------------------------


async def _run_beside(
    app: Any, scope: dict[str, Any], request: Request, link: CallLink, name: str, *, keeps_errors: bool
) -> Response:
    """Return the response when it has begun, while the app goes on in a task of its own."""
    ready: asyncio.Future[Response] = link.loop.create_future()
    kept: list[Response] = []  # the page of a 500

    def respond(response: Response) -> None:
        if keeps_errors and response.status == InternalServerError.status and isinstance(response.content, bytes):
            kept.append(response)
        elif not ready.done():
            ready.set_result(response)

    exchange = AsgiExchange(request, link, name, respond)

    async def run() -> None:
        try:
            try:
                await app(scope, exchange.receive, exchange.send)
            except BaseException as error:
                if kept and isinstance(error, Exception):
                    raise
                _check_failure(error, exchange, name, request)
            if exchange.state is not State.OVER:
                _check_end(exchange)
            if kept and not ready.done():
                ready.set_result(kept[0])
            link.end()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error if isinstance(error, Exception) else InternalServerError())

    task = link.loop.create_task(run())
    _beside.add(task)
    task.add_done_callback(_forget)
    request.after(_end_of_the_app, task)  # it is waited for, as that of a background task
    try:
        return await asyncio.shield(ready)
    except asyncio.CancelledError:
        task.cancel()
        raise


async def _end_of_the_app(task: asyncio.Task[Any]) -> None:
    await asyncio.wait([task])


def _forget(task: asyncio.Task[Any]) -> None:
    _beside.discard(task)
    if not task.cancelled():
        task.exception()  # which was logged


# --- WebSockets ---------------------------------------------------------------------------------------


async def _run_websocket(
    app: Any, request: Request, link: CallLink, name: str, mount: MountPoint, state: dict[str, Any] | None
) -> Response:
    transport = transport_of(request)
    socket = AsgiWebSocket(request, link, transport, name)
    scope = websocket_scope(request, link, mount, state, transport.offered)
    try:
        await app(scope, socket.receive, socket.send)
    except BaseException as error:
        forked_child.exit_if_forked()
        if socket.is_client_gone and is_of_departure(error):
            raise ClientDisconnected(_BEFORE_HANDSHAKE) from error
        if isinstance(error, asyncio.CancelledError) or (not socket.is_accepted and not socket.broken_rule):
            raise
        if not socket.broken_rule and not is_of_departure(error):
            log.exception("%s failed in its WebSocket; id %s", name, request.id)
            return Response(status=500)
    if socket.broken_rule:
        return Response(status=500)
    if socket.is_client_gone:
        raise ClientDisconnected(_BEFORE_HANDSHAKE)
    if not socket.is_accepted and socket.state is not WebSocketState.OVER:
        socket.note_broken("the app has returned, and sent neither websocket.accept nor websocket.close")
        raise InternalServerError
    return socket.response if not socket.is_accepted else Response(status=SWITCHING_PROTOCOLS)
