"""Give views what they depend on: open it for a request, close it when the answer is made.

In: the functions that a view's annotations name, once; then requests. Out: a `Provision`, which runs
a view between the opening and the closing of all it depends on. A dependency is a generator
function that yields once, or a plain function (sync or async) of which nothing is to be closed.
Refuses, before the port opens, dependencies that go round in a circle, that are async below a sync
view, or that can't be given what they ask for themselves.

Each is opened once for a request, whoever asks for it, and closed in reverse order. What goes wrong, in
the view or in one of them, is raised at the yield of each that is open, and answered by others: a
dependency can't undo it. An answer that streams keeps all open until it has ended (`held.py`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import CoroutineType
from typing import Any

from fanlight.binding.annotations import Dependency, IdentityKey
from fanlight.binding.arguments import ArgumentBuilder, argument_builder
from fanlight.binding.callables import display_name, is_async, source_location, unwrap_callable
from fanlight.binding.form_redisplay import DETAIL
from fanlight.binding.plan import Binding, bind_dependency
from fanlight.binding.signature import Signature, View, read_signature
from fanlight.binding.stream_cleanup import Opened, attach_cleanup, close, close_async
from fanlight.errors import AppError, BadField, Mistake, SetupError, UnprocessableContent
from fanlight.message.app_state import State
from fanlight.message.request import Request
from fanlight.message.response import Response, is_lazy_stream

Answer = Callable[[object, Request], Response]
Made = dict[Dependency, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    """One dependency, ready to be opened; `needs` names those it is given itself."""

    key: Dependency  # what is asked for; `function` may stand in for it
    function: Dependency
    name: str
    give: ArgumentBuilder | None
    needs: tuple[tuple[str, Dependency], ...]
    is_generator: bool
    is_async: bool
    reads_content: bool

    def begin(self, arguments: Mapping[str, Any], made: Made) -> Any:
        return self.function(**arguments, **{name: made[key] for name, key in self.needs})


class Dependencies:
    """The dependencies of an app; `replaced` are those for which another function stands, in tests."""

    def __init__(self, replaced: Mapping[Dependency, Dependency], state: State, folder: Path | None = None) -> None:
        """Remember nothing yet: views tell what they need."""
        self._replaced, self._state, self.folder = replaced, state, folder
        self._signatures: dict[Dependency, Signature] = {}
        self.asked: set[Dependency] = set()

    def of(self, binding: Binding, path: Mapping[str, str], view: View) -> DependencyPlan | None:
        """Return the provision of a view, None if it depends on nothing. Raises SetupError."""
        if not binding.dependencies:
            return None
        reading = _Reading(self, path)
        for key in binding.dependencies.values():
            reading.read(key, (), view)
        provision = DependencyPlan(binding.dependencies, tuple(reading.found.values()))
        if provision.is_async and not is_async(view) and not inspect.isasyncgenfunction(unwrap_callable(view)):
            name = next(each.name for each in provision.providers if each.is_async)
            message = f"{display_name(view)} is a sync view, but depends on {name}, which is async"
            place = source_location(view, self.folder)
            hint = f'write "async def {display_name(view).rpartition(".")[2]}", or a sync dependency'
            raise SetupError([Mistake(message=message, places=(place,) if place else (), hint=hint)])
        return provision

    def read(self, key: Dependency, path: Mapping[str, str]) -> tuple[_Provider, Binding]:
        """Return one dependency, and what it is given."""
        self.asked.add(key)
        function = self._replaced.get(key, key.__wrapped__ if isinstance(key, IdentityKey) else key)
        signature = self._signatures.get(key)
        if signature is None:
            signature = self._signatures[key] = read_signature(function, self.folder)
        _refuse_unopened(function, signature)
        binding = bind_dependency(signature, path)
        plain = unwrap_callable(function)
        is_async_generator = inspect.isasyncgenfunction(plain)
        provider = _Provider(
            key=key,
            function=function,
            name=signature.name,
            give=_own(argument_builder(binding, self._state), binding.path, path),
            needs=tuple(binding.dependencies.items()),
            is_generator=is_async_generator or inspect.isgeneratorfunction(plain),
            is_async=is_async_generator or is_async(function),
            reads_content=binding.reads_content,
        )
        return provider, binding


class _Reading:
    """Reads all that one view depends on; `found` has each behind what it needs itself."""

    def __init__(self, provisions: Dependencies, path: Mapping[str, str]) -> None:
        self._provisions, self._path = provisions, path
        self.found: dict[Dependency, _Provider] = {}

    def read(self, key: Dependency, way: tuple[Dependency, ...], view: View) -> None:
        """Read a dependency and what it needs itself; what is written nowhere is told at the place of the `view`."""
        if key in self.found:
            return
        if key in way:
            names = [display_name(each) for each in (*way[way.index(key) :], key)]
            message = f"dependencies go round in a circle: {' -> '.join(names)}"
            raise SetupError(
                [
                    Mistake(
                        message=message,
                        places=(source_location(key, self._provisions.folder),),
                        hint="let one of them do without",
                    )
                ]
            )
        try:
            provider, binding = self._provisions.read(key, self._path)
        except SetupError as error:
            places = (source_location(view, self._provisions.folder),)
            raise SetupError(
                [each if each.places else replace(each, places=places) for each in error.mistakes]
            ) from None
        for each in binding.dependencies.values():
            self.read(each, (*way, key), view if source_location(key) == "" else key)
        self.found[key] = provider


@dataclass(frozen=True, slots=True)
class DependencyPlan:
    """All that one view depends on: `wanted` by itself, `providers` in the order in which they are opened."""

    wanted: Mapping[str, Dependency]
    providers: tuple[_Provider, ...]

    @property
    def is_async(self) -> bool:
        """Whether any must be awaited."""
        return any(each.is_async for each in self.providers)

    @property
    def reads_content(self) -> bool:
        """Whether the content must be kept for any."""
        return any(each.reads_content for each in self.providers)

    def run(self, view: View, give: ArgumentBuilder | None, answer: Answer) -> Callable[[Request], Response]:
        """Return what runs a sync view between opening and closing; it raises what goes wrong in either."""
        wanted, providers = tuple(self.wanted.items()), self.providers
        gather = _gatherer(give, providers)

        def run(request: Request) -> Response:
            values, arguments = gather(request)
            opened: Opened = []
            try:
                made: Made = {}
                for provider, given in zip(providers, arguments, strict=True):
                    made[provider.key] = _open(provider, given, made, opened)
                response = answer(view(**values, **{name: made[key] for name, key in wanted}), request)
                if is_lazy_stream(response):
                    attach_cleanup(response, opened)
                else:
                    close(opened)
            except BaseException as error:
                close(opened, error)  # those that are still open
                raise
            return response

        return run

    def run_async(
        self, view: View, give: ArgumentBuilder | None, answer: Answer
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return what runs an async view between opening and closing; it raises what goes wrong in either."""
        wanted, providers = tuple(self.wanted.items()), self.providers
        gather = _gatherer(give, providers)

        async def run(request: Request) -> Response:
            values, arguments = gather(request)
            opened: Opened = []
            try:
                made: Made = {}
                for provider, given in zip(providers, arguments, strict=True):
                    opens = _open_async if provider.is_async else _open_at_once
                    made[provider.key] = await opens(provider, given, made, opened)
                result = view(**values, **{name: made[key] for name, key in wanted})
                response = answer(await result if inspect.isawaitable(result) else result, request)
                if is_lazy_stream(response):
                    attach_cleanup(response, opened)
                else:
                    await close_async(opened)
            except BaseException as error:
                await close_async(opened, error)  # those that are still open
                raise
            return response

        return run


def _own(give: ArgumentBuilder | None, taken: Mapping[str, object], path: Mapping[str, str]) -> ArgumentBuilder | None:
    """Return what gives a dependency its arguments, of the path only what it takes; None if there are none."""
    if not path:
        return give
    if give is None:
        return (lambda request: {name: request.params[name] for name in taken}) if taken else None
    others = tuple(name for name in path if name not in taken)

    def give_own(request: Request) -> dict[str, Any]:
        values = give(request)
        for name in others:
            values.pop(name, None)
        return values

    return give_own


def _gatherer(
    give: ArgumentBuilder | None, providers: tuple[_Provider, ...]
) -> Callable[[Request], tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Return what makes the arguments of a view and of its dependencies, before any is opened."""

    def gather(request: Request) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        made: list[Mapping[str, Any]] = []
        bad: list[BadField] = []
        for index, each in enumerate((give, *(provider.give for provider in providers))):
            try:
                made.append(each(request) if each is not None else {} if index else request.params)
            except UnprocessableContent as error:
                bad += error.fields
        if bad:
            raise UnprocessableContent(DETAIL, fields=bad)
        return made[0], made[1:]

    return gather


def _open(provider: _Provider, arguments: Mapping[str, Any], made: Made, opened: Opened) -> object:
    value = provider.begin(arguments, made)
    if not provider.is_generator:
        if (
            type(value) is CoroutineType
        ):  # SECURITY: tests/binding/test_markers.py; to a view it would be a user, and true
            value.close()
            raise AppError(f"{provider.name} is async, but does not look so: write async def")
        return value
    try:
        given: object = next(value)
    except StopIteration:
        raise AppError(f"{provider.name} ended before its yield, so it gives nothing") from None
    opened.append((provider.name, value))
    return given


async def _open_at_once(provider: _Provider, arguments: Mapping[str, Any], made: Made, opened: Opened) -> object:
    return _open(provider, arguments, made, opened)


async def _open_async(provider: _Provider, arguments: Mapping[str, Any], made: Made, opened: Opened) -> object:
    value = provider.begin(arguments, made)
    if not provider.is_generator:
        return await value
    try:
        given: object = await anext(value)
    except StopAsyncIteration:
        raise AppError(f"{provider.name} ended before its yield, so it gives nothing") from None
    opened.append((provider.name, value))
    return given


def _refuse_unopened(function: Dependency, signature: Signature) -> None:
    """Refuse what nobody would open: what contextlib or functools.cache has made of a generator or async function."""
    plain = unwrap_callable(function)
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if getattr(function, "__globals__", {}).get("__name__") == "contextlib":
        hint = "take @contextmanager away: a dependency is the generator function itself"
        raise SetupError([signature.mistake(f"{signature.name} gives a context manager", hint)])
    if isinstance(function, functools._lru_cache_wrapper) and _is_opened(plain):  # noqa: SLF001 - its only name
        hint = "take the cache away, or keep the value in app.state"
        raise SetupError([signature.mistake(f"{signature.name} is cached, but is opened anew for each request", hint)])


def _is_opened(function: object) -> bool:
    """Say whether a function gives something that runs on behind the call."""
    kinds = (inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.iscoroutinefunction)
    return any(is_kind(function) for is_kind in kinds)
