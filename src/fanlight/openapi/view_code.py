"""Read the code of a function: which errors it raises, and whether it returns redirects.

In: a function of the site, and the site's folder. Out: its `CodeFacts`, with those of the functions in the folder that
it calls by name, some levels deep. Only what is written plainly is found: `raise NotFound(...)`, `return
redirect(...)`. An exception that is no HTTP error is often caught where it is raised, so one that is raised within a
`try` that has an `except` does not count. No code of the site is run, and code that can't be read has no facts.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from msgspec import Struct

from fanlight.binding.callables import unwrap_callable
from fanlight.errors import HTTPError
from fanlight.message.response import redirect
from fanlight.message.safe_targets import redirect_back
from fanlight.syntax_tree import parse_source

_MAX_DEPTH = 4  # of functions that call functions
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ClassDef)
_UNKNOWN = object()

Walk = Callable[[ast.AST], Iterator[ast.AST]]  # from a function to its nodes


class CodeFacts(Struct, frozen=True, kw_only=True):
    """What is written in a function."""

    raised: frozenset[type[Exception]] = frozenset()  # HTTP errors, and others that are not caught within
    redirects: frozenset[int] = frozenset()  # the statuses of the redirects that it returns
    only_redirects: bool = False  # it returns nothing else
    only_raises: bool = False  # it returns nothing, and ends with a `raise`

    @property
    def errors(self) -> frozenset[int]:
        """The statuses of the HTTP errors that it raises."""
        return frozenset(each.status for each in self.raised if issubclass(each, HTTPError))


def read_code(function: object, folder: Path) -> CodeFacts:
    """Return what is written in a function, a class with `__call__`, or what either of them wraps."""
    plain = unwrap_callable(function)
    return _read(plain, folder) if isinstance(plain, FunctionType) else CodeFacts()


@functools.lru_cache(maxsize=1024)
def _read(plain: FunctionType, folder: Path) -> CodeFacts:
    anywhere = {error for each in _called(plain, folder, _within) for error in _raised(each, _within)}
    uncaught = {error for each in _called(plain, folder, _uncaught) for error in _raised(each, _uncaught)}
    node = _definition(plain)
    returned = [each.value for each in _within(node) if isinstance(each, ast.Return)] if node is not None else []
    redirects = {status for each in returned for status in _redirects(each, plain)}
    return CodeFacts(
        raised=frozenset({each for each in anywhere if issubclass(each, HTTPError)} | uncaught),
        redirects=frozenset(redirects),
        only_redirects=bool(returned) and all(_redirects(each, plain) for each in returned),
        only_raises=not returned and isinstance(node, _FUNCTIONS) and isinstance(node.body[-1], ast.Raise),
    )


def _called(function: FunctionType, folder: Path, walk: Walk) -> set[FunctionType]:
    """Return a function, and those in the folder that it calls."""
    found, newest = {function}, {function}
    for _ in range(_MAX_DEPTH):
        newest = {called for each in newest for called in _calls(each, folder, walk)} - found
        found |= newest
    return found


def _calls(function: FunctionType, folder: Path, walk: Walk) -> Iterator[FunctionType]:
    node = _definition(function)
    for each in walk(node) if node is not None else ():
        if isinstance(each, ast.Call):
            called = unwrap_callable(_value_of(each.func, function))
            if isinstance(called, FunctionType) and Path(called.__code__.co_filename).is_relative_to(folder):
                yield called


def _raised(function: FunctionType, walk: Walk) -> Iterator[type[Exception]]:
    node = _definition(function)
    for each in walk(node) if node is not None else ():
        if isinstance(each, ast.Raise) and each.exc is not None:
            error = _value_of(each.exc.func if isinstance(each.exc, ast.Call) else each.exc, function)
            if isinstance(error, type) and issubclass(error, Exception):
                yield error


def _redirects(node: ast.expr | None, function: FunctionType) -> tuple[int, ...]:
    """Return the status of a redirect that is returned, none for any other expression."""
    if isinstance(node, ast.IfExp):
        both = _redirects(node.body, function), _redirects(node.orelse, function)
        return (*both[0], *both[1]) if all(both) else ()
    if not isinstance(node, ast.Call):
        return ()
    called = _value_of(node.func, function)
    if called is redirect_back:
        return (303,)
    if called is not redirect:
        return ()
    given = {each.arg: each.value for each in node.keywords} | ({"status": node.args[1]} if len(node.args) > 1 else {})
    permanent, status = given.get("permanent"), given.get("status")
    if isinstance(permanent, ast.Constant) and permanent.value is True:
        return (308,)
    return (status.value,) if isinstance(status, ast.Constant) and isinstance(status.value, int) else (303,)


def _value_of(node: ast.expr, function: FunctionType) -> Any:
    """Return what a name, or a dotted name of a module, stands for in a function."""
    if isinstance(node, ast.Name):
        names = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        if node.id in names:
            try:
                return names[node.id].cell_contents
            except ValueError:  # not yet assigned
                return _UNKNOWN
        return function.__globals__.get(node.id, _UNKNOWN)
    if isinstance(node, ast.Attribute):
        owner = _value_of(node.value, function)
        return vars(owner).get(node.attr, _UNKNOWN) if isinstance(owner, ModuleType) else _UNKNOWN
    return _UNKNOWN


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, but not of the functions and classes in it."""
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, _SCOPES):
            yield each
            yield from _within(each)


def _uncaught(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the same nodes, without those that an `except` stands behind."""
    caught = node.body if isinstance(node, ast.Try | ast.TryStar) and node.handlers else ()
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, _SCOPES) and each not in caught:
            yield each
            yield from _uncaught(each)


def _definition(function: FunctionType) -> ast.AST | None:
    return _definitions(function.__code__.co_filename).get((function.__name__, function.__code__.co_firstlineno))


@functools.lru_cache(maxsize=128)
def _definitions(filename: str) -> dict[tuple[str, int], ast.AST]:
    """Return the functions of a file, by their names and first lines."""
    try:
        tree = parse_source("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return {
        (node.name, min(each.lineno for each in (node, *node.decorator_list))): node
        for node in ast.walk(tree)
        if isinstance(node, _FUNCTIONS)
    }
