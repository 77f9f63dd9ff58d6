"""Find mistakes in the templates of a folder, without rendering any.

In: an environment. Out: mistakes, each with file and line. Compiles every file that is certainly a template, and every
other that one of them names. What is computed while a page is rendered is unknown here: a missing name in the context,
and the names of templates, assets and views that are not literals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from jinja2 import nodes
from msgspec import Struct

from fanlight.errors import Mistake, TemplateError
from fanlight.pages.environment import FolderEnvironment
from fanlight.pages.url_check import UNKNOWN, wrong_asset, wrong_url

_NAMES_FILE, _NAMES_VIEW = "asset", "url_for"
_NAMING = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
_EXAMINED = (*_NAMING, nodes.Call, nodes.Name, nodes.Macro)


class _Reference(Struct, frozen=True, kw_only=True):
    """One place where a template names others; the first that exists is used."""

    line: int
    names: tuple[str, ...]
    is_optional: bool  # `ignore missing`
    is_parent: bool  # `extends` at the top level, so whatever the context


class _Parsed:
    """What is examined of a template: one walk through its tree finds all of it."""

    def __init__(self, name: str, tree: nodes.Template) -> None:
        self.name, self.tree = name, tree
        self.calls: list[tuple[str, nodes.Call]] = []  # of a name
        self.bound: set[str] = set()  # names of the template's own: a variable, a macro, an import
        self.naming: list[nodes.Node] = []
        for node in tree.find_all(_EXAMINED):
            if isinstance(node, nodes.Call):
                if isinstance(node.node, nodes.Name):
                    self.calls.append((node.node.name, node))
            elif isinstance(node, nodes.Name):
                if node.ctx != "load":
                    self.bound.add(node.name)
            elif isinstance(node, nodes.Macro):
                self.bound.add(node.name)
            else:
                self.naming.append(node)
                if isinstance(node, nodes.Import):
                    self.bound.add(node.target)
                elif isinstance(node, nodes.FromImport):
                    self.bound.update(each if isinstance(each, str) else each[1] for each in node.names)

    def calls_of(self, function: str) -> Iterator[nodes.Call]:
        """Yield the calls of a function that the template does not define itself."""
        if function not in self.bound:
            yield from (call for name, call in self.calls if name == function)


class Findings(NamedTuple):
    """What was found in the templates of a folder, file by file."""

    mistakes: list[Mistake]
    wrong_urls: dict[str, list[Mistake]]  # by template: calls of `url_for` that can only fail, if this app uses it
    used: dict[str, set[str]]  # by template: those that it extends, includes and imports

    def wrong_urls_of(self, names: Iterable[str]) -> list[Mistake]:
        """Return the wrong calls of `url_for` in some templates, and in those that they use."""
        waiting = [name for name in names if name in self.used]
        reached = set(waiting)
        for name in waiting:  # grows during the loop
            more = self.used.get(name, set()) - reached
            reached |= more
            waiting += sorted(more)
        return [mistake for name in sorted(reached) for mistake in self.wrong_urls.get(name, ())]


def check_templates(environment: FolderEnvironment, *, assets: bool = True, urls: bool = True) -> Findings:
    """Return what is wrong; with `assets` and `urls` also which of those are missing. What compiles stays compiled."""
    loader, mistakes = environment.loader, list[Mistake]()
    wrong_urls, used = dict[str, list[Mistake]](), dict[str, set[str]]()
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
        parsed = _Parsed(name, environment.parse(source, name, filename))
        mistakes += _refused_calls(parsed, environment)
        if assets:
            mistakes += _wrong_calls(_NAMES_FILE, parsed, environment)
        if urls:
            wrong_urls[name] = _wrong_calls(_NAMES_VIEW, parsed, environment)
        used[name] = set()
        for reference in _references_in(parsed, environment):
            if not reference.is_optional and not any(map(loader.has, reference.names)):
                reason, hint = loader.explain_missing(*reference.names)
                mistakes.append(Mistake(message=reason, places=(loader.place_of(name, reference.line),), hint=hint))
            if reference.is_parent:
                parents.setdefault(name, reference)
            named = [each for each in reference.names if loader.has(each) and each not in seen]
            used[name].update(each for each in reference.names if loader.has(each))
            waiting += named
            seen.update(named)
    return Findings(mistakes + _circles(parents, environment), wrong_urls, used)


def _wrong_calls(function: str, parsed: _Parsed, environment: FolderEnvironment) -> list[Mistake]:
    """Return a mistake for each call of `asset` or `url_for` in a template that can only fail."""
    value: Any = environment.without_request.get(function)
    mistakes: list[Mistake] = []
    for call in parsed.calls_of(function) if callable(value) else ():
        first = call.args[0] if call.args else None
        if not isinstance(first, nodes.Const) or not isinstance(first.value, str):
            continue
        if function == _NAMES_FILE:
            found = wrong_asset(value, first.value)
        elif len(call.args) > 1 or call.dyn_args is not None or call.dyn_kwargs is not None:
            continue
        else:
            found = wrong_url(value, first.value, {each.key: _literal(each.value) for each in call.kwargs})
        if found is not None:
            place = environment.loader.place_of(parsed.name, call.lineno)
            mistakes.append(Mistake(message=found.message, places=(place,), hint=found.hint))
    return mistakes


def _refused_calls(parsed: _Parsed, environment: FolderEnvironment) -> Iterator[Mistake]:
    """Yield a mistake for each call of a function that this app refuses."""
    for called, call in parsed.calls:
        refused = environment.refused.get(called)
        if refused is not None and called not in parsed.bound:
            place = environment.loader.place_of(parsed.name, call.lineno)
            yield Mistake(message=refused.message, places=(place,), hint=refused.hint)


def _literal(expression: nodes.Expr) -> object:
    return expression.value if isinstance(expression, nodes.Const) else UNKNOWN


def _references_in(parsed: _Parsed, environment: FolderEnvironment) -> list[_Reference]:
    """Return every place where a template names others, from top to bottom."""
    found = []
    for node in parsed.naming:
        assert isinstance(node, _NAMING)  # for mypy
        reference = _Reference(
            line=node.lineno,
            names=tuple(environment.join_path(each, parsed.name) for each in _names_in(node.template)),
            is_optional=isinstance(node, nodes.Include) and node.ignore_missing,
            is_parent=isinstance(node, nodes.Extends) and node in parsed.tree.body,
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
