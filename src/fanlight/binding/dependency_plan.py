"""Run a view between the opening and the closing of its dependencies.

In: the providers of one view, in the order in which they are opened; then requests. Out: a response, with every
dependency closed; those of a streamed response are closed at its end.

Each dependency is opened once for a request, however often it is used, and closed in reverse order. An exception of
the view, the stream (GeneratorExit for one that is cut off) or a dependency is raised at the yield of each one that is
open, and then handled by the app: a dependency can't suppress it. One that is raised in its place takes its place.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import CoroutineType
from typing import Any, Protocol

from msgspec import Struct

from fanlight.binding.callables import ArgumentBuilder, Dependency, View
from fanlight.binding.form_redisplay import INVALID_FIELDS
from fanlight.binding.open_dependencies import (
    Opened,
    Values,
    attach_cleanup,
    close,
    close_async,
    run_in_scope,
    run_in_scope_async,
)
from fanlight.binding.signature import Signature
from fanlight.errors import AppError, BadField, HTTPError, UnprocessableContent
from fanlight.message.request import Request
from fanlight.message.response import Response, is_lazy_stream
from fanlight.message.type_provider import TypeProvider

MakeResponse = Callable[[object, Request], Response]


class Provider(Struct, frozen=True, kw_only=True):
    """One dependency, ready to be opened; `needs` has the dependencies that it takes itself."""

    key: Dependency  # what the annotation names; `function` may replace it
    function: Dependency
    name: str
    build: ArgumentBuilder | None
    needs: tuple[tuple[str, Dependency], ...]
    is_generator: bool
    is_async: bool
    reads_content: bool
    query_name: str  # a parameter that comes from the query, or ""
    open_awaiting: Callable[..., Awaitable[object]] | None  # what an async view calls, if that differs
    request_fields: frozenset[str]  # the header fields that it takes

    def open(self, arguments: Mapping[str, Any], values: Values, opened: Opened) -> object:
        """Return the value; a generator is added to those that are `opened`."""
        if self.needs:
            arguments = {**arguments, **{name: values[key] for name, key in self.needs}}
        value = self.function(**arguments)
        if not self.is_generator:
            # SECURITY: tests/binding/test_markers.py; a view would take the coroutine for a user that is logged in
            if type(value) is CoroutineType:
                value.close()
                raise AppError(f"{self.name} returned a coroutine: declare it with async def")
            return value
        try:
            given: object = next(value)
        except StopIteration:
            raise AppError(f"{self.name} ended before its yield, so it has no value") from None
        opened.append((self.name, value))
        return given

    async def open_async(self, arguments: Mapping[str, Any], values: Values, opened: Opened) -> object:
        """Return the value, as above; it is awaited if the dependency is async."""
        if self.open_awaiting is not None:
            return await self.open_awaiting(**arguments)
        if not self.is_async:
            return self.open(arguments, values, opened)
        value = self.function(**arguments, **{name: values[key] for name, key in self.needs})
        if not self.is_generator:
            return await value
        try:
            given: object = await anext(value)
        except StopAsyncIteration:
            raise AppError(f"{self.name} ended before its yield, so it has no value") from None
        opened.append((self.name, value))
        return given


class BorrowedProvider(Provider, frozen=True, kw_only=True):
    """An async dependency of something sync, which can't open it: the app's middleware has it open."""

    @classmethod
    def of(cls, provider: Provider) -> BorrowedProvider:
        """Return an async dependency as a sync one that is there."""
        fields = {name: getattr(provider, name) for name in cls.__struct_fields__}
        return cls(**{**fields, "is_async": False, "build": None})

    def open(self, arguments: Mapping[str, Any], values: Values, opened: Opened) -> object:  # noqa: ARG002 - as above
        """Raise AppError: what is open is not opened."""
        raise AppError(f"{self.name} is async, and the middleware that opens it does not run here")


class DependencyPlan(Struct, frozen=True):
    """The dependencies of one view: `wanted` by its parameters, `providers` in the order in which they are opened."""

    wanted: Mapping[str, Dependency]
    providers: tuple[Provider, ...]

    @property
    def is_async(self) -> bool:
        """Whether any of them is async."""
        return bool(self.first_async)

    @property
    def first_async(self) -> str:
        """The name of the first one that is async, "" if none is."""
        return next((each.name for each in self.providers if each.is_async), "")

    @property
    def reads_content(self) -> bool:
        """Whether any of them needs the content."""
        return any(each.reads_content for each in self.providers)

    @property
    def request_fields(self) -> frozenset[str]:
        """The header fields that they take."""
        return frozenset(name for each in self.providers for name in each.request_fields)

    @property
    def waiting_types(self) -> tuple[TypeProvider, ...]:
        """The types among them that wait for something, which an async view does without blocking."""
        types = (each.key for each in self.providers if isinstance(each.key, TypeProvider))
        return tuple(each for each in types if type(each).open_async is not TypeProvider.open_async)

    @property
    def lasting(self) -> frozenset[Dependency]:
        """The dependencies whose values are valid until the end of the request: nothing that they need is closed."""
        lasting: set[Dependency] = set()
        for each in self.providers:
            if not each.is_generator and all(key in lasting for _, key in each.needs):
                lasting.add(each.key)
        return frozenset(lasting)

    def run(
        self, view: View, build: ArgumentBuilder | None, respond: MakeResponse, *, is_shared: bool = False
    ) -> Callable[[Request], Response]:
        """Return a function that runs a sync view with its dependencies. It raises what any of them raises.

        `is_shared`: others that run for the request may have opened some of them, or use those of this view.
        """
        open_all = self.open

        def run(request: Request, values: Values | None = None) -> Response:
            opened: Opened = []
            try:
                response = respond(view(**open_all(build, request, values, opened)), request)
                if is_lazy_stream(response):
                    attach_cleanup(response, opened)
                elif opened:
                    close(opened)
            except BaseException as error:
                close(opened, error)  # those that are still open
                raise
            return response

        return run_in_scope(run, self.lasting) if is_shared else run

    def run_async(
        self, view: View, build: ArgumentBuilder | None, respond: MakeResponse, *, is_shared: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return a function that runs an async view with its dependencies, as above."""
        open_all = self.open_async

        async def run(request: Request, values: Values | None = None) -> Response:
            opened: Opened = []
            try:
                result = view(**await open_all(build, request, values, opened))
                response = respond(await result if inspect.isawaitable(result) else result, request)
                if is_lazy_stream(response):
                    attach_cleanup(response, opened)
                else:
                    await close_async(opened)
            except BaseException as error:
                await close_async(opened, error)  # those that are still open
                raise
            return response

        return run_in_scope_async(run, self.lasting) if is_shared else run

    def open(
        self, build: ArgumentBuilder | None, request: Request, values: Values | None, opened: Opened
    ) -> Mapping[str, Any]:
        """Return a view's arguments: its dependencies are opened first, unless they are among the `values`.

        `build` makes the other arguments. A dependency whose own input is invalid is not opened, and the error is
        raised when the others have been: one that refuses the request raises its error before.
        """
        values = {} if values is None else values
        invalid: _InvalidInput | None = None
        for provider in self.providers:
            if provider.key in values:
                continue
            try:
                given = provider.build(request) if provider.build is not None else {}
            except HTTPError as error:
                invalid = invalid or _InvalidInput()
                invalid.add(provider, error)
                continue
            if invalid is None or not invalid.blocks(provider):
                values[provider.key] = provider.open(given, values, opened)
        return self._arguments(build, request, values, invalid)

    async def open_async(
        self, build: ArgumentBuilder | None, request: Request, values: Values | None, opened: Opened
    ) -> Mapping[str, Any]:
        """Return a view's arguments, as above; async dependencies are awaited."""
        values = {} if values is None else values
        invalid: _InvalidInput | None = None
        for provider in self.providers:
            if provider.key in values:
                continue
            try:
                given = provider.build(request) if provider.build is not None else {}
            except HTTPError as error:
                invalid = invalid or _InvalidInput()
                invalid.add(provider, error)
                continue
            if invalid is None or not invalid.blocks(provider):
                values[provider.key] = await provider.open_async(given, values, opened)
        return self._arguments(build, request, values, invalid)

    def _arguments(
        self, build: ArgumentBuilder | None, request: Request, values: Values, invalid: _InvalidInput | None
    ) -> Mapping[str, Any]:
        if invalid is not None:
            raise invalid.error(build, request)
        arguments = dict(build(request) if build is not None else request.params)
        for name, key in self.wanted.items():
            arguments[name] = values[key]
        return arguments


class _InvalidInput:
    """What is wrong with the input of the dependencies of one request, and which of them can't be opened for it."""

    def __init__(self) -> None:
        self._errors: list[HTTPError] = []
        self._blocked: set[Dependency] = set()

    def add(self, provider: Provider, error: HTTPError) -> None:
        """Note the error of a dependency's own input."""
        self._errors.append(error)
        self._blocked.add(provider.key)

    def blocks(self, provider: Provider) -> bool:
        """Return whether a dependency needs one that can't be opened; then it can't be opened either."""
        if any(key in self._blocked for _, key in provider.needs):
            self._blocked.add(provider.key)
            return True
        return False

    def error(self, build: ArgumentBuilder | None, request: Request) -> HTTPError:
        """Return the error for all of it, and for what is wrong with the input of the view itself."""
        errors = list(self._errors)
        try:
            if build is not None:
                build(request)
        except HTTPError as error:
            errors.insert(0, error)
        fields: list[BadField] = []
        for each in errors:
            if not isinstance(each, UnprocessableContent):
                return each
            fields += each.fields
        return UnprocessableContent(INVALID_FIELDS, fields=fields)


class Injection(Struct, frozen=True, kw_only=True):
    """Where the arguments of a function come from, for the requests of one route or of all."""

    build: ArgumentBuilder
    plan: DependencyPlan


class Injector(Protocol):
    """Knows the dependencies of an app."""

    def inject(self, signature: Signature, function: Any, path: Mapping[str, str] | None, kind: str, /) -> Injection:
        """Return where the arguments of a function come from; `kind` is what it is. Raises SetupError.

        `path` are the parameters of the paths for which it runs, None if it runs for all paths.
        """
