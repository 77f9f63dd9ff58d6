"""Pages whose templates have values that are made for each request: the context functions of `Templates`.

In: a function for each name, read as a dependency. Out: text, as of any pages. The functions are called when a template
is rendered, and only then; what the request has open already is shared, and what is opened is closed behind the page.
On the page of an error, a function that fails is logged and its name is left out: the page must come all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fanlight.binding.dependency_plan import DependencyPlan
from fanlight.binding.open_dependencies import Opened, RequestScope, Values, close
from fanlight.message.request import Request
from fanlight.pages.one_line import in_one_line
from fanlight.pages.pages import Pages


class ContextPages(Pages):
    """The templates and error pages of an app with context functions; `plans` has one for each of their names."""

    has_context = True

    def __init__(self, plans: Mapping[str, DependencyPlan], *parts: Any) -> None:
        super().__init__(*parts)
        self._plans = plans
        self.waiting_types = tuple(each for plan in plans.values() for each in plan.waiting_types)
        self._lasting = frozenset[Any]().union(*(plan.lasting for plan in plans.values()))

    def _render(self, name: str, values: Mapping[str, object], request: Request | None) -> str:
        if request is None:
            return super()._render(name, values, request)
        scope = RequestScope.of(request)
        outer, shared = scope.enter()
        opened: Opened = []
        try:
            context: dict[str, Any] = {}
            for plan in self._plans.values():
                context |= plan.open(_no_arguments, request, shared, opened)
            text = super()._render(name, {**context, **values}, request)
            close(opened)
        except BaseException as error:
            close(opened, error)
            raise
        finally:
            scope.leave(outer, self._lasting)
        return text

    def _render_for_error(self, name: str, values: Mapping[str, object], request: Request | None) -> str:
        if request is None:
            return super()._render_for_error(name, values, request)
        scope = RequestScope.of(request)
        outer, shared = scope.enter()
        opened: Opened = []
        try:
            context = self._context_of_error(request, shared, opened)
            text = super()._render_for_error(name, {**context, **values}, request)
        except BaseException as error:
            close(opened, error)
            raise
        finally:
            scope.leave(outer, self._lasting)
        self._close_behind_error(opened)
        return text

    def _context_of_error(self, request: Request, shared: Values, opened: Opened) -> dict[str, Any]:
        context: dict[str, Any] = {}
        for name, plan in self._plans.items():
            try:
                context |= plan.open(_no_arguments, request, shared, opened)
            except BaseException as failure:  # noqa: BLE001 - it is the app's, and may raise anything
                self._log_once(f"error pages are sent without {name}: {in_one_line(failure)}", failure)
        return context

    def _close_behind_error(self, opened: Opened) -> None:
        try:
            close(opened)
        except BaseException as failure:  # noqa: BLE001 - as above
            self._log_once(f"what an error page had open can't be closed: {in_one_line(failure)}", failure)


def _no_arguments(_: Request) -> dict[str, Any]:
    return {}
