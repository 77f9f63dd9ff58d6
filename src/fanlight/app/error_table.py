"""Read the `errors` of an app, or of a part of its site: what is sent for each status, and for exceptions of a class.

    errors={404: not_found, 500: "Something went wrong", OutOfStock: out_of_stock}

In: the table. Out: for each entry a function that makes the response of an error. Refuses a status that is no error, a
class that means no failure of a view or that a status stands for, a value that is no response, and for a class a value
that is no view: only a view can say which status an exception has.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from fanlight.app.responses import ResponseFactory
from fanlight.app.string_values import is_template_name, string_mistake
from fanlight.binding.callables import display_name, is_async, mistake_in
from fanlight.binding.dependency_plan import Injection, Injector, MakeResponse
from fanlight.binding.injection import read_injected
from fanlight.errors import ClientError, HTTPError, InvalidResponse, Mistake, SetupError
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.type_provider import TypeProvider
from fanlight.pages.builtin_pages import heading_page
from fanlight.pages.page import Page
from fanlight.pages.pages import Pages, error_context

ErrorHandler = Callable[[Any, Request], Response]  # of an HTTPError, or of an exception of its class
Observe = Callable[[Callable[..., object]], Callable[..., object]]  # from an error view to what is called in its place
KEYS = "a key is a status from 400 to 599, or a class of exceptions"


class ErrorTable:
    """The entries of one `errors`; `mistakes` lists what is wrong with it."""

    def __init__(
        self,
        errors: Mapping[Any, object] | None,
        pages: Pages,
        responses: ResponseFactory,
        injector: Injector,
        folder: Path | None = None,
        observe: Observe = lambda view: view,
    ) -> None:
        """Read `errors`: a status, and a view, a template's name, a string or a response; or a class, and a view.

        `observe` returns what is called in the place of a view.
        """
        self._pages, self._responses, self._injector, self._folder = pages, responses.for_errors(), injector, folder
        self._observe = observe
        self.by_status: dict[int, ErrorHandler] = {}
        self.choosing: set[int] = set()  # those whose view chooses between HTML and JSON itself
        self._by_class: dict[type, ErrorHandler] = {}
        self._views: dict[type, Callable[..., object]] = {}  # by the same classes, as they were given
        self.has_dependencies = False  # whether a view opens something for a request
        self.waiting_types: tuple[TypeProvider, ...] = ()  # what views need and can't wait for
        self.mistakes: list[Mistake] = []
        if not isinstance(errors, Mapping | None):
            hint = "write a dict: errors={404: not_found}"
            self.mistakes.append(Mistake(message=f"errors is a {type(errors).__name__}", hint=hint))
            return
        for key, value in (errors or {}).items():
            if isinstance(key, type):
                self._read_class(key, value)
            elif isinstance(key, bool) or not isinstance(key, int) or key not in range(400, 600):
                hint = "write the class, without calling it" if isinstance(key, BaseException) else KEYS
                self.mistakes.append(Mistake(message=f"errors[{key!r}]: there is no such error", hint=hint))
            else:
                self._read_status(key, value)

    def of_class(self, error: BaseException) -> ErrorHandler | None:
        """Return the view for an exception: that of its own class, or of the nearest one that it derives from."""
        if self._by_class:
            for each in type(error).__mro__:
                if (view := self._by_class.get(each)) is not None:
                    return view
        return None

    def view_of(self, kind: type) -> Callable[..., object] | None:
        """Return the view for the exceptions of a class, as it is written in `errors`."""
        return next((self._views[each] for each in kind.__mro__ if each in self._views), None)

    def _read_status(self, status: int, value: object) -> None:
        if isinstance(value, str):
            self._read_string(status, value)
        elif isinstance(value, Response):
            self.by_status[status] = lambda _, __: value.copy()
        elif isinstance(value, Page):
            self.by_status[status] = lambda _, request: self._responses.make(value, request)
        elif not _is_view(value):
            message = f"errors[{status}] is a {type(value).__name__}, which is no response"
            hint = "give a view (without calling it), a template's name, a string or a response"
            self.mistakes.append(Mistake(message=message, hint=hint))
        elif (read := self._read_view(f"errors[{status}]", value)) is not None:
            self.by_status[status], takes_request = read
            if takes_request:
                self.choosing.add(status)

    def _read_class(self, kind: type, value: Any) -> None:
        where = f"errors[{kind.__name__}]"
        if (refusal := _refusal(kind)) is not None:
            self.mistakes.append(Mistake(message=f"{where}: {refusal[0]}", hint=refusal[1]))
        elif not _is_view(value):
            message = f"{where} is a {type(value).__name__}, and only a view can say the status of an exception"
            self.mistakes.append(Mistake(message=message, hint='write a view: def f(error): raise Conflict("...")'))
        elif (read := self._read_view(where, value)) is not None:
            self._by_class[kind], self._views[kind] = read[0], value

    def _read_string(self, status: int, value: str) -> None:
        where = f"errors[{status}]"
        if mistake := string_mistake(value, self._pages, where, where):
            self.mistakes.append(mistake)
            return
        if not is_template_name(value):
            text = heading_page(value)
            self.by_status[status] = lambda _, __: Response(text)
            return

        def render(error: HTTPError, request: Request) -> Response:
            return self._responses.make(Page(value, error_context(error)), request)

        self.by_status[status] = render

    def _read_view(self, where: str, view: Callable[..., object]) -> tuple[ErrorHandler, bool] | None:
        """Return what calls a view, and whether it takes the request; None if the view has mistakes."""
        start = f"{where}: {display_name(view)}"
        if is_async(view):
            hint = 'write "def": the error may be raised by a sync view, which can\'t await'
            self.mistakes.append(mistake_in(view, self._folder, f"{start} is async", hint))
            return None
        try:
            injected = read_injected(view, "error view", self._folder, given=("error",))
            if injected is not None:
                injection = self._injector.inject(injected, view, None, "error view")
                self.has_dependencies = True
                self.waiting_types += injection.plan.waiting_types
                return _injected_view(self._observe(view), injection, self._make_of(view)), injected.takes_request
        except SetupError as error:
            self.mistakes += error.mistakes
            return None
        names = _arguments(view)
        if names is None:
            hint = "it takes `error`, `request`, and parameters annotated with State, Cookie, Header or a dependency"
            self.mistakes.append(mistake_in(view, self._folder, f"{start} takes other parameters", hint))
            return None
        make, called = self._make_of(view), self._observe(view)

        def call_view(error: BaseException, request: Request) -> Response:
            given: dict[str, Any] = {"error": error, "request": request}
            return make(called(**{name: given[name] for name in names}), request)

        return call_view, "request" in names

    def _make_of(self, view: Callable[..., object]) -> MakeResponse:
        def make(result: object, request: Request) -> Response:
            if result is None:
                raise InvalidResponse(f"{display_name(view)} returned None; did you forget `return`?")
            return self._responses.make(result, request)

        return make


def _is_view(value: object) -> TypeGuard[Callable[..., object]]:
    return callable(value) and not isinstance(value, type | str | Response | Page)


def _refusal(kind: type) -> tuple[str, str] | None:
    """Return why a class can't be a key, and what to write instead; None for one that can."""
    if not issubclass(kind, BaseException):
        return "it is no class of exceptions", KEYS
    if not issubclass(kind, Exception):
        return "it ends a process or a task, and is no failure of a view", "name a class that derives from Exception"
    if kind is Exception:
        return "that is every exception", "write errors={500: ...}"
    if issubclass(kind, ClientError):
        return "no one receives a response to it", "remove it"
    return _refusal_for_status(kind)


def _refusal_for_status(kind: type) -> tuple[str, str] | None:
    if issubclass(HTTPError, kind):
        return "that is every HTTP error", "write their statuses: errors={404: ..., 409: ...}"
    if issubclass(kind, HTTPError) and kind.__module__ == HTTPError.__module__ and HTTPError in kind.__bases__:
        return "it stands for a status", f"write errors={{{kind.status}: ...}}"
    return None


def _injected_view(view: Callable[..., object], injection: Injection, make: MakeResponse) -> ErrorHandler:
    """Return an error view that is called with its dependencies, which are closed behind it."""
    plan, takes_error = injection.plan, "error" in inspect.signature(view).parameters

    def call_view(error: BaseException, request: Request) -> Response:
        given = partial(view, error=error) if takes_error else view
        return plan.run(given, injection.build, make, is_shared=True)(request)

    return call_view


def _arguments(view: Callable[..., object]) -> list[str] | None:
    """Return which of `error` and `request` a view takes, None if it requires anything else."""
    try:
        parameters = inspect.signature(view).parameters.values()
    except (TypeError, ValueError):  # not written in Python
        return None
    names = []
    for parameter in parameters:
        if parameter.name in ("error", "request") and parameter.kind is not parameter.POSITIONAL_ONLY:
            names.append(parameter.name)
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            return None
    return names
