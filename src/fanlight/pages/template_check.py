"""Find mistakes in the templates of a folder, without rendering any.

In: an environment. Out: mistakes, each with file and line. Compiles every file that is certainly a template, and every
other that one of them names. What is computed while a page is rendered is unknown here: a missing name in the context,
and the names of templates and assets that are not literals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import nodes
from msgspec import Struct

from fanlight.errors import Mistake, NoSuchURL, TemplateError
from fanlight.pages.environment import FolderEnvironment

_ASSET = "asset"
_NAMING = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)


class _Reference(Struct, frozen=True, kw_only=True):
    """One place where a template names others; the first that exists is used."""

    line: int
    names: tuple[str, ...]
    is_optional: bool  # `ignore missing`
    is_parent: bool  # `extends` at the top level, so whatever the context


def check_templates(environment: FolderEnvironment, *, assets: bool = True) -> list[Mistake]:
    """Return what is wrong, file by file, and with `assets` which assets are missing. What compiles stays compiled."""
    loader, mistakes = environment.loader, list[Mistake]()
    parents: dict[str, _Reference] = {}
    waiting = loader.list_known_types()
    seen = set(waiting)
    for name in waiting:  # grows during the loop
        try:
            environment.load(name)
        except TemplateError as error:
            places = (error.place,) if error.place else ()
            mistakes.append(Mistake(message=error.reason, places=places, hint=error.hint))
            continue
        source, filename, _ = loader.get_source(environment, name)
        tree = environment.parse(source, name, filename)
        if assets:
            mistakes += _missing_assets(name, tree, environment)
        for reference in _references_in(tree):
            if not reference.is_optional and not any(map(loader.has, reference.names)):
                reason, hint = loader.explain_missing(*reference.names)
                mistakes.append(Mistake(message=reason, places=(loader.place_of(name, reference.line),), hint=hint))
            if reference.is_parent:
                parents.setdefault(name, reference)
            named = [each for each in reference.names if loader.has(each) and each not in seen]
            waiting += named
            seen.update(named)
    return mistakes + _circles(parents, environment)


def _missing_assets(name: str, tree: nodes.Template, environment: FolderEnvironment) -> list[Mistake]:
    asset: Any = environment.globals.get(_ASSET)
    mistakes: list[Mistake] = []
    for call in tree.find_all(nodes.Call) if callable(asset) and not _defines_asset(tree) else ():
        first = call.args[0] if call.args else None
        is_asset_call = isinstance(call.node, nodes.Name) and call.node.name == _ASSET
        if is_asset_call and isinstance(first, nodes.Const) and isinstance(first.value, str):
            try:
                asset(first.value)
            except NoSuchURL as error:
                message, _, hint = str(error).partition("; ")
                place = environment.loader.place_of(name, call.lineno)
                mistakes.append(Mistake(message=message, places=(place,), hint=hint))
    return mistakes


def _defines_asset(tree: nodes.Template) -> bool:
    """Return whether a template binds the name itself: as a variable, a macro or an import."""
    set_names = (each.name for each in tree.find_all(nodes.Name) if each.ctx != "load")
    macros = (each.name for each in tree.find_all(nodes.Macro))
    modules = (each.target for each in tree.find_all(nodes.Import))
    imported = (
        name if isinstance(name, str) else name[1] for each in tree.find_all(nodes.FromImport) for name in each.names
    )
    return any(_ASSET in names for names in (set_names, macros, modules, imported))


def _references_in(tree: nodes.Template) -> list[_Reference]:
    """Return every place where a template names others, from top to bottom."""
    found = []
    for node in tree.find_all(_NAMING):
        assert isinstance(node, _NAMING)  # for mypy
        reference = _Reference(
            line=node.lineno,
            names=tuple(_names_in(node.template)),
            is_optional=isinstance(node, nodes.Include) and node.ignore_missing,
            is_parent=isinstance(node, nodes.Extends) and node in tree.body,
        )
        found.append(reference)
    return sorted((each for each in found if each.names), key=lambda each: each.line)


def _names_in(expression: nodes.Expr) -> Iterator[str]:
    """Yield the names that are literals; none at all if one of several is computed."""
    values = expression.items if isinstance(expression, nodes.Tuple | nodes.List) else [expression]
    if all(isinstance(value, nodes.Const) for value in values):
        for value in values:
            assert isinstance(value, nodes.Const)
            each = value.value
            yield from each if isinstance(each, tuple | list) else [each]


def _circles(parents: dict[str, _Reference], environment: FolderEnvironment) -> list[Mistake]:
    """Return one mistake for each circle of templates that extend one another."""
    mistakes: list[Mistake] = []
    done: set[str] = set()
    for start in sorted(parents):
        trail: list[str] = []
        name = start
        while name in parents and name not in done:
            done.add(name)
            trail.append(name)
            name = parents[name].names[0]
        if name in trail:
            circle = trail[trail.index(name) :]
            mistakes.append(
                Mistake(
                    message=" extends ".join([*circle, circle[0]]),
                    places=tuple(environment.loader.place_of(each, parents[each].line) for each in circle),
                    hint="remove `extends` from one of them",
                )
            )
    return mistakes
