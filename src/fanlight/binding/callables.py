"""Look at functions and classes: what runs when they are called, how messages name them, where they are written.

In: a view, a dependency, or any other callable. Out: facts about it. Calls nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType, MethodWrapperType, WrapperDescriptorType
from typing import Any, TypeVar

_NOT_PYTHON = (WrapperDescriptorType, MethodWrapperType)
M = TypeVar("M")


def unwrap_callable(view: object) -> object:
    """Return the plain function behind partials, wrappers, methods and callable objects."""
    while True:
        if isinstance(view, functools.partial):
            view = view.func
        elif hasattr(view, "__wrapped__"):
            view = view.__wrapped__
        elif inspect.ismethod(view):
            view = view.__func__
        elif isinstance(view, FunctionType | type) or inspect.isbuiltin(view):
            return view
        else:
            call = call_method(view)
            if call is None or isinstance(call, _NOT_PYTHON):
                return view
            view = call


def call_method(view: object) -> Any:
    """Return what runs when an object is called: of a plain function, nothing written in Python."""
    call = inspect.getattr_static(type(view), "__call__", None)
    return call.__func__ if isinstance(call, staticmethod | classmethod) else call


def is_async(view: Callable[..., object]) -> bool:
    """Say whether calling a view gives a coroutine; async generators give a stream, at once."""
    while isinstance(view, functools.partial):
        view = view.func
    return inspect.iscoroutinefunction(view) or inspect.iscoroutinefunction(call_method(view))


def decorator_value(view: object, name: str, kind: type[M]) -> M | None:
    """Return what a decorator has written on a view, or on what runs when it is called."""
    while view is not None:
        for marked in (view, call_method(view)):
            mark = getattr(marked, name, None)
            if isinstance(mark, kind):
                return mark
        view = view.func if isinstance(view, functools.partial) else None
    return None


def display_name(view: object) -> str:
    """Return how one speaks of a view: "views.post", without the module where that is only the start file."""
    function = unwrap_callable(view)
    name = getattr(function, "__qualname__", "") or type(function).__qualname__
    name = name.replace("<locals>.", "").removesuffix(".__call__")
    module = getattr(function, "__module__", "") or ""
    return name if module in ("", "__main__", "main") else f"{module}.{name}"


def source_location(view: object, folder: Path | None = None) -> str:
    """Return "views.py:12" for a function or a class written in Python, "" for anything else."""
    function = unwrap_callable(view)
    file, line = _class_location(function) if isinstance(function, type) else ("", 0)
    if isinstance(code := getattr(function, "__code__", None), CodeType):
        file, line = code.co_filename, code.co_firstlineno
    if not file or file.startswith("<"):  # a lambda in an annotation that stands as text
        return ""
    path = Path(file)
    if folder is not None and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return f"{path.as_posix()}:{line}"


def _class_location(cls: type) -> tuple[str, int]:
    try:
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return "", 0
