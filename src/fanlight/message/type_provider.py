"""Types that provide themselves: a parameter that is annotated with one is filled by it, and never by the client.

In: a class with the class method `__fanlight_provider__`, or such a class with one argument, like `Session[Cart]`.
Out: its `TypeProvider`, a dependency that views, dependencies, middleware and error views can have.
"""

from __future__ import annotations

import typing
from typing import Any

from fanlight.message.request import Request

_METHOD = "__fanlight_provider__"


class UnusableArgument(TypeError):
    """A type can't have this argument; `hint` is what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class TypeProvider:
    """Makes the value of a parameter, once for each request. It is equal to another that makes the same."""

    description = "a value of the request"  # for messages: "a session"
    is_session = False  # the value is made of the cookie of a session
    is_websocket = False  # the value is the WebSocket of the request
    needs_services = False  # whether it uses the store or the keys of the deployment

    def __call__(self, request: Request) -> object:
        """Return the value; it may wait, as it is called where a sync view runs."""
        raise NotImplementedError

    async def open_async(self, request: Request) -> object:
        """Return the value for an async view: it must not block the event loop."""
        return self(request)


def provides_itself(thing: object) -> bool:
    """Return whether something is a type that provides itself."""
    return isinstance(thing, type) and hasattr(thing, _METHOD)


def provider_of(annotation: Any) -> TypeProvider | None:
    """Return the provider of a type, None for one that does not provide itself.

    Raises UnusableArgument if the type does not take this argument: `Session[int]`.
    """
    cls = typing.get_origin(annotation) or annotation
    if not provides_itself(cls):
        return None
    arguments = typing.get_args(annotation)
    provider: TypeProvider = getattr(cls, _METHOD)(arguments[0] if arguments else None)
    return provider
