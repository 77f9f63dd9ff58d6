"""Make the call for each value in `URLS`.

In: a value, the pattern and the methods of its key. Out: a `Call`. Refuses, with a suggestion, values that are no
response, templates that do not exist, and views with parameters that no request can fill. The signature of a view is
read once, however many routes it has.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeGuard

from msgspec import Struct

from fanlight.app.calls import BoundView, CallFactory
from fanlight.app.cors_paths import CallFacts, CorsPaths
from fanlight.app.guard_choice import GuardChoice
from fanlight.app.guests import Guests, is_guest, refuse_unmounted
from fanlight.app.middleware import read_middleware
from fanlight.app.mount_preflights import MountPreflights
from fanlight.app.observer import NO_OBSERVER, Observer
from fanlight.app.parts import MountedPart, Parts, table_of
from fanlight.app.responses import ResponseFactory
from fanlight.app.statics import StaticFolders
from fanlight.app.string_values import is_template_name, string_mistake, template_mistake
from fanlight.app.view_mistakes import view_mistake
from fanlight.binding.arguments import Binding, argument_builder
from fanlight.binding.callables import ArgumentBuilder, View, display_name
from fanlight.binding.dependencies import Dependencies
from fanlight.binding.dependency_plan import DependencyPlan
from fanlight.binding.signature import Signature, read_signature, route_limits
from fanlight.binding.signatures_below import signatures_below
from fanlight.errors import InvalidResponse, Mistake, SetupError
from fanlight.message.app_state import State
from fanlight.message.body_policy import BodyMode, body_policy_for
from fanlight.message.handler import Call
from fanlight.message.hosts import Hosts
from fanlight.message.nested_table import NestedTable
from fanlight.message.part import Part
from fanlight.message.response import Response, check_sendable
from fanlight.message.route_marks import Marked, marks_of
from fanlight.message.with_middleware import MiddlewareMark, middleware_of
from fanlight.pages.builtin_pages import heading_page
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages
from fanlight.pages.static.static import Static
from fanlight.protection.cors import CorsPolicy
from fanlight.protection.security import DEFAULT_SECURITY, Security
from fanlight.routing.entries import VALUE_KINDS, Entry, Inherited, Mount, Placed
from fanlight.routing.pattern import parameters_of, refuse
from fanlight.routing.route import Route
from fanlight.routing.table import Table
from fanlight.sessions.session_settings import DEFAULT_SESSIONS, Sessions

if TYPE_CHECKING:
    from fanlight.routing.host_pattern import HostPattern


class _Place(Struct, frozen=True):
    """Where a route is: its path, its host in an app with several, and the part of the site that it is in."""

    pattern: str
    host: HostPattern | None
    mount: Mount | None

    @property
    def host_parameters(self) -> Mapping[str, str]:
        return {} if self.host is None else self.host.parameters

    @property
    def parameters(self) -> Mapping[str, str]:
        return {**self.host_parameters, **parameters_of(self.pattern)}

    def __str__(self) -> str:
        return f"{self.host or ''}{self.pattern}"


class Endpoints:
    """Makes the calls for the values of one table."""

    def __init__(  # noqa: PLR0913 - each is a part of an app
        self,
        calls: CallFactory,
        pages: Pages,
        responses: ResponseFactory,
        dependencies: Dependencies,
        state: State,
        folder: Path,
        *,
        statics: StaticFolders,
        parts: Parts,
        guests: Guests,
        observer: Observer = NO_OBSERVER,
        security: Security = DEFAULT_SECURITY,
        sessions: Sessions = DEFAULT_SESSIONS,
    ) -> None:
        self._parts = parts
        self._statics, self._guests, self._observer = statics, guests, observer
        self._pages, self._responses = pages, responses
        self._dependencies, self._state, self._folder = dependencies, state, folder
        self._calls = calls
        # By what a part of the app inherits: its middleware, and whether its errors are JSON.
        self._factories: dict[tuple[tuple[object, ...], bool, str], CallFactory] = {((), False, ""): calls}
        self._signatures: dict[int, tuple[View, Signature]] = {}
        self._reported: set[Mistake] = set()  # of middleware that many routes have
        self._guards = GuardChoice(security, sessions)
        self._sign_in = sessions.sign_in
        self._sign_in_paths = {sessions.sign_in} if isinstance(sessions.sign_in, str) else set[str]()
        self._facts: dict[Call, CallFacts] = {}  # of each route, for CORS
        self._fields_read = frozenset[str]()  # by the view of the route that is being made
        self.guards_need_services = False

    def path_types(self, value: object) -> Mapping[str, str]:
        """Return the converters for the path parameters that a view, or a dependency of it, annotates."""
        if not is_view(value):
            return {}
        try:
            signature = self._signature(value)
        except SetupError:
            return {}  # reported when the call is made
        from fanlight.binding.input_parameter import path_hints  # noqa: PLC0415 - see below

        hints = path_hints(signature)
        for each in signatures_below(signature):
            hints = path_hints(each) | hints
        return hints

    def look(self, entries: Sequence[Entry]) -> None:
        """Find the path where people sign in: another view may have the same one, for the form that is posted."""
        if self._sign_in is not None:
            self._sign_in_paths |= {str(each.pattern) for each in entries if each.value == self._sign_in}

    def cors_paths(self, table: Table) -> CorsPaths | None:
        """Return the CORS policies of the paths of a table, None if there are none."""
        paths = CorsPaths(table, self._facts, self._guards.cors_policy)
        return paths if paths.is_used else None

    def mount_preflights(self, routes: Iterable[Route], calls: CallFactory) -> MountPreflights | None:
        """Return what responds to the preflights for apps of other frameworks, None if none of them has CORS."""
        policies: dict[Call, CorsPolicy] = {}
        for route in routes:
            call = route.endpoint
            if isinstance(call, Call) and is_guest(route.view) and (policy := self._facts[call].policy) is not None:
                policies[call] = policy
        return MountPreflights(policies, calls) if policies else None

    def call(
        self,
        value: object,
        pattern: str,
        methods: frozenset[str],
        inherited: Inherited,
        *,
        host: HostPattern | None = None,
    ) -> Call:
        """Return the call for a value, with the settings of its tables. Raises SetupError with all its mistakes.

        `host` is that of its table, in an app with several.
        """
        marks = (*inherited.marks, *_marks_of(value))
        self._fields_read = frozenset[str]()
        place = _Place(pattern, host, inherited.mount)
        call = self._call(value, place, methods, marks, json_errors=inherited.json_errors)
        self._facts[call] = CallFacts(self._guards.cors_policy(marks), self._fields_read)
        return call

    def _call(
        self, value: object, place: _Place, methods: frozenset[str], marks: Sequence[Placed], *, json_errors: bool
    ) -> Call:
        pattern, path = place.pattern, place.parameters
        refuse_unmounted(value, pattern)
        middleware = middleware_of(each.mark for each in marks)
        mounted = self._parts.of(place.mount)
        pages, responses = (self._pages, self._responses) if mounted is None else (mounted.pages, mounted.responses)
        calls = self._bound(self._factory(middleware, place.mount, mounted, json_errors=json_errors), path)
        name = f"{'|'.join(sorted(methods))} {place}"
        guards = self._guards.guards_for(
            marks,
            methods,
            name,
            pattern if pattern in self._sign_in_paths else "",
            is_websocket=is_view(value) and bool(self._signature(value).websocket),
            may_upgrade=self._guests.may_upgrade(value),
            is_mounted=is_guest(value),
        )
        self.guards_need_services |= any(each.needs_services for each in guards)
        calls = calls.with_guards(guards)
        if isinstance(value, str):
            return self._for_string(value, pattern, name, calls, pages, responses)
        if isinstance(value, Response):
            if not isinstance(value.content, bytes):
                refuse(f"the response at {pattern} is a stream, which can be sent only once", "return it from a view")
            try:
                check_sendable(value)
            except InvalidResponse as error:
                refuse(f"the response at {pattern} can't be sent: {error}", "")
            return calls.for_response(value, name)
        if isinstance(value, Page):
            if mistake := template_mistake(value.template, pages, "URLS"):
                raise SetupError([mistake])
            return calls.for_handler(lambda request: responses.make(value, request), f"{name} ({value.template})")
        if isinstance(value, Static):
            host = "" if place.host is None else str(place.host)
            return self._statics.call(
                value, pattern, calls, name, is_private=bool(middleware), host=host, mount=place.mount
            )
        if is_guest(value):
            return self._guests.call(value, pattern, calls, name)
        if not is_view(value):
            _refuse_value(value, pattern)
        return self._for_view(value, place, methods, f"{name} ({display_name(value)})", calls)

    def _bound(self, calls: CallFactory, path: Mapping[str, str]) -> CallFactory:
        """Return a factory whose middleware has the dependencies for a path. Raises SetupError, once for a mistake."""
        try:
            return calls.bound(self._dependencies, path)
        except SetupError as error:
            found = [each for each in error.mistakes if each not in self._reported]
            self._reported.update(found)
            if found:
                raise SetupError(found) from None
            return calls

    def _factory(
        self, middleware: tuple[object, ...], mount: Mount | None, mounted: MountedPart | None, *, json_errors: bool
    ) -> CallFactory:
        key = middleware, json_errors, "" if mount is None else mount.part.name
        known = self._factories.get(key)
        if known is not None:
            return known
        self._factories[key] = self._calls  # its mistakes are reported once
        read, mistakes = read_middleware(middleware, self._folder)
        if mistakes:
            raise SetupError(mistakes)
        factory = self._factories[key] = self._calls.for_part(
            read, json_errors=json_errors, own=None if mounted is None else (mounted.responses, mounted.errors)
        )
        return factory

    def _for_string(
        self, text: str, pattern: str, name: str, calls: CallFactory, pages: Pages, responses: ResponseFactory
    ) -> Call:
        if mistake := string_mistake(text, pages, f"the string at {pattern}", "URLS"):
            raise SetupError([mistake])
        if not is_template_name(text):
            return calls.for_response(Response(heading_page(text)), name)
        make = responses.make
        return calls.for_handler(lambda request: make(Page(text, request.params), request), f"{name} ({text})")

    def _for_view(self, view: View, place: _Place, methods: frozenset[str], name: str, calls: CallFactory) -> Call:
        signature, path, host = self._signature(view), place.parameters, place.host_parameters
        websocket = signature.websocket
        from fanlight.binding.plan import BODY_METHODS, bind  # noqa: PLC0415 - an import of `App` binds nothing

        with_body, without = methods & BODY_METHODS, methods - BODY_METHODS
        if with_body:  # it may get a form, which must not wait for an import
            import fanlight.message.form_reader  # noqa: F401, PLC0415
        mistakes: list[Mistake] = []
        arguments: dict[str, ArgumentBuilder | None] = {}
        reads_content, errors, hints, decodes = False, "", "", False
        body_mode = BodyMode.WEBSOCKET if websocket else BodyMode.BUFFERED
        dependencies: DependencyPlan | None = None
        for own, has_body in ((without, False), (with_body, True)):
            if not own:
                continue
            try:
                binding = bind(signature, path, has_body=has_body, has_body_methods=bool(with_body), host=host)
                dependencies = self._dependencies.of(binding, path, view)
            except SetupError as error:
                mistakes += [each for each in error.mistakes if each not in mistakes]
                continue
            if mistake := view_mistake(signature, binding, view, methods):
                mistakes.append(mistake)
                continue
            builder = self._observer.arguments(argument_builder(binding, self._state), signature, binding)
            self._fields_read |= _fields_read(binding, dependencies)
            hints = binding.hints
            errors = binding.errors.name if binding.errors is not None else ""
            body_mode, decodes = max(body_mode, binding.body_mode), decodes or binding.body is not None
            reads_content |= binding.reads_content or (dependencies is not None and dependencies.reads_content)
            if not arguments:
                arguments[""] = builder
            else:
                arguments |= dict.fromkeys(own, builder)
        if mistakes:
            raise SetupError(mistakes)
        policy = body_policy_for(
            route_limits(view),
            body_mode,
            name.partition(" (")[0],
            sends_interim=bool(hints or websocket),
            decodes=decodes,
        )
        bound = BoundView(
            view=view,
            place=signature.location,
            arguments=arguments,
            has_path=bool(path),
            reads_content=reads_content,
            body_policy=policy,
            dependencies=dependencies,
            errors=errors,
            websocket=websocket,
        )
        return calls.for_view(bound, name)

    def _signature(self, view: View) -> Signature:
        known = self._signatures.get(id(view))
        if known is None:
            # The view is kept beside its signature, so that no other gets its id.
            known = self._signatures[id(view)] = view, read_signature(view, self._folder)
        return known[1]


def _fields_read(binding: Binding, dependencies: DependencyPlan | None) -> frozenset[str]:
    """Return the request fields that a view takes, itself or by its dependencies, and that describe its content."""
    own = (
        frozenset(each.sent_as for each in binding.headers.fields) if binding.headers is not None else frozenset[str]()
    )
    of_others = frozenset[str]() if dependencies is None else dependencies.request_fields
    return own | of_others | (frozenset({"content-type"}) if binding.reads_content else frozenset())


def _refuse_value(value: object, pattern: str) -> NoReturn:
    """Raise SetupError for a value that is no view."""
    if isinstance(value, type):
        refuse(f"{display_name(value)} at {pattern} is a class", "give a function, or an object with `__call__`")
    if inspect.iscoroutine(value) or inspect.isgenerator(value) or inspect.isasyncgen(value):
        if inspect.iscoroutine(value):
            value.close()  # it will never run, and Python would warn about that
        refuse(f"the view at {pattern} has been called", "write its name without parentheses")
    if isinstance(value, Hosts):
        refuse(f"Hosts is at {pattern}, in a table", 'write App(Hosts({"example.org": URLS}))')
    refuse(f"a value of type {type(value).__name__} at {pattern} is no response", VALUE_KINDS)


def is_view(value: object) -> TypeGuard[View]:
    """Return whether a value in `URLS` is a view."""
    return callable(value) and not isinstance(value, str | type | Response | Page | Static | Mapping)


def unwrap(value: object) -> tuple[object, Inherited]:
    """Return a value of `URLS` without its marks and `table(...)`, and what they add."""
    inherited = Inherited()
    while isinstance(value, Marked | NestedTable | Part):
        if isinstance(value, Marked):
            own = Inherited(marks=(Placed(value.mark),))
        elif isinstance(value, Part):
            urls = table_of(value)
            marks = (Placed(MiddlewareMark(tuple(value.middleware))),) if value.middleware else ()
            own = Inherited(table=value.name, marks=marks, mount=Mount(value, value.name, value.file))
            return urls, inherited.with_inner(own)
        else:
            own = Inherited(table=str(value.name), json_errors=value.json_errors)
        inherited = inherited.with_inner(own)
        value = value.inner
    return value, inherited


def _marks_of(value: object) -> tuple[Placed, ...]:
    """Return the marks with which a view is decorated."""
    return tuple(Placed(each, display_name(value)) for each in marks_of(value))
