"""Find what a view depends on, and what that depends on, before the port opens.

In: the functions that a view's annotations name. Out: a `DependencyPlan`. A dependency is a generator function that
yields once, or a plain function (sync or async), after which nothing is closed. Rejects circular dependencies, async
ones of a sync view, and those whose own parameters can't be filled.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fanlight.binding.annotations import UnhashableDependency
from fanlight.binding.arguments import Binding, argument_builder
from fanlight.binding.callables import (
    ArgumentBuilder,
    Dependency,
    View,
    display_name,
    is_async,
    mistake_in,
    source_location,
    unwrap_callable,
)
from fanlight.binding.dependency_plan import DependencyPlan, Provider
from fanlight.binding.plan import bind
from fanlight.binding.signature import Signature, read_signature
from fanlight.errors import SetupError
from fanlight.message.app_state import State
from fanlight.message.request import Request


class Dependencies:
    """The dependencies of an app; `overrides` has the functions that replace some of them, in tests."""

    def __init__(self, overrides: Mapping[Dependency, Dependency], state: State, folder: Path | None = None) -> None:
        self._overrides, self._state, self._folder = overrides, state, folder
        self._signatures: dict[Dependency, Signature] = {}
        self.used: set[Dependency] = set()

    def of(self, binding: Binding, path: Mapping[str, str], view: View) -> DependencyPlan | None:
        """Return the dependencies of a view, None if it has none. Raises SetupError."""
        if not binding.dependencies:
            return None
        found: dict[Dependency, Provider] = {}  # each behind those that it needs
        for key in binding.dependencies.values():
            self._add(key, (), view, path, found)
        plan = DependencyPlan(binding.dependencies, tuple(found.values()))
        if plan.is_async and not is_async(view) and not inspect.isasyncgenfunction(unwrap_callable(view)):
            name = next(each.name for each in plan.providers if each.is_async)
            message = f"{display_name(view)} is a sync view, but depends on {name}, which is async"
            hint = f'write "async def {display_name(view).rpartition(".")[2]}", or make the dependency sync'
            raise SetupError([mistake_in(view, self._folder, message, hint)])
        return plan

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
        binding = bind(signature, path, has_body=False, is_dependency=True)
        plain = unwrap_callable(function)
        is_async_generator = inspect.isasyncgenfunction(plain)
        provider = Provider(
            key=key,
            function=function,
            name=signature.name,
            build=_only_own(argument_builder(binding, self._state), binding.path, path),
            needs=tuple(binding.dependencies.items()),
            is_generator=is_async_generator or inspect.isgeneratorfunction(plain),
            is_async=is_async_generator or is_async(function),
            reads_content=binding.reads_content,
        )
        return provider, binding


def _only_own(
    build: ArgumentBuilder | None, taken: Mapping[str, object], path: Mapping[str, str]
) -> ArgumentBuilder | None:
    """Return what makes a dependency's arguments: of the path's parameters, only those that it takes."""
    if not path:
        return build
    if build is None:
        return (lambda request: {name: request.params[name] for name in taken}) if taken else None
    others = tuple(name for name in path if name not in taken)

    def arguments(request: Request) -> dict[str, Any]:
        values = build(request)
        for name in others:
            values.pop(name, None)
        return values

    return arguments


def _reject_wrapped(function: Dependency, signature: Signature) -> None:
    """Reject what contextlib or functools.cache has made of a generator or async function: it would not be opened."""
    plain = unwrap_callable(function)
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if getattr(function, "__globals__", {}).get("__name__") == "contextlib":
        hint = "remove @contextmanager: a dependency is the generator function itself"
        raise SetupError([signature.mistake(f"{signature.name} returns a context manager", hint)])
    is_cached = isinstance(function, functools._lru_cache_wrapper)  # noqa: SLF001 - its only name
    needs_opening = (inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.iscoroutinefunction)
    if is_cached and any(is_kind(plain) for is_kind in needs_opening):
        hint = "remove the cache, or keep the value in app.state"
        raise SetupError([signature.mistake(f"{signature.name} is cached, but must run for each request", hint)])
