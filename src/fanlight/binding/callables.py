"""Look at functions and classes: what runs when they are called, their names in messages, where they are written.

In: a view, a dependency, or any other callable. Out: facts about it; it is never called.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType, MethodWrapperType, WrapperDescriptorType
from typing import Any, TypeVar

from fanlight.errors import Mistake
from fanlight.message.request import Request

T = TypeVar("T")
View = Callable[..., object]
Dependency = Callable[..., Any]
ArgumentBuilder = Callable[[Request], dict[str, Any]]  # makes the arguments of a view or a dependency
_NOT_PYTHON = (WrapperDescriptorType, MethodWrapperType)
# The modules of what stands for a default_factory in a signature, or among the defaults of a Struct.
_FACTORY_MODULES = ("dataclasses", "attr._make", "msgspec", "msgspec._core")


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
            call = _call_method(view)
            if call is None or isinstance(call, _NOT_PYTHON):
                return view
            view = call


def _call_method(view: object) -> Any:
    call = inspect.getattr_static(type(view), "__call__", None)
    return call.__func__ if isinstance(call, staticmethod | classmethod) else call


def is_async(view: View) -> bool:
    """Return whether calling a view returns a coroutine; an async generator function returns a stream, and is not."""
    while isinstance(view, functools.partial):
        view = view.func
    return inspect.iscoroutinefunction(view) or inspect.iscoroutinefunction(_call_method(view))


def decorator_value(view: object, attribute: str, kind: type[T]) -> T | None:
    """Return what a decorator has stored on a view, or on the function behind it; None if it has not."""
    while view is not None:
        for function in (view, _call_method(view)):
            value = getattr(function, attribute, None)
            if isinstance(value, kind):
                return value
        view = view.func if isinstance(view, functools.partial) else None
    return None


def is_default_factory(default: object) -> bool:
    """Return whether the default of a class's parameter stands for a default_factory."""
    return type(default).__module__ in _FACTORY_MODULES


def display_name(view: object) -> str:
    """Return the name of a view for messages: "views.post"; without its module if that is the start file."""
    function = unwrap_callable(view)
    name = getattr(function, "__qualname__", "") or type(function).__qualname__
    name = name.replace("<locals>.", "").removesuffix(".__call__")
    module = getattr(function, "__module__", "") or ""
    return name if module in ("", "__main__", "main") else f"{module}.{name}"


def is_context_manager(function: object) -> bool:
    """Return whether a decorator of `contextlib` has made a function of a generator function."""
    return bool(getattr(function, "__globals__", {}).get("__name__") == "contextlib")


def source_location(view: object, folder: Path | None = None) -> str:
    """Return "views.py:12" for a function or a class written in Python, "" for anything else."""
    function = unwrap_callable(view)
    file, line = _class_location(function) if isinstance(function, type) else ("", 0)
    if isinstance(code := getattr(function, "__code__", None), CodeType):
        file, line = code.co_filename, code.co_firstlineno
    if not file or file.startswith("<"):  # a lambda in an annotation that is text
        return ""
    path = Path(file)
    if folder is not None and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return f"{path.as_posix()}:{line}"


def mistake_in(view: object, folder: Path | None, message: str, hint: str = "") -> Mistake:
    """Return a mistake with the place where a view is written, if it is written in Python."""
    place = source_location(view, folder)
    return Mistake(message=message, places=(place,) if place else (), hint=hint)


def _class_location(cls: type) -> tuple[str, int]:
    try:
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return "", 0
