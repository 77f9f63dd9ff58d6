"""The variables of a frame that are worth showing.

In: a frame. Out: names and values, at most MAX_VARIABLES. Of a template these are the names of its context, without
those that every template has; of a module those that are neither functions, classes nor modules.
"""

from __future__ import annotations

from inspect import CO_NEWLOCALS
from types import FunctionType, ModuleType

from jinja2.defaults import DEFAULT_NAMESPACE

from fanlight.tracebacks.frames import Frame

MAX_VARIABLES = 40
_IN_EVERY_TEMPLATE = frozenset({*DEFAULT_NAMESPACE, "url_for", "asset"})


def variables_of(frame: Frame) -> list[tuple[str, object]]:
    """Return the variables of a frame, in the order of their first assignment."""
    if frame.frame is None:
        return []
    found = [(str(name), value) for name, value in dict(frame.frame.f_locals).items()]
    if frame.is_template:
        found = [each for each in found if each[0] not in _IN_EVERY_TEMPLATE and not each[0].startswith("_")]
    elif not frame.frame.f_code.co_flags & CO_NEWLOCALS:
        found = [
            (name, value)
            for name, value in found
            if not name.startswith("__") and type(value) not in (FunctionType, ModuleType, type)
        ]
    return found[:MAX_VARIABLES]
