"""A function of templates that gets the request for which the page is rendered: `flashes()`, `csp_nonce()`.

In: the function, which takes the request before its own arguments. Out: what is registered in the environment. A
function that an app refuses is registered too, so that a call of it is found at start.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

Function = Callable[..., object]


class RequestFunction(Struct, frozen=True):
    """A name in all templates: a call of it, `name(x)`, is `function(request, x)`."""

    function: Function
    needs_services: bool = False  # whether it uses the store or the keys of the deployment
    without_request: Function | None = None  # tried at start with what templates give it; None: nothing is known


class RefusedFunction(Struct, frozen=True):
    """A name in all templates that must not be called in this app: why, and what to write instead."""

    message: str
    hint: str
