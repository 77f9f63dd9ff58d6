"""`Templates`: where an app's templates are, and what each of them has beside the values of its page.

In: what the app registers. Out: the same, and what is wrong with it. Refuses names that no template can use, that are
there twice, or that Jinja or Fanlight give already; filters and tests that can't be called, and async ones: a template
can't await.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from fanlight.errors import Mistake

# In every template, or where there is an error: what a page of an error has.
OWN_NAMES = frozenset(
    ("asset", "csp_nonce", "detail", "error", "flashes", "reason", "request", "script_tag", "status", "url_for")
)
# Words and names of Jinja's language, which mean something else wherever they stand.
_JINJA_NAMES = frozenset(
    "and caller else elif false if import in is kwargs loop none not or recursive self super true varargs".split()
)
_VALUES = ("globals", "context")  # their names are in one namespace
_KINDS = (*_VALUES, "filters", "tests")


class _Folder(Struct, frozen=True):
    """What may be given without its name; the rest of `Templates` is given by name."""

    folder: str | Path = "templates"


class Templates(_Folder, frozen=True, kw_only=True):
    """The templates of an app: `App(URLS, templates=Templates(filters={"price": price}, context={"user": user}))`.

    `folder` is beside the file of the app. `globals` are values and functions that every template has; `filters` and
    `tests` are functions as Jinja defines them. `context` has a function for each name: a dependency that is opened
    whenever a template is rendered for a request, and gives the name its value.
    """

    globals: Mapping[str, object] = {}
    filters: Mapping[str, Callable[..., Any]] = {}
    tests: Mapping[str, Callable[..., Any]] = {}
    context: Mapping[str, Callable[..., Any]] = {}


def read_templates(given: object) -> tuple[Templates, list[Mistake]]:
    """Return the templates that a setting names, and what is wrong with it; nothing that is wrong is registered."""
    if isinstance(given, str | Path):
        return Templates(given), []
    if not isinstance(given, Templates):
        message = f"templates is a {type(given).__name__}"
        return Templates(), [Mistake(message=message, hint='give the name of a folder, or Templates("folder", ...)')]
    mistakes = list(_mistakes_in(given))
    return (_without_mistakes(given) if mistakes else given), mistakes


def _without_mistakes(given: Templates) -> Templates:
    """Return the folder and the context functions, as far as they can be checked further."""
    folder: object = given.folder
    context: object = given.context
    functions = {name: each for name, each in context.items() if callable(each)} if isinstance(context, Mapping) else {}
    return Templates(folder if isinstance(folder, str | Path) else Templates().folder, context=functions)


def _mistakes_in(templates: Templates) -> Iterator[Mistake]:
    folder: object = templates.folder
    if not isinstance(folder, str | Path):
        yield Mistake(message=f"the folder of Templates is a {type(folder).__name__}", hint="give its name")
    names = dict[object, str]()
    for kind in _KINDS:
        registered: object = getattr(templates, kind)
        if not isinstance(registered, Mapping):
            given = "one function" if callable(registered) else f"a {type(registered).__name__}"
            hint = f'write a dict, from names to values: {kind}={{"name": ...}}'
            yield Mistake(message=f"{kind} of Templates is {given}", hint=hint)
            continue
        known = _known_to_jinja(kind) if registered else {}
        for name, value in registered.items():
            yield from _mistakes_of(kind, name, value, known)
            if kind in _VALUES and names.setdefault(name, kind) != kind:
                yield Mistake(message=f"Templates has {name!r} in globals and in context", hint="rename one")


def _mistakes_of(kind: str, name: object, value: object, known: Mapping[str, object]) -> Iterator[Mistake]:
    where = f"{kind}[{name!r}]"
    if not isinstance(name, str) or not name.isidentifier() or name.lower() in _JINJA_NAMES:
        yield Mistake(message=f"{where}: no template can use that name", hint="write letters, digits and underscores")
    elif kind in _VALUES and name in OWN_NAMES:
        yield Mistake(message=f"{where}: templates have {name} already", hint="give yours another name")
    elif name in known:
        what = "name" if kind in _VALUES else kind.removesuffix("s")
        yield Mistake(message=f"{where}: {name} is a {what} of Jinja's own", hint="give yours another name")
    if not callable(value):
        if kind != "globals":
            message = f"{where} is a {type(value).__name__}, which can't be called"
            hint = "a value goes into globals" if kind == "context" else "give a function"
            yield Mistake(message=message, hint=hint)
    elif kind != "context" and (inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)):
        hint = "write def, or pass the value from an async view"
        yield Mistake(message=f"{where} is async, and a template can't await", hint=hint)


def _known_to_jinja(kind: str) -> Mapping[str, object]:
    import jinja2  # noqa: PLC0415 - a site that registers nothing need not load it

    environment = jinja2.Environment(autoescape=True)
    known: Mapping[str, object] = getattr(environment, "globals" if kind in _VALUES else kind)
    return known
