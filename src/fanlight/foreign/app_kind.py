"""Find out what a foreign app is: ASGI 3 or WSGI.

In: any object. Out: its kind. Refuses, with what to write instead, what is called before it is an app (a class, a
factory), ASGI 2, and what takes anything, so that nothing can be known. Calls nothing.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

from fanlight.errors import AppError

_ASGI_PARAMETERS = ("scope", "receive", "send")
_ASGI_2 = "guarantee_single_callable"


class Kind(Enum):
    """The interface of an app; its value is the function that mounts one."""

    ASGI = "asgi"
    WSGI = "wsgi"

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name


class NoForeignApp(AppError):
    """An object is no app that can be served; the message says what to write instead."""

    def __init__(self, message: str, *, may_be_factory: bool = False, is_unclear: bool = False) -> None:
        super().__init__(message)
        self.is_unclear = is_unclear  # it may be an app of either kind
        self.may_be_factory = may_be_factory  # a function that makes one


def kind_of(app: object) -> Kind:
    """Return the kind of an app. Raises NoForeignApp, whose message begins with "is ..."."""
    if inspect.isclass(app):
        raise _class_problem(app)
    if not callable(app):
        raise NoForeignApp(f"is a {type(app).__name__}, and neither an App, nor an app of ASGI or WSGI")
    required, most = _counts(app)
    if _is_async(app):
        if required <= 3 <= most:
            return Kind.ASGI
        hint = f"is async and takes {required} arguments; an ASGI app takes scope, receive and send"
        raise NoForeignApp(hint, may_be_factory=required == 0)
    names = _names(app)
    if names == _ASGI_PARAMETERS:  # it returns what is awaited
        return Kind.ASGI
    if required == most == 2 or names[:2] == ("environ", "start_response"):
        return Kind.WSGI
    if required == most == 1 and names[0] == "scope":
        raise NoForeignApp(_asgi_2_hint("is an app of ASGI 2"))
    if required == 0 and most < 2:
        hint = "is a function without parameters; if it makes the app, write its name with parentheses"
        raise NoForeignApp(hint, may_be_factory=True)
    raise NoForeignApp(
        "has parameters by which it could be ASGI or WSGI; say which: `from fanlight import asgi, wsgi`, and"
        " app = wsgi(app), or app = asgi(app)",
        may_be_factory=inspect.isfunction(app),
        is_unclear=True,
    )


def _class_problem(app: type) -> NoForeignApp:
    call = vars(app).get("__call__")
    parameters = _names(vars(app)["__init__"]) if "__init__" in vars(app) else ()
    if call is not None and inspect.iscoroutinefunction(call) and parameters == ("self", "scope"):
        return NoForeignApp(_asgi_2_hint("is a class of ASGI 2"))
    return NoForeignApp(f"is a class; make the app of it: app = {app.__name__}(...)", may_be_factory=True)


def _asgi_2_hint(start: str) -> str:
    return (
        f"{start}, which is called twice; write `from asgiref.compatibility import {_ASGI_2}`, and app = {_ASGI_2}(app)"
    )


def _function_of(app: Any) -> Callable[..., Any]:
    """Return what runs when an app is called."""
    while isinstance(app, functools.partial):
        app = app.func
    return app if inspect.isroutine(app) else app.__call__


def _is_async(app: Any) -> bool:
    # asyncio's knows functions that asgiref has marked, too.
    return any(asyncio.iscoroutinefunction(each) for each in (app, _function_of(app)))


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # not written in Python
        return ()


def _counts(function: Callable[..., Any]) -> tuple[int, int]:
    """Return how many positional arguments a function needs, and how many it takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0, 99
    required = most = 0
    for each in parameters:
        if each.kind is each.VAR_POSITIONAL:
            most = 99
        elif each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            most += 1
            required += each.default is each.empty
    return required, most
