"""Evaluate annotations that are written as text, with the names visible where they are written.

In: a function, a class or a module. Out: its `Scope`, which evaluates text. A name that is not defined (it was imported
for type checkers only) evaluates to `UndefinedName`, because not every annotation is needed.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any, ForwardRef


class UndefinedName:
    """Stands for a name that is not defined, and for every expression with it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> UndefinedName:
        if name.startswith("__"):  # Python looks for these to find out what an object is
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> UndefinedName:
        """Stand for the result as well."""
        return self

    def __getitem__(self, _: object) -> UndefinedName:
        return self

    def __or__(self, _: object) -> UndefinedName:
        return self

    __ror__ = __or__

    def error(self) -> NameError:
        """Return the error that Python would have raised."""
        return NameError(f"name {self._name!r} is not defined", name=self._name)


class Scope(dict[str, Any]):
    """The names visible to an annotation. A lambda in it is run later, with the names of the module alone."""

    def __init__(self, module: dict[str, Any], *names: Mapping[str, Any]) -> None:
        super().__init__(vars(builtins))
        self._module = module
        for each in names:
            self.update(each)

    def __missing__(self, name: str) -> UndefinedName:
        return UndefinedName(name)

    def evaluate(self, text: str) -> Any:
        """Return the annotation that a text stands for. Raises what Python raises."""
        return eval(text.strip(), self._module, self)  # noqa: S307 - it is the site's own code, as for typing.get_type_hints

    def resolve(self, annotation: Any) -> Any:
        """Return an annotation, evaluated if it is text."""
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        return self.evaluate(annotation) if isinstance(annotation, str) else annotation


def scope_of(function: object) -> Scope:
    """Return the names visible in a function, or in the class that is called."""
    if isinstance(function, type):
        return class_scope(function)
    module = getattr(function, "__globals__", {})
    return Scope(module, module, _type_parameters(function), _closure_names(function))


def class_scope(cls: type) -> Scope:
    """Return the names visible in the body of a class and in its `__init__`."""
    init, module = getattr(cls, "__init__", None), _module_names(cls)
    # As for typing.get_type_hints, a name of the module wins over an attribute of the class (`date: date = ...`).
    own = {cls.__name__: cls, **vars(cls)}
    return Scope(module, own, getattr(init, "__globals__", {}), module, _closure_names(init), _type_parameters(cls))


def module_scope(thing: object) -> Scope:
    """Return the names of the module that defines something, such as an alias."""
    module = _module_names(thing)
    return Scope(module, module)


def _type_parameters(thing: object) -> dict[str, Any]:
    return {each.__name__: each for each in getattr(thing, "__type_params__", ())}


def _module_names(thing: object) -> dict[str, Any]:
    name = getattr(thing, "__forward_module__" if isinstance(thing, ForwardRef) else "__module__", None)
    module = sys.modules.get(name) if isinstance(name, str) else name
    return vars(module) if module is not None else {}


def _closure_names(function: object) -> dict[str, object]:
    """Return the names that a function uses from the function around it."""
    if not isinstance(function, FunctionType) or not function.__closure__:
        return {}
    found: dict[str, object] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
    return found
