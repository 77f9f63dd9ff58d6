"""The handler of a site, recorded: each call runs as it does without it, and its run is noted.

In: an app. Out: a `Handler` for the server. A call is wrapped once for each route, and the server moves the wrapped one
between its lanes. Code that runs for a request finds the recording of it in `CURRENT`.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, cast

from fanlight.devtools.inspector.current import CURRENT, KEY, recording_of
from fanlight.devtools.inspector.recording import Recording
from fanlight.message.content import RefusedContent
from fanlight.message.handler import Call, Handler, Lane, ResponseEncoder, default_fields_of
from fanlight.message.request import Request

if TYPE_CHECKING:
    from fanlight.message.response import Response


class Recorder(Protocol):
    """What makes the recordings."""

    def take_latest(self, head: object) -> Recording | None:
        """Return the recording of the request whose head was read just now; None if it is not recorded."""
        ...


class RecordedRequest(Request):
    """A request with its recording. The class of an app's requests is made of this and the app's own."""

    __slots__ = ()

    def pop_background_tasks(self) -> list[Callable[[], Any]]:
        """Return the background tasks, once, for the server; each notes when it runs."""
        if self.cache is None or "after" not in self.cache:
            return []
        tasks, recording = super().pop_background_tasks(), recording_of(self)
        if recording is None:
            return tasks
        return [_recorded_task(task, recording) for task in tasks]


def _recorded_task(task: Callable[[], Any], recording: Recording) -> Callable[[], Any]:
    function = getattr(task, "func", task)
    name = getattr(function, "__qualname__", type(function).__name__)
    run = _run_async_task if inspect.iscoroutinefunction(function) else _run_task
    return partial(run, task, name, recording)


def _run_task(task: Callable[[], Any], name: str, recording: Recording) -> Any:
    with _task_span(name, recording):
        return task()


async def _run_async_task(task: Callable[[], Any], name: str, recording: Recording) -> Any:
    with _task_span(name, recording):
        return await task()


@contextlib.contextmanager
def _task_span(name: str, recording: Recording) -> Iterator[None]:
    span = recording.begin_span("background task", name)
    try:
        yield
    except BaseException as error:
        span.end_now(perf_counter(), error)
        raise
    else:
        span.end_now(perf_counter())
    finally:
        recording.change_late()


class RecordedHandler:
    """Serves as the app does, and records it."""

    def __init__(self, app: Handler, recorder: Recorder) -> None:
        self._find, self.start, self.stop = app.find, app.start, app.stop
        self._recorder = recorder
        self._calls: dict[Call, Call] = {}
        own = getattr(app, "request_class", Request)
        members = {"__slots__": ()}
        self.request_class: type[Request] = type("Request", (RecordedRequest, own), members)
        encoder: ResponseEncoder | None = getattr(app, "encoder", None)
        self.encoder = None if encoder is None else RecordedEncoder(encoder)
        self.default_fields = default_fields_of(app)
        self.has_hosts: bool = getattr(app, "has_hosts", False)
        misdirected: Call | None = getattr(app, "misdirected", None)
        self.misdirected = None if misdirected is None else self._record(misdirected)

    def find(self, request: Request, /) -> Call:
        """Return the call for a request, which records its run."""
        call = self._find(request)
        recording = self._recorder.take_latest(request.head)
        recorded = self._calls.get(call) or self._record(call)  # also where it is not recorded: it has the route's lane
        if recording is not None:
            request.cache_value(KEY, recording)
            recording.choose_call(recorded, call)
        return recorded

    def _record(self, call: Call) -> Call:
        run = _recorded_async(call) if call.lane is Lane.TASK else _recorded(call)
        recorded = self._calls[call] = Call(
            run,
            call.name,
            lane=call.lane,
            is_pinned=call.is_pinned,
            reads_content=call.reads_content,
            body_policy=call.body_policy,
            refused=None if call.refused is None else self._record(call.refused),
        )
        return recorded


def _begin(request: Request) -> Recording | None:
    recording = recording_of(request)
    if recording is None:  # not recorded, in a flood
        return None
    CURRENT.set(recording)  # its context is that of this request alone
    content = request.content_source
    if isinstance(content, RefusedContent) and recording.refusal is None:
        recording.take_refusal(content.error)
    recording.begin_call()
    return recording


def _recorded(call: Call) -> Callable[[Request], Response]:
    run = cast("Callable[[Request], Response]", call.run)

    def run_recorded(request: Request) -> Response:
        recording = _begin(request)
        if recording is None:
            return run(request)
        response = None
        try:
            response = run(request)
        finally:
            recording.end_call(response)
        return response

    return run_recorded


def _recorded_async(call: Call) -> Callable[[Request], Awaitable[Response]]:
    run = cast("Callable[[Request], Awaitable[Response]]", call.run)

    async def run_recorded(request: Request) -> Response:
        recording = _begin(request)
        if recording is None:
            return await run(request)
        response = None
        try:
            response = await run(request)
        finally:
            recording.end_call(response)
        return response

    return run_recorded


class RecordedEncoder:
    """Compresses as the app's own encoder does, and notes what of it came out."""

    def __init__(self, encoder: ResponseEncoder) -> None:
        self._encode, self.least_bytes = encoder.encode, encoder.least_bytes

    def encode(self, response: Response, request: Request, is_busy: bool, /) -> Response:  # noqa: FBT001 - as in ResponseEncoder
        """Return the response to send, which may be the same one."""
        began = perf_counter()
        encoded = self._encode(response, request, is_busy)
        recording = recording_of(request)
        if recording is not None and encoded is not response:
            recording.take_encoded(encoded, began, perf_counter())
        return encoded
