"""What is known of each route before a request: for `fanlight routes --json` and tools like it.

In: an app. Out: a `RouteFacts` for each route, in the order of the table. Nothing of it is used to serve a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from fanlight.app.application import Application
from fanlight.app.endpoints import is_view
from fanlight.app.guests import is_guest
from fanlight.app.string_values import is_template_name
from fanlight.binding.callables import display_name, is_async, source_location
from fanlight.binding.dependencies import Dependencies
from fanlight.binding.parameter_facts import ParameterFacts, parameter_facts, path_facts
from fanlight.binding.plan import BODY_METHODS, bind
from fanlight.binding.signature import pinned_lane, read_signature, route_limits
from fanlight.message.response import Response
from fanlight.message.route_marks import marks_of
from fanlight.message.with_middleware import middleware_of
from fanlight.pages.page import Page
from fanlight.pages.static.static import Static
from fanlight.routing.route import Route

_KINDS: tuple[tuple[type, str], ...] = ((Static, "static"), (Response, "response"), (Page, "page"))


class BoundParameter(Struct, frozen=True, kw_only=True):
    """A parameter of a view, or of a dependency of it, for some methods of its route."""

    facts: ParameterFacts
    methods: frozenset[str]
    dependency: str  # the name of the dependency that takes it, "" if it is the view


class RouteFacts(Struct, frozen=True, kw_only=True):
    """A route, and what serves it."""

    route: Route
    kind: str  # view, template, text, page, response, static or app
    view_place: str  # "views.py:12", "" for what is no function
    is_async: bool
    lane: str  # "inline" or "thread" if the view is pinned, else ""
    limits: Mapping[str, int]  # of the view's `@limits`, those that differ from the defaults
    middleware: tuple[str, ...]  # outermost first
    parameters: tuple[BoundParameter, ...]


def route_facts(app: Application) -> Iterator[RouteFacts]:
    """Yield the facts of each route."""
    for route in app.table.routes:
        view = route.view
        lane, limits = pinned_lane(view), route_limits(view)
        marks = (*(each.mark for each in route.inherited.marks), *marks_of(view))
        functions = (*app.app_middleware, *middleware_of(marks))
        yield RouteFacts(
            route=route,
            kind=_kind_of(view),
            view_place=source_location(view, app.folder) if is_view(view) else "",
            is_async=is_view(view) and is_async(view),
            lane="" if lane is None else lane.name.lower(),
            limits={} if limits is None else {name: value for name, (value, _) in limits.changed().items()},
            middleware=tuple(map(display_name, functions)),
            parameters=tuple(_parameters_of(route, app)),
        )


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return "template" if is_template_name(value) else "text"
    if is_guest(value):
        return "app"
    return next((kind for cls, kind in _KINDS if isinstance(value, cls)), "view")


def _parameters_of(route: Route, app: Application) -> Iterator[BoundParameter]:
    """Yield the parameters of a route; one that comes from elsewhere with other methods is there for each of them."""
    found: dict[tuple[ParameterFacts, str], frozenset[str]] = {}
    for methods in (route.methods - BODY_METHODS, route.methods & BODY_METHODS):
        for facts, dependency in _facts_for(methods, route, app) if methods else ():
            found[facts, dependency] = found.get((facts, dependency), frozenset()) | methods
    for (facts, dependency), methods in found.items():
        yield BoundParameter(facts=facts, methods=methods, dependency=dependency)


def _facts_for(methods: frozenset[str], route: Route, app: Application) -> Iterator[tuple[ParameterFacts, str]]:
    path, view = route.parameters, route.view
    if not is_view(view):
        yield from ((facts, "") for facts in path_facts(path))
        return
    signature, has_body = read_signature(view, app.folder), bool(methods & BODY_METHODS)
    binding = bind(
        signature,
        path,
        has_body=has_body,
        has_body_methods=bool(route.methods & BODY_METHODS),
        host=() if route.host is None else route.host.parameters,
    )
    yield from ((facts, "") for facts in parameter_facts(signature, path, binding))
    plan = Dependencies({}, app.state, app.folder).of(binding, path, view)
    for provider in plan.providers if plan is not None else ():
        signature = read_signature(provider.function, app.folder)
        binding = bind(signature, path, has_body=False, is_dependency=True)
        yield from ((facts, provider.name) for facts in parameter_facts(signature, path, binding))
