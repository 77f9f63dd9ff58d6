"""Find what is wrong with the templates of a folder, without rendering any.

In: an environment. Out: mistakes, each with file and line. Every template that is surely meant as
one is compiled, and so is every other that one of them names. Does not know what a template will be
told, so a name missing in a context is found only when the page is rendered.
"""

from __future__ import annotations

from typing import Any

from fanlight.errors import Mistake, NoSuchURL, TemplateError
from fanlight.pages.asset_calls import ASSET, asset_calls_of
from fanlight.pages.environment import FolderEnvironment
from fanlight.pages.references import Reference, references_of


def check_templates(environment: FolderEnvironment, *, assets: bool = True) -> list[Mistake]:
    """Return what is wrong, file by file; what compiles stays compiled. `assets`: also files that are not there."""
    mistakes: list[Mistake] = []
    parents: dict[str, Reference] = {}
    waiting = environment.loader.list_sure()
    seen = set(waiting)
    for name in waiting:  # grows while we go
        try:
            environment.load(name)
        except TemplateError as error:
            mistakes.append(
                Mistake(message=error.reason, places=(error.place,) if error.place else (), hint=error.hint)
            )
            continue
        if assets:
            mistakes += _missing_assets(name, environment)
        for reference in references_of(name, environment):
            mistakes += _mistakes_in(name, reference, environment)
            if reference.is_parent:
                parents.setdefault(name, reference)
            named = [each for each in reference.names if environment.loader.has(each) and each not in seen]
            waiting += named
            seen.update(named)
    return mistakes + _circles(parents, environment)


def _mistakes_in(name: str, reference: Reference, environment: FolderEnvironment) -> list[Mistake]:
    loader = environment.loader
    places = (loader.place_of(name, reference.line),)
    found = [each for each in reference.names if loader.has(each)]
    if not found and not reference.is_optional:
        reason, hint = loader.absence_of(*reference.names)
        return [Mistake(message=reason, places=places, hint=hint)]
    return []


def _missing_assets(name: str, environment: FolderEnvironment) -> list[Mistake]:
    asset: Any = environment.globals.get(ASSET)
    mistakes: list[Mistake] = []
    for wanted, line in asset_calls_of(name, environment) if callable(asset) else ():
        try:
            asset(wanted)
        except NoSuchURL as error:
            what, _, hint = str(error).partition("; ")
            mistakes.append(Mistake(message=what, places=(environment.loader.place_of(name, line),), hint=hint))
    return mistakes


def _circles(parents: dict[str, Reference], environment: FolderEnvironment) -> list[Mistake]:
    """Return a mistake for each ring of templates that extend one another, told once."""
    mistakes: list[Mistake] = []
    done: set[str] = set()
    for start in sorted(parents):
        way: list[str] = []
        name = start
        while name in parents and name not in done:
            done.add(name)
            way.append(name)
            name = parents[name].names[0]
        if name in way:
            ring = way[way.index(name) :]
            mistakes.append(
                Mistake(
                    message=" extends ".join([*ring, ring[0]]),
                    places=tuple(environment.loader.place_of(each, parents[each].line) for each in ring),
                    hint="one of them must stand without `extends`",
                )
            )
    return mistakes
