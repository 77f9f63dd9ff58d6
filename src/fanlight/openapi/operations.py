"""The operations of a site: for each route that is described, and each of its methods, an Operation Object of OpenAPI.

In: the routes, and what the app around them has. Out: operations in the order of the table; what can't be described, or
is left open, as `Gap`s; and the routes that are left out, each with the reason.

A route is described if its view is annotated to return data (JSON, bytes, a file, a stream, nothing), or stands in a
table whose errors are JSON: such a table is for programs. Pages are left out. `in_openapi(...)` decides otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from msgspec import Struct

from fanlight.binding.callables import View, display_name, source_location, unwrap_callable
from fanlight.binding.dependencies import Dependencies
from fanlight.binding.injection import read_injected
from fanlight.binding.plan import BODY_METHODS, bind
from fanlight.binding.signature import ANNOTATION_ERRORS, Signature, read_signature
from fanlight.message.app_state import State
from fanlight.message.form import FormErrors
from fanlight.message.response import Response
from fanlight.message.route_marks import marks_of
from fanlight.message.with_middleware import middleware_of
from fanlight.openapi.bound_function import BoundFunction
from fanlight.openapi.error_views import ErrorViews, with_responses
from fanlight.openapi.openapi_mark import OpenAPIMark, merged
from fanlight.openapi.operation_inputs import read_inputs
from fanlight.openapi.operation_responses import error_responses, marked_responses, view_responses
from fanlight.openapi.operation_security import read_security
from fanlight.openapi.return_types import ReturnTypes, read_return_types
from fanlight.openapi.schemas import Schemas
from fanlight.openapi.view_code import read_code
from fanlight.pages.page import Page
from fanlight.pages.static.static import Static
from fanlight.routing.entries import Mount
from fanlight.routing.route import Route

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH")  # OpenAPI 3.1, Path Item Object; TRACE is none


class DescribedSite(Struct, frozen=True, kw_only=True):
    """What is described."""

    routes: Sequence[Route]
    middleware: Sequence[Callable[..., object]]  # of the whole app
    state: State
    folder: Path
    error_view: Callable[[Mount | None, type[Exception]], View | None]  # of a part (None: of the site), for a class
    session_cookie: str = "session"
    checks_cross_site: bool = True  # what changes something may be refused, as a request of another site's page


class Gap(Struct, frozen=True):
    """Something that the description of an operation leaves open."""

    operation: str  # "GET /cats (cats.index)"
    place: str  # "cats.py:12"
    problem: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.problem}" + (f"\n  at {self.place}" if self.place else "")


class Operation(Struct, kw_only=True):
    """One route with one method."""

    route: Route
    method: str
    content: dict[str, Any]
    schemes: Mapping[str, dict[str, Any]]


class Operations:
    """Reads the operations of a site; `gaps` and `left_out` are what it has found on the way."""

    def __init__(self, site: DescribedSite, schemas: Schemas) -> None:
        self._site, self._schemas = site, schemas
        self._dependencies = Dependencies({}, site.state, site.folder)
        for each in site.middleware:
            injected = read_injected(each, "middleware", site.folder)
            if injected is not None:
                self._dependencies.lend(self._dependencies.inject(injected, each, None, "middleware").plan)
        self.gaps: list[Gap] = []
        self.left_out: list[Gap] = []

    def read(self) -> Iterator[Operation]:
        """Yield the operations."""
        for route in self._site.routes:
            view = route.view
            mark = merged([*(each.mark for each in route.inherited.marks), *marks_of(view)])
            if not _is_view(view):
                if mark.is_described:
                    self._leave_out(route, "it is no view, so there is nothing to be read of it")
                continue
            returned = read_return_types(view)
            reason = (
                ""
                if mark.is_described
                else _reason_to_leave_out(route, mark, returned, takes_errors=self._takes_errors(view))
            )
            if reason:
                if mark.is_described is None:
                    self._leave_out(route, reason)
                continue
            yield from self._operations_of(route, mark, returned)

    def _leave_out(self, route: Route, reason: str) -> None:
        self.left_out.append(Gap(_title(route), self._place(route), reason))

    def _place(self, route: Route) -> str:
        return (source_location(route.view, self._site.folder) if _is_view(route.view) else "") or route.place

    def _takes_errors(self, view: View) -> bool:
        return any(each.marker is FormErrors for each in read_signature(view, self._site.folder).parameters)

    def _operations_of(self, route: Route, mark: OpenAPIMark, returned: ReturnTypes) -> Iterator[Operation]:
        code = read_code(route.view, self._site.folder)
        problems = [] if mark.responses is not None or not returned.problem else [returned.problem]
        if code.only_redirects and not returned.says_data:
            problems = []
        for method in _in_order(route.methods):
            if method not in _METHODS:
                problems.append(f"OpenAPI has no {method}, so it is left out")
                continue
            try:
                functions = list(self._functions_of(route, method))
                content, schemes, more = self._operation(route, method, mark, functions, returned)
            except ANNOTATION_ERRORS as error:  # a type that nothing was known of before: the site runs all the same
                problems.append(f"{method} can't be described, and is left out: {error}")
                continue
            problems += more
            yield Operation(route=route, method=method, content=content, schemes=schemes)
        self.gaps += [Gap(_title(route), self._place(route), each) for each in dict.fromkeys(problems)]

    def _functions_of(self, route: Route, method: str) -> Iterator[BoundFunction]:
        """Yield the view of a route, then what it and the middleware depend on, and the middleware."""
        view: Any = route.view
        path, folder, has_body = route.parameters, self._site.folder, method in BODY_METHODS
        signature = read_signature(view, folder)
        binding = bind(signature, path, has_body=has_body, has_body_methods=bool(route.methods & BODY_METHODS))
        yield BoundFunction(function=view, signature=signature, binding=binding, has_body=has_body)
        plan = self._dependencies.of(binding, path, view)
        providers = list(plan.providers) if plan is not None else []
        marks = (*(each.mark for each in route.inherited.marks), *marks_of(view))
        for each in (*self._site.middleware, *middleware_of(marks)):
            injected = read_injected(each, "middleware", folder)
            if injected is None:
                injected = Signature(name=display_name(each), location="")
            else:
                providers += self._dependencies.inject(injected, each, path, "middleware").plan.providers
            binding = bind(injected, {}, has_body=False, is_dependency=True)
            yield BoundFunction(function=each, signature=injected, binding=binding)
        for provider in {each.key: each for each in providers}.values():
            signature = read_signature(provider.function, folder)
            binding = bind(signature, path, has_body=False, is_dependency=True)
            yield BoundFunction(function=provider.function, signature=signature, binding=binding, is_dependency=True)

    def _operation(
        self, route: Route, method: str, mark: OpenAPIMark, functions: list[BoundFunction], returned: ReturnTypes
    ) -> tuple[dict[str, Any], Mapping[str, dict[str, Any]], list[str]]:
        """Return an Operation Object, the security schemes in it, and what it leaves open."""
        schemas, folder = self._schemas, self._site.folder
        inputs = read_inputs(functions, route.parameters, schemas)
        security = read_security(functions, folder, self._site.session_cookie)
        views = self._error_views(route, mark, functions)
        errors = views.statuses | ({422} if inputs.may_be_invalid else set())
        errors |= {404} if inputs.may_not_exist else set()
        errors |= {400, 413, 415} if inputs.body is not None else set()
        errors |= {401} if security.is_required else set()
        errors |= {403} if self._site.checks_cross_site and method not in _SAFE_METHODS else set()
        for each in (*route.inherited.marks, *marks_of(route.view)):
            mark_itself: Any = getattr(each, "mark", each)
            errors |= set(mark_itself.error_statuses)
        if mark.responses is not None:
            responses = marked_responses(mark.responses, schemas)
        else:
            responses = view_responses(returned.types, read_code(route.view, folder), schemas)
        errors = {each for each in errors if str(each) not in responses}
        responses |= error_responses(errors, schemas, may_be_html=not route.inherited.json_errors)
        declared = set(map(str, mark.responses or ()))
        more = {status: each for status, each in views.responses.items() if status not in declared}
        content = _described(route, mark)
        if inputs.parameters:
            content["parameters"] = inputs.parameters
        if inputs.body is not None:
            content["requestBody"] = inputs.body
        content["responses"] = with_responses(responses, more)
        if security.requirements:
            content["security"] = security.requirements
        problems = [*inputs.problems, *security.problems, *views.problems, *schemas.problems]
        schemas.problems.clear()
        return content, security.schemes, problems

    def _error_views(self, route: Route, mark: OpenAPIMark, functions: list[BoundFunction]) -> ErrorViews:
        """Return what is sent for the errors that are declared, and that the functions of an operation raise."""
        site = self._site
        found = ErrorViews(lambda kind: site.error_view(route.inherited.mount, kind), site.folder, self._schemas)
        found.add(mark.errors, are_declared=True)
        for each in functions:
            raised = sorted(read_code(each.function, site.folder).raised, key=_full_name)
            found.add(raised)
        return found


def _full_name(kind: type) -> tuple[str, str]:
    return kind.__module__, kind.__qualname__


def _described(route: Route, mark: OpenAPIMark) -> dict[str, Any]:
    """Return the beginning of an Operation Object: what is said in words."""
    text = inspect.cleandoc(getattr(unwrap_callable(route.view), "__doc__", None) or "")
    summary, _, description = text.partition("\n")
    content: dict[str, Any] = {}
    if tags := list(dict.fromkeys((*filter(None, (route.inherited.table,)), *mark.tags))):
        content["tags"] = tags
    if summary := mark.summary or summary.strip():
        content["summary"] = summary
    if description := description.strip():
        content["description"] = description
    if mark.operation_id:
        content["operationId"] = mark.operation_id
    if mark.is_deprecated:
        content["deprecated"] = True
    return content


def _reason_to_leave_out(route: Route, mark: OpenAPIMark, returned: ReturnTypes, *, takes_errors: bool) -> str:
    if mark.is_described is False:
        return "in_openapi(False)"
    if takes_errors or (returned.is_page and not returned.says_data):
        return "it is a page"
    if returned.says_data or route.inherited.json_errors or mark.responses is not None:
        return ""
    if not returned.written:
        return "it does not say what it returns; write its return annotation, like -> list[Cat]"
    return f"-> {returned.written} does not say that it returns data"


def _title(route: Route) -> str:
    name = route.full_name or (display_name(route.view) if callable(route.view) else "")
    return f"{'|'.join(_in_order(route.methods))} {route.pattern}" + (f" ({name})" if name else "")


def _in_order(methods: frozenset[str]) -> list[str]:
    order = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    return sorted(methods, key=lambda each: (order.index(each) if each in order else len(order), each))


def _is_view(value: object) -> TypeGuard[View]:
    return callable(value) and not isinstance(value, str | type | Response | Page | Static | Mapping)
