"""Say what a value of URLS answers, and make its call.

In: a value, the pattern and the methods of its key. Out: a `Call`. Refuses, with a suggestion,
values that answer nothing, templates that are not there, and views that can't be given what they ask.
Reads each view's signature once, however many routes it has.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeGuard

from fanlight.app.calls import CallFactory
from fanlight.app.error_handlers import raise_content_error
from fanlight.app.middleware import read_middleware
from fanlight.app.responses import ResponseFactory
from fanlight.app.statics import StaticFolders
from fanlight.app.string_values import markup_for_text, misnamed_template
from fanlight.binding.arguments import ArgumentBuilder, argument_builder
from fanlight.binding.body_parameter import path_hints
from fanlight.binding.callables import display_name, is_async
from fanlight.binding.dependencies import Dependencies, DependencyPlan
from fanlight.binding.plan import BODY_METHODS, Binding, bind
from fanlight.binding.signature import Signature, View, pinned_lane, read_signature, route_limits
from fanlight.errors import Mistake, SetupError
from fanlight.message.app_state import State
from fanlight.message.body_policy import BodyMode, body_policy_for
from fanlight.message.handler import Call, Lane
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.with_middleware import WithMiddleware, middleware_of
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages
from fanlight.pages.static.static import Static
from fanlight.routing.pattern import parameters_of

_KINDS = "give a view (a function, without calling it), a text, a template's name, a response or a nested table"


class Endpoints:
    """Makes the calls for the values of one table."""

    def __init__(  # noqa: PLR0913 - each is a part of an app
        self,
        calls: CallFactory,
        pages: Pages,
        results: ResponseFactory,
        dependencies: Dependencies,
        state: State,
        folder: Path,
        *,
        statics: StaticFolders,
    ) -> None:
        """Make calls with these; `folder` is what places are told from."""
        self._statics = statics
        self._base, self._pages, self._results = calls, pages, results
        self._dependencies, self._state, self._folder = dependencies, state, folder
        self._calls = calls  # those within the steps of the value that is being read
        self._within: dict[tuple[object, ...], CallFactory] = {(): calls}
        self._signatures: dict[int, tuple[View, Signature]] = {}

    def hints(self, value: object) -> Mapping[str, str]:
        """Return the converters by which a view's path should be read; none for what is no view."""
        if not is_view(value):
            return {}
        try:
            return path_hints(self._signature(value))
        except SetupError:
            return {}  # told when the call is made

    def call(self, value: object, pattern: str, methods: frozenset[str], middleware: tuple[object, ...]) -> Call:
        """Return the call for a value, with steps `around` it. Raises SetupError with all that is wrong with it."""
        self._calls = self._calls_within((*middleware, *middleware_of(value)))
        name = f"{'|'.join(sorted(methods))} {pattern}"
        if isinstance(value, str):
            return self._of_text(value, pattern, name)
        if isinstance(value, Response):
            if not isinstance(value.content, bytes):
                _refuse(f"the response at {pattern} is a stream, which can be sent only once", "return it from a view")
            return self._calls.for_response(value, name)
        if isinstance(value, Page):
            return self._of_page(value, name)
        if isinstance(value, Static):
            return self._statics.call(value, pattern, self._calls, name, is_guarded=bool(middleware))
        if isinstance(value, type):
            _refuse(
                f"{display_name(value)} at {pattern} is a class", "give a function, or an object that can be called"
            )
        if inspect.iscoroutine(value):
            value.close()
            _refuse(f"the view at {pattern} has been called", "write its name without parentheses")
        if inspect.isgenerator(value) or inspect.isasyncgen(value):
            _refuse(f"the view at {pattern} has been called", "write its name without parentheses")
        if not is_view(value):
            _refuse(f"a value of type {type(value).__name__} at {pattern} answers nothing", _KINDS)
        return self._of_view(value, parameters_of(pattern), methods, f"{name} ({display_name(value)})")

    def _calls_within(self, middleware: tuple[object, ...]) -> CallFactory:
        known = self._within.get(middleware)
        if known is not None:
            return known
        self._within[middleware] = self._base  # a mistake in them is told once
        steps, mistakes = read_middleware(middleware, self._folder)
        if mistakes:
            raise SetupError(mistakes)
        calls = self._within[middleware] = self._base.within(steps)
        return calls

    def _of_text(self, text: str, pattern: str, name: str) -> Call:
        if mistake := markup_for_text(text, f"the text at {pattern}"):
            raise SetupError([mistake])
        if not text.endswith(".html"):
            return self._calls.for_response(Response(self._pages.heading(text)), name)
        if mistake := misnamed_template(text, self._pages, "URLS"):
            raise SetupError([mistake])
        answer = self._results.make

        def render_template(request: Request) -> Response:
            return answer(Page(text, request.params), request)

        return self._calls.for_handler(render_template, f"{name} ({text})")

    def _of_page(self, page: Page, name: str) -> Call:
        if mistake := misnamed_template(page.template, self._pages, "URLS"):
            raise SetupError([mistake])
        answer = self._results.make
        return self._calls.for_handler(lambda request: answer(page, request), f"{name} ({page.template})")

    def _of_view(self, view: View, path: Mapping[str, str], methods: frozenset[str], name: str) -> Call:
        signature = self._signature(view)
        with_body, without = methods & BODY_METHODS, methods - BODY_METHODS
        mistakes: list[Mistake] = []
        arguments: dict[str, ArgumentBuilder | None] = {}
        reads_content, errors, body_mode, hints, decodes = False, "", BodyMode.BUFFERED, "", False
        dependencies: DependencyPlan | None = None
        for mine, has_body in ((without, False), (with_body, True)):
            if not mine:
                continue
            try:
                binding = bind(signature, path, has_body=has_body, is_first=bool(with_body))
                dependencies = self._dependencies.of(binding, path, view)
            except SetupError as error:
                mistakes += [each for each in error.mistakes if each not in mistakes]
                continue
            if binding.stream and not is_async(view):
                mistakes.append(_needs_async(signature, binding.stream))
                continue
            if mistake := _never_hinted(signature, binding, pinned_lane(view)):
                mistakes.append(mistake)
                continue
            found, hints = argument_builder(binding, self._state), binding.hints
            errors = binding.errors.name if binding.errors is not None else ""
            body_mode, decodes = max(body_mode, binding.body_mode), decodes or binding.body is not None
            reads_content = (
                reads_content or binding.reads_content or (dependencies is not None and dependencies.reads_content)
            )
            if not arguments:
                arguments[""] = found
            else:
                arguments |= dict.fromkeys(mine, found)
        if mistakes:
            raise SetupError(mistakes)
        call = self._calls.for_view(
            view,
            arguments,
            name,
            has_path=bool(path),
            reads_content=reads_content,
            dependencies=dependencies,
            errors=errors,
            place=signature.place,
        )
        route = name.partition(" (")[0]
        call.body_policy = body_policy_for(
            route_limits(view), body_mode, route, sends_early_hints=bool(hints), decodes=decodes
        )
        if call.reads_content:  # a view that shows its form again does so for one that is too large, too
            call.refused = call if errors else self._calls.for_handler(raise_content_error, name)
        if hints and call.lane is Lane.MEASURED:  # it has work to do meanwhile, or it would not send them
            call.lane, call.is_pinned = Lane.THREAD, True
        return call

    def _signature(self, view: View) -> Signature:
        known = self._signatures.get(id(view))
        if known is None:
            # The view is kept beside its signature, so that no other gets its id.
            known = self._signatures[id(view)] = view, read_signature(view, self._folder)
        return known[1]


def _needs_async(signature: Signature, stream: str) -> Mistake:
    hint = "write async def, without a yield in it, and read it before you return"
    return signature.mistake(f"{signature.name} takes the content as a stream, {stream}, and is not async", hint)


def _never_hinted(signature: Signature, binding: Binding, pinned: Lane | None) -> Mistake | None:
    """Return what keeps a view that wants to send early hints from doing so."""
    if binding.hints and binding.stream:
        hint = f"leave out {binding.hints} or {binding.stream}"
        return signature.mistake(f"{signature.name} sends early hints while it reads a stream", hint)
    if binding.hints and pinned is Lane.INLINE:
        return signature.mistake(f"{signature.name} sends early hints, but is pinned inline", "take @lane away")
    return None


def is_view(value: object) -> TypeGuard[View]:
    """Say whether a value is called to answer."""
    return callable(value) and not isinstance(value, str | type | Response | Page | Static | Mapping)


def unwrap(value: object) -> tuple[object, tuple[object, ...]]:
    """Return what a value of URLS holds, and the steps that stand around it, outermost first."""
    middleware: tuple[object, ...] = ()
    while isinstance(value, WithMiddleware):
        middleware = (*middleware, *value.steps)
        value = value.inner
    return value, middleware


def _refuse(message: str, hint: str) -> NoReturn:
    raise SetupError([Mistake(message=message, hint=hint)])
