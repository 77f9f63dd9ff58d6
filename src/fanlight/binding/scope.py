"""Read annotations that stand as text, with the names of the place where they are written.

In: a function, a class or a module. Out: its `Scope`, which reads a text as an annotation. A name that is
not there (it was imported for type checkers only) is read as `Unknown`: a type that nobody needs may be one.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any, ForwardRef


class Unknown:
    """Stands for a name that is not there, whatever is written of it."""

    def __init__(self, name: str) -> None:
        """Remember the name."""
        self._name = name

    def __getattr__(self, name: str) -> Unknown:
        if name.startswith("__"):  # those by which Python asks what this is
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> Unknown:
        """Stand for what it would give, too."""
        return self

    def __getitem__(self, _: object) -> Unknown:
        return self

    def __or__(self, _: object) -> Unknown:
        return self

    __ror__ = __or__

    def error(self) -> NameError:
        """Return what Python would have raised."""
        return NameError(f"name {self._name!r} is not defined", name=self._name)


class Scope(dict[str, Any]):
    """The names that are seen where an annotation is written; a lambda in it sees those of the module later."""

    def __init__(self, module: dict[str, Any], *names: Mapping[str, Any]) -> None:
        """Take the names, those that go before others last."""
        super().__init__(vars(builtins))
        self._module = module
        for each in names:
            self.update(each)

    def __missing__(self, name: str) -> Unknown:
        return Unknown(name)

    def read(self, text: str) -> Any:
        """Return the annotation that a text stands for. Raises what Python raises."""
        return eval(text.strip(), self._module, self)  # noqa: S307 - it is the site's own code, as for typing.get_type_hints

    def read_text(self, annotation: Any) -> Any:
        """Return an annotation that may stand as text; as itself, if it does not."""
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        return self.read(annotation) if isinstance(annotation, str) else annotation


def scope_of(function: object) -> Scope:
    """Return the names that a function sees, or what makes the objects of a class."""
    if isinstance(function, type):
        return class_scope(function)
    module = getattr(function, "__globals__", {})
    return Scope(module, module, _type_parameters(function), _enclosed(function))


def class_scope(cls: type) -> Scope:
    """Return the names that are seen in the body of a class, and in its `__init__`."""
    make, module = getattr(cls, "__init__", None), _module(cls)
    # As for typing.get_type_hints, a name of the module goes before an attribute of the class (`date: date = ...`).
    own = {cls.__name__: cls, **vars(cls)}
    return Scope(module, own, getattr(make, "__globals__", {}), module, _enclosed(make), _type_parameters(cls))


def module_scope(thing: object) -> Scope:
    """Return the names of the module in which something was made, such as an alias."""
    module = _module(thing)
    return Scope(module, module)


def _type_parameters(thing: object) -> dict[str, Any]:
    return {each.__name__: each for each in getattr(thing, "__type_params__", ())}


def _module(thing: object) -> dict[str, Any]:
    name = getattr(thing, "__forward_module__" if isinstance(thing, ForwardRef) else "__module__", None)
    module = sys.modules.get(name) if isinstance(name, str) else name
    return vars(module) if module is not None else {}


def _enclosed(function: object) -> dict[str, object]:
    """Return the names that a function sees of the function around it."""
    if not isinstance(function, FunctionType) or not function.__closure__:
        return {}
    found: dict[str, object] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
    return found
