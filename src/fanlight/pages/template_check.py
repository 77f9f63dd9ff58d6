"""Find mistakes in the templates of a folder, without rendering any.

In: an environment. Out: mistakes, each with file and line. Compiles every file that is certainly a template, and every
other that one of them names. The context of a template is unknown, so a name that is missing in it is found only when
the page is rendered.
"""

from __future__ import annotations

from typing import Any

from fanlight.errors import Mistake, NoSuchURL, TemplateError
from fanlight.pages.asset_calls import ASSET, asset_calls_of
from fanlight.pages.environment import FolderEnvironment
from fanlight.pages.references import Reference, references_of


def check_templates(environment: FolderEnvironment, *, assets: bool = True) -> list[Mistake]:
    """Return what is wrong, file by file, and with `assets` which assets are missing. What compiles stays compiled."""
    mistakes: list[Mistake] = []
    parents: dict[str, Reference] = {}
    waiting = environment.loader.list_known_types()
    seen = set(waiting)
    for name in waiting:  # grows during the loop
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
            mistakes += _missing_templates(name, reference, environment)
            if reference.is_parent:
                parents.setdefault(name, reference)
            named = [each for each in reference.names if environment.loader.has(each) and each not in seen]
            waiting += named
            seen.update(named)
    return mistakes + _circles(parents, environment)


def _missing_templates(name: str, reference: Reference, environment: FolderEnvironment) -> list[Mistake]:
    loader = environment.loader
    if reference.is_optional or any(map(loader.has, reference.names)):
        return []
    reason, hint = loader.explain_missing(*reference.names)
    return [Mistake(message=reason, places=(loader.place_of(name, reference.line),), hint=hint)]


def _missing_assets(name: str, environment: FolderEnvironment) -> list[Mistake]:
    asset: Any = environment.globals.get(ASSET)
    mistakes: list[Mistake] = []
    for wanted, line in asset_calls_of(name, environment) if callable(asset) else ():
        try:
            asset(wanted)
        except NoSuchURL as error:
            message, _, hint = str(error).partition("; ")
            mistakes.append(Mistake(message=message, places=(environment.loader.place_of(name, line),), hint=hint))
    return mistakes


def _circles(parents: dict[str, Reference], environment: FolderEnvironment) -> list[Mistake]:
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
