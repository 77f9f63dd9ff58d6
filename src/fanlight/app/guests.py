"""Apps of other frameworks in the table of a site: their calls, and their lifespans.

In: a `Guest` in `URLS`, and its pattern. Out: its call, which takes all methods and all paths below its key. Refuses,
before the port opens, what is no such app, or of another kind. What a guest needs is imported with the first one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeGuard

from fanlight.app.calls import CallFactory
from fanlight.binding.callables import display_name
from fanlight.errors import AppError
from fanlight.message.handler import Call
from fanlight.routing.entries import Subtree
from fanlight.routing.key import METHODS
from fanlight.routing.pattern import Pattern, refuse
from fanlight.routing.prefixes import Prefix, innermost_first
from fanlight.routing.route import NoMatch, Route
from fanlight.routing.table import Table
from fanlight.routing.tree import NoParameters

if TYPE_CHECKING:
    from fanlight.foreign.guest import Guest

Found = tuple[Route, dict[str, object]] | NoMatch
Find = Callable[[str, str], Found]
_BELOW = f"{{{Subtree(None).name}...}}"
_MODULE = "fanlight.foreign.guest"
_TAKEN = {"asgi": ("scope", "receive", "send"), "wsgi": ("environ", "start_response")}


def is_guest(value: object) -> TypeGuard[Guest]:
    """Return whether a value of `URLS` is a guest."""
    module = sys.modules.get(_MODULE)  # without it there is none
    return module is not None and isinstance(value, module.Guest)


def refuse_unmounted(value: Any, pattern: str) -> None:
    """Raise SetupError for an app of ASGI or WSGI in the place of a view, whose parameters no request has."""
    if not callable(value):
        return
    function = value if isinstance(value, FunctionType | MethodType) else type(value).__call__
    code = getattr(function, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    for kind, taken in _TAKEN.items():
        if names[-len(taken) :] == taken:
            what = f"{display_name(value)} at {pattern} is an app of {kind.upper()}, and no view"
            refuse(what, f"mount it: {kind}(...)")


class Guests:
    """The guests of one app."""

    def __init__(self) -> None:
        self._guests: list[Guest] = []
        self._started: list[Guest] = []

    def may_upgrade(self, value: object) -> bool:
        """Return whether a request for a value may begin a WebSocket that it decides about."""
        return is_guest(value) and value.kind.value == "asgi"

    def table_value(self, value: object) -> object:
        """Return a value of `URLS` as the table needs it: a guest has all paths below its key."""
        if not is_guest(value):
            return value
        return Subtree(value, methods=METHODS, kind="an app", may_have_parameters=True)

    def only_one(self, table: Table) -> Guest | None:
        """Return the guest that is the whole site, None if there is none."""
        first, *others = (each.view for each in table.routes) if table.routes else (None,)
        return first if is_guest(first) and all(each is first for each in others) and len(others) == 1 else None

    def finder(self, table: Table) -> Find:
        """Return what finds the route of a request: what is below the place of a guest is the guest's, whatever it is.

        The table knows paths that have one spelling, and the methods of the RFCs; a guest may take others.
        """
        if self.only_one(table) is not None and table.routes[0].pattern == "/":
            only = table.routes[0], NoParameters()
            return lambda *_: only
        mounts = innermost_first(
            each for each in table.pairs if is_guest(each[1].view) and each[1].pattern.endswith(_BELOW)
        )
        if not mounts:
            return table.find
        places = [(Prefix(Pattern(pattern.segments[:-1])), route) for pattern, route in mounts]

        def find(method: str, raw_path: str) -> Found:
            found = table.find(method, raw_path)
            if found.__class__ is not tuple:
                for prefix, route in places:
                    parameters = prefix.read(raw_path)
                    if parameters is not None:
                        return route, parameters
            return found

        return find

    def call(self, guest: Guest, pattern: str, calls: CallFactory, name: str) -> Call:
        """Return the call of a guest at a pattern. Raises SetupError."""
        from fanlight.foreign.mount_point import MountPoint  # noqa: PLC0415 - most sites have none

        try:
            app = guest.load()
        except AppError as error:
            refuse(str(error), "")
        if guest not in self._guests:
            self._guests.append(guest)
        mount = MountPoint(pattern.removesuffix(_BELOW))
        name = f"{name.partition(' ')[2] or name} ({guest})"
        if guest.kind.value == "asgi":
            from fanlight.foreign.asgi_app import asgi_run, prepare_scope  # noqa: PLC0415 - as above

            prepare = partial(prepare_scope, mount, guest.lifespan)
            run = partial(asgi_run, app, name, mount, guest.lifespan, is_observed=calls.is_observed)
            return calls.for_guest(run, name, prepare, is_async=True)
        from fanlight.foreign.wsgi_app import wsgi_run  # noqa: PLC0415 - as above

        return calls.for_guest(partial(wsgi_run, app, name, mount), name, is_async=False)

    async def start(self) -> None:
        """Run the lifespans up to their start; if one fails, those before it are ended. Raises AppError."""
        try:
            for each in self._guests:
                if each.lifespan is not None:
                    await each.lifespan.start()
                    self._started.append(each)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Run the rest of the lifespans, the last one first."""
        while self._started:
            lifespan = self._started.pop().lifespan
            if lifespan is not None:
                await lifespan.stop()
