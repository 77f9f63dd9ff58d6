"""Which interface an app has, told by its parameters, before anything is called."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.compatibility import guarantee_single_callable
from asgiref.wsgi import WsgiToAsgi
from django.core.handlers.asgi import ASGIHandler  # type: ignore[import-untyped]
from django.core.handlers.wsgi import WSGIHandler  # type: ignore[import-untyped]
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette

from fanlight.foreign.app_kind import Kind, NoForeignApp, kind_of


async def asgi_function(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


def passes_on(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    """Return what the server awaits, as middleware does."""
    return asgi_function(scope, receive, send)


def wsgi_function(environ: Any, start_response: Any) -> list[bytes]:
    """Respond with nothing."""
    return []


def asgi_2(scope: Any) -> Callable[..., Awaitable[None]]:
    """Return the second of two callables."""
    return asgi_function


class Asgi2:
    """An app of the older interface, as a class."""

    def __init__(self, scope: Any) -> None:
        """Take the scope."""

    async def __call__(self, receive: Any, send: Any) -> None:
        """Run."""


class WsgiClass:
    """An app that is an instance."""

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        """Respond with nothing."""
        return []

    def method(self, environ: Any, start_response: Any) -> list[bytes]:
        """Respond with nothing."""
        return []


def with_settings(settings: Any, environ: Any, start_response: Any) -> list[bytes]:
    """Respond with nothing, and take something besides."""
    return []


WITH_SETTINGS = functools.partial(with_settings, {})


@pytest.mark.parametrize(
    "app",
    [
        asgi_function,
        passes_on,
        Starlette(),
        FastAPI(),
        WsgiToAsgi(wsgi_function),  # type: ignore[no-untyped-call]
        guarantee_single_callable(asgi_2),  # type: ignore[no-untyped-call]
        functools.partial(asgi_function),
    ],
)
def test_an_asgi_app_is_recognised(app: Any) -> None:
    """Coroutine functions, instances whose `__call__` is one, and what is made of either, are ASGI 3."""
    assert kind_of(app) is Kind.ASGI


def test_django_is_recognised() -> None:
    """The handlers of Django, of which a project's `asgi.py` and `wsgi.py` make their apps, are told apart."""
    assert kind_of(ASGIHandler.__new__(ASGIHandler)) is Kind.ASGI
    assert kind_of(WSGIHandler.__new__(WSGIHandler)) is Kind.WSGI


@pytest.mark.parametrize("app", [wsgi_function, WsgiClass(), WsgiClass().method, Flask("shop"), WITH_SETTINGS])
def test_a_wsgi_app_is_recognised(app: Any) -> None:
    """A callable of two arguments is WSGI."""
    assert kind_of(app) is Kind.WSGI


async def async_of_one(request: Any) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        (asgi_2, "is an app of ASGI 2, which is called twice; write `from asgiref.compatibility import"),
        (Asgi2, "is a class of ASGI 2"),
        (WsgiClass, "is a class; make the app of it: app = WsgiClass(...)"),
        (lambda: wsgi_function, "write its name with parentheses"),
        (async_of_one, "is async and takes 1 arguments; an ASGI app takes scope, receive and send"),
        (lambda *_: [], "app = wsgi(app), or app = asgi(app)"),
        (with_settings, "app = wsgi(app), or app = asgi(app)"),
        ({"/": "home"}, "is a dict, and neither an App"),
    ],
)
def test_what_is_no_app_is_refused_with_what_to_write(app: object, complaint: str) -> None:
    """ASGI 2, classes, factories and what takes anything are refused, and the message says what to do."""
    with pytest.raises(NoForeignApp) as refused:
        kind_of(app)
    assert complaint in str(refused.value)
