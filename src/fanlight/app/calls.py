"""Make the calls that the server runs for requests: one for each route, before the port opens.

In: a view and what builds its arguments, or a function that makes a response without a view. Out: calls whose `run`
never raises, except for the cancellation of its task. Everything that can be decided once is decided here: whether the
view is async, how it gets its arguments, which middleware runs around it, and its lane.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from fanlight.app import call_wrappers
from fanlight.app.call_wrappers import CallWrapper
from fanlight.app.error_handlers import ErrorHandlers, Outcome, raise_content_error
from fanlight.app.guards import guarded, guarded_async
from fanlight.app.lane_bridges import in_thread, on_loop, until_it_ends
from fanlight.app.middleware import AsyncInner, AsyncRun, Inner, Middleware, MiddlewareStack, Run
from fanlight.app.observer import NO_OBSERVER, Observer
from fanlight.app.preloading import Preloading
from fanlight.app.responses import ResponseFactory
from fanlight.binding.callables import ArgumentBuilder, View, display_name, is_async, unwrap_callable
from fanlight.binding.dependency_plan import DependencyPlan, Injector
from fanlight.binding.form_redisplay import with_error_status
from fanlight.binding.signature import pinned_lane
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, BodyMode, BodyPolicy
from fanlight.message.guard import Guard
from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response

OnError = Callable[[BaseException, Request], Outcome]  # without middleware always a Response
MakeRun = Callable[[OnError], Any]
_Own = tuple[ResponseFactory, ErrorHandlers]  # of a part of the site


class BoundView(Struct, frozen=True, kw_only=True):
    """A view at one route, and where its arguments come from."""

    view: View
    place: str  # where it is written: "views.py:12"
    arguments: Mapping[str, ArgumentBuilder | None]  # by method, "" for all others; None: the path's parameters
    has_path: bool
    reads_content: bool
    body_policy: BodyPolicy
    dependencies: DependencyPlan | None
    errors: str  # the parameter that takes the errors of its form, or ""
    websocket: str  # the parameter that is its WebSocket, or ""


class _Content(Struct, frozen=True, kw_only=True):
    """What a call does with the content of its requests."""

    is_read: bool = False
    policy: BodyPolicy = DEFAULT_BODY_POLICY
    refused: Call | None = None
    runs_if_refused: bool = False  # a view that shows its form again does so as well for content that is too large

    def call(self, run: Run | AsyncRun, name: str, lane: Lane, *, is_pinned: bool = False) -> Call:
        """Return a call that treats its content like this."""
        make = partial(
            Call,
            run,
            name,
            lane=lane,
            is_pinned=is_pinned,
            reads_content=self.is_read,
            body_policy=self.policy,
        )
        return make(refused=make() if self.runs_if_refused else self.refused)


_NO_CONTENT = _Content()


class CallFactory:
    """Makes the calls of an app, or of the part of it that has the same middleware."""

    def __init__(
        self,
        responses: ResponseFactory,
        errors: ErrorHandlers,
        middleware: MiddlewareStack,
        wrappers: Sequence[CallWrapper] = (),
        observer: Observer = NO_OBSERVER,
        guards: Sequence[Guard] = (),
    ) -> None:
        """Prepare; `guards` are those of the routes whose calls are made, outside their middleware."""
        self._responses, self._errors, self._middleware = responses, errors, middleware
        self._wrappers, self._observer, self._guards = tuple(wrappers), observer, tuple(guards)
        self.is_observed = observer is not NO_OBSERVER  # as in development

    def for_part(self, inner: Sequence[Middleware] = (), own: _Own | None = None, *, json_errors: bool) -> CallFactory:
        """Return a factory for a part of the app: with more middleware inside, pages of its own, or errors in JSON."""
        responses, outer = own or (self._responses, self._errors)
        errors = outer.in_json() if json_errors else outer
        stack = self._middleware.with_inner(inner, responses, errors)
        return CallFactory(responses, errors, stack, self._wrappers, self._observer, self._guards)

    def with_guards(self, guards: Sequence[Guard]) -> CallFactory:
        """Return a factory for a route with these guards."""
        if not guards:
            return self
        return CallFactory(self._responses, self._errors, self._middleware, self._wrappers, self._observer, guards)

    def bound(self, injector: Injector, path: Mapping[str, str] | None) -> CallFactory:
        """Return a factory whose middleware has what it needs on a route, or any path (None). Raises SetupError."""
        if not self._middleware.is_injected:
            return self
        stack = self._middleware.bound(injector, path)
        return CallFactory(self._responses, self._errors, stack, self._wrappers, self._observer, self._guards)

    def for_view(self, bound: BoundView, name: str) -> Call:
        """Return the call of a view."""
        reads_content = bound.reads_content or not self._middleware.is_empty or self._guards_read_content
        content = _Content(
            is_read=reads_content,
            policy=bound.body_policy,
            refused=self._for_refused_content(bound, name) if reads_content and not bound.errors else None,
            runs_if_refused=bool(bound.errors),
        )
        return self._for_view(bound, name, content)

    def _for_refused_content(self, bound: BoundView, name: str) -> Call:
        """Return the call that responds in place of a view to content that is refused.

        The view's dependencies are opened all the same: one that refuses the request does so first.
        """
        if bound.dependencies is None:
            return self.for_handler(raise_content_error, name)
        return self._for_view(replace(bound, arguments={"": raise_content_error}), name, _NO_CONTENT)

    def _for_view(self, bound: BoundView, name: str, content: _Content) -> Call:
        middleware, policy = self._middleware, bound.body_policy
        view = self._observer.view(bound.view, display_name(bound.view), bound.place)
        pinned = pinned_lane(view)
        plan = bound.dependencies
        runs_async = is_async(view) or (plan is not None and (plan.is_async or _streams_async(view, plan)))
        if bound.errors:
            log_hint = partial(self._errors.log_hint, where=name)
            view = with_error_status(view, bound.errors, log_hint, is_async=is_async(view))
        view_log = self._responses.view_log(display_name(bound.view), bound.place)
        on_error = view_log.before(self._on_error(name))
        arguments = _by_method(bound.arguments)
        responses = self._responses.for_view(view_log, checks=not middleware.is_empty)
        make: Callable[[object, Request], Response] = responses.make
        if bound.websocket:
            from fanlight.app.websocket_views import nothing_to_send, until_closed  # noqa: PLC0415 - most sites have none

            view, make = until_closed(view, bound.websocket), nothing_to_send
        make = self._observer.making(make)
        has_path, dependencies = bound.has_path, bound.dependencies
        is_shared = middleware.is_injected or self._errors.shares_dependencies
        if runs_async:
            run_async = (
                _async_run(view, arguments, make, on_error, has_path=has_path)
                if dependencies is None
                else _catching_async(dependencies.run_async(view, arguments, make, is_shared=is_shared), on_error)
            )
            return self._async_call(run_async, name, content, opens=dependencies is not None)
        run = (
            _sync_run(view, arguments, make, on_error, has_path=has_path)
            if dependencies is None
            else _catching(dependencies.run(view, arguments, make, is_shared=is_shared), on_error)
        )
        if middleware.is_async:
            # Async middleware needs the event loop, which a sync view must not block: it runs in a thread, unless it
            # is pinned to the loop.
            waiting = on_loop(run, on_error) if pinned is Lane.INLINE else self._in_thread(run, on_error)
            return self._async_call(waiting, name, content)
        lane = Lane.MEASURED if pinned is None else pinned
        if policy.sends_interim and pinned is None:
            pinned = lane = Lane.THREAD  # it works while the hints are sent, and waits for its messages
        return self._call(run, name, lane, content, is_pinned=pinned is not None, opens=dependencies is not None)

    def for_handler(self, handler: Run, name: str, *, is_shared: bool = False) -> Call:
        """Return the call of a function that makes a response without a view. Its exceptions become responses.

        `is_shared`: it may return the same response to several requests; code that may change it gets a copy.
        """
        if is_shared and self._may_change_responses:
            run = _catching(lambda request: handler(request).copy(), self._on_error(name))
        else:
            run = _catching(handler, self._on_error(name))
        if self._middleware.is_async:
            return self._async_call(self._in_thread(run, self._errors.defer_unexpected), name)
        return self._call(
            run, name, Lane.MEASURED, _Content(is_read=True) if self._guards_read_content else _NO_CONTENT
        )

    def for_guest(self, make_run: MakeRun, name: str, prepare: Any = None, *, is_async: bool) -> Call:
        """Return the call of another framework's app; `make_run` is given what makes a response of an exception."""
        policy = BodyPolicy(
            body_mode=BodyMode.STREAM if is_async else BodyMode.BUFFERED,
            is_foreign=True,
            responds_early=not (self._is_around or self._opens or self._errors.waiting_types),
            may_upgrade=is_async,
            prepare=prepare,
        )
        content = _Content(is_read=True, policy=policy)
        run = make_run(self._on_error(name))
        if is_async:
            return self._async_call(run, name, content)
        if self._middleware.is_async:
            return self._async_call(self._in_thread(run, self._errors.defer_unexpected), name, content)
        return self._call(run, name, Lane.THREAD, content, is_pinned=True)

    @property
    def _is_around(self) -> bool:
        """Whether anything but guards that only look at the request is around a call."""
        is_plain = not self._wrappers and not self.is_observed and self._middleware.is_empty
        return not is_plain or any(each.finishes for each in self._guards)

    @property
    def _guards_read_content(self) -> bool:
        return any(each.reads_content for each in self._guards)

    def for_response(self, response: Response, name: str) -> Call:
        """Return the call of a response that is always the same; code that may change it gets a copy."""
        if self._may_change_responses:
            return self.for_handler(lambda _: response.copy(), name)
        return self._call(lambda _: response, name, Lane.INLINE)

    @property
    def _may_change_responses(self) -> bool:
        """Whether a response passes anything between the call and the server."""
        return bool(self._guards or self._wrappers or self.is_observed) or not self._middleware.is_empty

    def _in_thread(self, run: Inner, on_error: OnError) -> AsyncInner:
        waiting = in_thread(run, on_error)
        return until_it_ends(waiting, on_error) if self._middleware.is_injected else waiting

    def _on_error(self, name: str) -> OnError:
        return self._errors.for_route(name) if self._middleware.is_empty else self._errors.defer_unexpected

    @property
    def _opens(self) -> bool:
        """Whether a call of any view may open something that finishes its response; else it has nothing to finish."""
        of_guards = any(each.opens for each in self._guards)
        return of_guards or self._errors.opens_for_request or not self._middleware.is_empty

    def _call(
        self,
        inner: Inner,
        name: str,
        lane: Lane,
        content: _Content = _NO_CONTENT,
        *,
        is_pinned: bool = False,
        opens: bool = False,
    ) -> Call:
        run = cast("Run", inner) if self._middleware.is_empty else self._middleware.wrap(inner, name)
        run = guarded(run, self._guards, self._errors.for_route(name), opens=opens or self._opens)
        for wrapper in reversed(self._wrappers):
            run = call_wrappers.wrap(wrapper, run, _route_of(name))
        return content.call(run, name, lane, is_pinned=is_pinned)

    def _async_call(
        self, inner: AsyncInner, name: str, content: _Content = _NO_CONTENT, *, opens: bool = False
    ) -> Call:
        run = cast("AsyncRun", inner) if self._middleware.is_empty else self._middleware.wrap_async(inner, name)
        on_error = self._errors.for_route(name)
        if types := self._errors.waiting_types:
            run = guarded_async(run, [Preloading(types)], on_error)
        run = guarded_async(run, self._guards, on_error, opens=opens or self._opens)
        for wrapper in reversed(self._wrappers):
            run = call_wrappers.wrap_async(wrapper, run, _route_of(name))
        return content.call(run, name, Lane.TASK)


def _streams_async(view: View, plan: DependencyPlan) -> bool:
    """Return whether a view is a stream on the event loop, with something that it can't wait for there."""
    return bool(plan.waiting_types) and inspect.isasyncgenfunction(unwrap_callable(view))


def _route_of(name: str) -> str:
    """Return the pattern in a call's name, without its host: "/{x}" of "GET /{x} (post)"; "" of one without a route."""
    _, slash, path = name.partition(" ")[2].partition(" ")[0].partition("/")
    return f"{slash}{path}"


def _by_method(arguments: Mapping[str, ArgumentBuilder | None]) -> ArgumentBuilder | None:
    """Return one function for all methods of a route; the method of a request matters only if methods differ."""
    others = arguments[""]
    if len(arguments) == 1:
        return others

    def build(request: Request) -> dict[str, Any]:
        own = arguments.get(request.head.method, others)
        return own(request) if own is not None else request.params

    return build


# --- calling the view: the one place where whatever it raises is caught ---------------------------
# PERF: benchmarks/run.py; three forms each, so that a view without parameters is called without any,
# and one with path parameters only is called with them as they are.


def _sync_run(
    view: Callable[..., Any],
    arguments: ArgumentBuilder | None,
    make: Callable[[object, Request], Response],
    on_error: OnError,
    *,
    has_path: bool,
) -> Inner:
    if arguments is not None:

        def run(request: Request) -> Outcome:
            try:
                result = view(**arguments(request))
                return Response(result) if result.__class__ is str else make(result, request)
            except BaseException as error:  # noqa: BLE001 - it becomes a response, or goes to the middleware
                return on_error(error, request)

    elif has_path:

        def run(request: Request) -> Outcome:
            try:
                result = view(**request.params)
                return Response(result) if result.__class__ is str else make(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return on_error(error, request)

    else:

        def run(request: Request) -> Outcome:
            try:
                result = view()
                return Response(result) if result.__class__ is str else make(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return on_error(error, request)

    return run


def _async_run(
    view: Callable[..., Any],
    arguments: ArgumentBuilder | None,
    make: Callable[[object, Request], Response],
    on_error: OnError,
    *,
    has_path: bool,
) -> AsyncInner:
    if arguments is not None:

        async def run(request: Request) -> Outcome:
            try:
                result = await view(**arguments(request))
                return Response(result) if result.__class__ is str else make(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return on_error(error, request)

    elif has_path:

        async def run(request: Request) -> Outcome:
            try:
                result = await view(**request.params)
                return Response(result) if result.__class__ is str else make(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return on_error(error, request)

    else:

        async def run(request: Request) -> Outcome:
            try:
                result = await view()
                return Response(result) if result.__class__ is str else make(result, request)
            except BaseException as error:  # noqa: BLE001 - as above
                return on_error(error, request)

    return run


def _catching(run: Run, on_error: OnError) -> Inner:
    def run_catching(request: Request) -> Outcome:
        try:
            return run(request)
        except BaseException as error:  # noqa: BLE001 - as above
            return on_error(error, request)

    return run_catching


def _catching_async(run: AsyncRun, on_error: OnError) -> AsyncInner:
    async def run_catching(request: Request) -> Outcome:
        try:
            return await run(request)
        except BaseException as error:  # noqa: BLE001 - as above
            return on_error(error, request)

    return run_catching
