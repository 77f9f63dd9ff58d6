"""Find what a view depends on, and what that depends on, before the port opens.

In: the functions that a view's annotations name. Out: a `DependencyPlan`. A dependency is a generator function that
yields once, or a plain function (sync or async), after which nothing is closed. Rejects circular dependencies, async
ones of a sync view, and those whose own parameters can't be filled.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from fanlight.binding.annotations import UnhashableDependency, as_dependency
from fanlight.binding.arguments import Binding, own_argument_builder
from fanlight.binding.callables import (
    Dependency,
    View,
    display_name,
    is_async,
    is_context_manager,
    mistake_in,
    source_location,
    unwrap_callable,
)
from fanlight.binding.dependency_plan import BorrowedProvider, DependencyPlan, Injection, Provider
from fanlight.binding.signature import Signature, read_signature
from fanlight.errors import Mistake, SetupError
from fanlight.message.app_state import State
from fanlight.message.request import Request
from fanlight.message.type_provider import TypeProvider

_BORROW = "have async middleware of the app depend on it"


class Dependencies:
    """The dependencies of an app; `overrides` has the functions that replace some of them, in tests."""

    def __init__(
        self,
        overrides: Mapping[Dependency, Dependency],
        state: State,
        folder: Path | None = None,
        watch: Callable[[Provider], Provider] = lambda provider: provider,
    ) -> None:
        """Prepare; `watch` returns what is opened in place of a dependency, to watch it."""
        self._overrides, self._state, self._folder, self._watch = overrides, state, folder, watch
        self._signatures: dict[Dependency, Signature] = {}
        self._lent: set[Dependency] = set()  # async ones that the app's middleware has open
        self.used: set[Dependency] = set()

    def of(self, binding: Binding, path: Mapping[str, str], view: View) -> DependencyPlan | None:
        """Return the dependencies of a view, None if it has none. Raises SetupError."""
        if not binding.dependencies:
            return None
        awaits = is_async(view) or inspect.isasyncgenfunction(unwrap_callable(view))
        plan = self._plan(binding.dependencies, path, view, awaits=awaits)
        if (name := plan.first_async) and not awaits:
            message = f"{display_name(view)} is a sync view, but depends on {name}, which is async"
            hint = f'write "async def {display_name(view).rpartition(".")[2]}", or make the dependency sync'
            raise SetupError([mistake_in(view, self._folder, message, hint)])
        return plan

    def inject(
        self, signature: Signature, function: Dependency, path: Mapping[str, str] | None, kind: str
    ) -> Injection:
        """Return where the arguments of a function that is no view come from, as `Injector` does. Raises SetupError."""
        from fanlight.binding.plan import bind  # noqa: PLC0415 - an import of `App` binds nothing

        binding = bind(signature, {}, has_body=False, is_dependency=True)
        awaits = inspect.isasyncgenfunction(unwrap_callable(function))
        plan = self._plan(binding.dependencies, path or {}, function, awaits=awaits)
        self._refuse_query(plan, f"the {kind} {signature.name} runs for paths")
        if (name := plan.first_async) and not awaits:
            message = f"the {kind} {signature.name} is sync, but depends on {name}, which is async"
            is_middleware = inspect.isgeneratorfunction(unwrap_callable(function))
            rewrite = f'write "async def {signature.name.rpartition(".")[2]}"' if is_middleware else _BORROW
            raise SetupError([signature.mistake(message, f"{rewrite}, or make the dependency sync")])
        return Injection(build=own_argument_builder(binding, self._state) or _no_arguments, plan=plan)

    def of_context(self, functions: Mapping[str, Dependency]) -> dict[str, DependencyPlan]:
        """Return the plan of each context function of templates: it is a dependency of its name. Raises SetupError."""
        plans: dict[str, DependencyPlan] = {}
        mistakes: list[Mistake] = []
        for name, function in functions.items():
            try:
                plans[name] = plan = self._plan({name: as_dependency(function)}, {}, function, awaits=False)
                self._refuse_query(plan, f"the context function {name} runs for paths")
                if plan.is_async:
                    message = f"the context function {name} needs {plan.first_async}, which is async"
                    hint = "write def, since a sync view can't await; or have async middleware of the app depend on it"
                    mistakes.append(mistake_in(function, self._folder, message, hint))
            except SetupError as error:
                mistakes += error.mistakes
        if mistakes:
            raise SetupError(mistakes)
        return plans

    def _refuse_query(self, plan: DependencyPlan, runs_for: str) -> None:
        """Raise SetupError for a dependency that takes a field of the query, of something that runs for many paths."""
        for each in plan.providers:
            if name := each.query_name:
                message = f"{each.name} takes {name}, but {runs_for} without it"
                hint = f"take the request in {each.name}, and read request.query or request.params"
                raise SetupError([mistake_in(each.function, self._folder, message, hint)])

    def lend(self, plan: DependencyPlan) -> None:
        """Take the async dependencies of the app's middleware as open for all that runs inside of it."""
        self._lent.update(each.key for each in plan.providers if each.is_async)

    def _plan(
        self, wanted: Mapping[str, Dependency], path: Mapping[str, str], view: View, *, awaits: bool
    ) -> DependencyPlan:
        """Return the dependencies of a function; if it is not one that `awaits`, it borrows async ones."""
        found: dict[Dependency, Provider] = {}  # each behind those that it needs
        for key in wanted.values():
            self._add(key, (), view, path, found)
        providers = tuple(found.values())
        if not awaits:
            lent = self._lent
            providers = tuple(BorrowedProvider.of(each) if each.key in lent else each for each in providers)
        return DependencyPlan(wanted, providers)

    def _add(
        self,
        key: Dependency,
        parents: tuple[Dependency, ...],
        view: View,
        path: Mapping[str, str],
        found: dict[Dependency, Provider],
    ) -> None:
        """Add a dependency behind those that it needs; a mistake without a location gets that of the `view`."""
        if key in found:
            return
        if key in parents:
            names = [display_name(each) for each in (*parents[parents.index(key) :], key)]
            message = f"circular dependencies: {' -> '.join(names)}"
            raise SetupError([mistake_in(key, self._folder, message, "remove one of these dependencies")])
        try:
            provider, binding = self._read(key, path)
        except SetupError as error:
            places = (source_location(view, self._folder),)
            raise SetupError(
                [each if each.places else replace(each, places=places) for each in error.mistakes]
            ) from None
        for each in binding.dependencies.values():
            self._add(each, (*parents, key), view if source_location(key) == "" else key, path, found)
        found[key] = provider

    def _read(self, key: Dependency, path: Mapping[str, str]) -> tuple[Provider, Binding]:
        self.used.add(key)
        named: Any = key
        function = self._overrides.get(key, named.__wrapped__ if isinstance(named, UnhashableDependency) else key)
        signature = self._signatures.get(key)
        if signature is None:
            signature = self._signatures[key] = read_signature(function, self._folder)
        _reject_wrapped(function, signature)
        from fanlight.binding.plan import bind  # noqa: PLC0415 - an import of `App` binds nothing

        binding = bind(signature, path, has_body=False, is_dependency=True)
        plain = unwrap_callable(function)
        type_provider = function if isinstance(function, TypeProvider) else None
        is_async_generator = inspect.isasyncgenfunction(plain)
        provider = Provider(
            key=key,
            function=function,
            name=signature.name if type_provider is None else type_provider.description,
            build=own_argument_builder(binding, self._state),
            needs=tuple(binding.dependencies.items()),
            is_generator=is_async_generator or inspect.isgeneratorfunction(plain),
            is_async=is_async_generator or is_async(function),
            reads_content=binding.reads_content,
            query_name=_query_name(binding),
            open_awaiting=None if type_provider is None else type_provider.open_async,
            request_fields=frozenset(each.sent_as for each in binding.headers.fields)
            if binding.headers
            else frozenset(),
        )
        return self._watch(provider), binding


def _no_arguments(_: Request) -> dict[str, Any]:
    return {}


def _query_name(binding: Binding) -> str:
    """Return the name of a parameter that comes from the query, "" if none does."""
    if binding.query_record is not None:
        return binding.query_record[0]
    return binding.query.fields[0].name if binding.query is not None else ""


def _reject_wrapped(function: Dependency, signature: Signature) -> None:
    """Reject what contextlib or functools.cache has made of a generator or async function: it would not be opened."""
    plain = unwrap_callable(function)
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if is_context_manager(function):
        hint = "remove @contextmanager: a dependency is the generator function itself"
        raise SetupError([signature.mistake(f"{signature.name} returns a context manager", hint)])
    is_cached = isinstance(function, functools._lru_cache_wrapper)  # noqa: SLF001 - its only name
    needs_opening = (inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.iscoroutinefunction)
    if is_cached and any(is_kind(plain) for is_kind in needs_opening):
        hint = "remove the cache, or keep the value in app.state"
        raise SetupError([signature.mistake(f"{signature.name} is cached, but must run for each request", hint)])
