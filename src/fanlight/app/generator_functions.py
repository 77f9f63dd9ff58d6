"""Read the generator functions of an app: its middleware and its lifespan.

In: a function, and the argument that it is given. Out: whether it is async and takes the argument, what else it takes,
and whether it may catch an exception that is raised at its `yield`. Refuses what is no generator function, and one with
parameters that nothing fills.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, MethodType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fanlight.binding.callables import display_name, is_context_manager, mistake_in, unwrap_callable
from fanlight.binding.dependency_plan import Injection, Injector
from fanlight.binding.injection import read_injected
from fanlight.binding.signature import Signature, reject_markers
from fanlight.errors import SetupError
from fanlight.syntax_tree import parse_source

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ClassDef)
_TRIES = (ast.Try, ast.TryStar)
_WITHS = (ast.With, ast.AsyncWith)


class GeneratorFunction(Struct, frozen=True, kw_only=True):
    """A sync or async generator function; `begin` makes the generator of the one argument."""

    begin: Callable[[Any], Any]
    is_async: bool
    name: str
    injected: Signature | None = None  # what is injected, if it takes more than the one argument
    injection: Injection | None = None  # where that comes from, for the requests of one route

    def bound(self, injector: Injector, path: Mapping[str, str] | None, kind: str) -> GeneratorFunction:
        """Return this function for the requests of one route, or of any path (None). Raises SetupError."""
        if self.injected is None:
            return self
        return replace(self, injection=injector.inject(self.injected, self.begin, path, kind))


def read_injected_generator(function: Any, kind: str, folder: Path | None, *, no_yield_hint: str) -> GeneratorFunction:
    """Return a generator function that takes the request, and what can be injected, or nothing. Raises SetupError."""
    function = _undecorated(function)
    injected = read_injected(function, kind, folder)
    if injected is None:
        return read_generator_function(function, kind, "request", folder, no_yield_hint=no_yield_hint)
    is_async, name = _is_async_generator(function, kind, folder, no_yield_hint), display_name(function)
    return GeneratorFunction(begin=function, is_async=is_async, name=name, injected=injected)


def _undecorated(function: Any) -> Any:
    """Return the generator function that `@contextmanager` or `@asynccontextmanager` was given; others unchanged."""
    if not is_context_manager(function):
        return function
    plain = function.__wrapped__
    return MethodType(plain, function.__self__) if isinstance(function, MethodType) else plain


def _is_async_generator(function: Any, kind: str, folder: Path | None, no_yield_hint: str) -> bool:
    """Return whether a generator function is async. Raises SetupError for any other function."""
    plain = unwrap_callable(function)
    is_async = inspect.isasyncgenfunction(plain)
    if not is_async and not inspect.isgeneratorfunction(plain):
        message = f"the {kind} {display_name(function)} has no yield"
        raise SetupError([mistake_in(function, folder, message, no_yield_hint)])
    return is_async


def read_generator_function(
    function: Any, kind: str, argument: str, folder: Path | None, *, no_yield_hint: str
) -> GeneratorFunction:
    """Return a generator function that takes `argument`, or nothing; `kind` names it. Raises SetupError."""
    function = _undecorated(function)
    name, is_async = display_name(function), _is_async_generator(function, kind, folder, no_yield_hint)
    needed = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    needed = [each for each in needed if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY for each in needed):
        hint = f"write def {name.rpartition('.')[2]}({argument})"
        raise SetupError([mistake_in(function, folder, f"the {kind} {name} takes more than the {argument}", hint)])
    if mistake := reject_markers(function, f"the {argument}", folder):
        raise SetupError([mistake])
    # With `wraps`, so that its place is that of the function.
    begin = function if needed else functools.wraps(function)(lambda _: function())
    return GeneratorFunction(begin=begin, is_async=is_async, name=name)


@functools.lru_cache(maxsize=1024)
def may_catch(code: CodeType) -> bool:
    """Return whether a generator that runs this code may catch what is raised at its `yield`.

    False if the source shows that it can only let an exception pass: no `yield` stands in a `try` with an `except`, in
    a `with`, or before a `finally` that leaves early. True for source that can't be read, and for `yield from`.
    """
    function = _function_of(code)
    return function is None or any(_catches(statement) for statement in function.body)


def _function_of(code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the definition of a function, or None if its source can't be found."""
    try:
        tree = _parsed(code.co_filename)
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node.name == code.co_name:
            first_line = min(each.lineno for each in (node, *node.decorator_list))
            if first_line == code.co_firstlineno:
                return node
    return None


@functools.lru_cache(maxsize=1)  # the middleware of a site mostly stands in one file and is read in sequence
def _parsed(filename: str) -> ast.Module:
    return parse_source("".join(linecache.getlines(filename)))


def _catches(node: ast.AST) -> bool:
    """Return whether a `yield` in this node stands where its exception can be caught."""
    if isinstance(node, ast.YieldFrom):
        return True
    if isinstance(node, _SCOPES):
        return False
    if isinstance(node, _TRIES) and (node.handlers or _leaves(node.finalbody)) and _yields(node.body):
        return True
    if isinstance(node, _WITHS) and _yields(node.body):
        return True
    return any(_catches(each) for each in ast.iter_child_nodes(node))


def _yields(statements: list[ast.stmt]) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for node in statements for each in _within(node))


def _leaves(statements: list[ast.stmt]) -> bool:
    """Return whether a `finally` block may swallow the exception that it runs for."""
    leaving = ast.Return | ast.Break | ast.Continue | ast.Yield | ast.YieldFrom
    return any(isinstance(each, leaving) for statement in statements for each in _within(statement))


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all nodes in it, except the bodies of functions and classes defined there."""
    yield node
    if not isinstance(node, _SCOPES):
        for each in ast.iter_child_nodes(node):
            yield from _within(each)
