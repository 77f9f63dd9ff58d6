"""Look at the source of a site: where an error was raised, what a view is, which fields the form of a page has.

In: an app, and a traceback, a route or a path. Out: places in the site's own files. Runs no code of the site, and
raises nothing for files that are missing or can't be read.
"""

from __future__ import annotations

import inspect
import linecache
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import CodeType, FunctionType, TracebackType

from fanlight.binding.callables import source_location, unwrap_callable
from fanlight.binding.describe import annotation_text
from fanlight.binding.sentinels import MISSING, OMIT
from fanlight.binding.signature import Parameter, Signature, read_signature
from fanlight.devtools.teaching.explanation import Place
from fanlight.devtools.teaching.site_facts import SiteFacts
from fanlight.errors import SetupError
from fanlight.message.request import Request
from fanlight.pages.page import Page
from fanlight.routing.route import Route
from fanlight.tracebacks.frames import is_at_yield

MAX_FILES = 2000  # of a folder that are compared with the name of one that is missing
MAX_TEMPLATES = 20  # of one page that are read
MAX_BYTES = 256 * 1024  # of a template
_FOREIGN_FOLDERS = frozenset({"site-packages", "dist-packages"})
_field_names = re.compile(
    r"""<(?:input|select|textarea|button)\b[^<>]{0,1000}?\bname\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE
).findall
_computed_name = re.compile(r"""\bname\s*=\s*["']?\Z""").search  # a text that goes on with a value
_named_templates = re.compile(r"""\{%-?\s*(?:extends|include|import|from)\s+["']([^"']+)["']""").findall


class FormPage(Place, frozen=True, kw_only=True):
    """A page of the site with a form, and the names of the fields in it."""

    path: str
    fields: tuple[str, ...]
    is_certain: bool  # whether no other fields can be in it


def is_own_file(filename: str, folder: Path) -> bool:
    """Return whether a file belongs to the site: it lies in its folder, and in no folder of installed packages."""
    path = Path(filename)
    return path.is_relative_to(folder) and _FOREIGN_FOLDERS.isdisjoint(path.relative_to(folder).parts)


def raised_at(error: BaseException, folder: Path) -> Place | None:
    """Return the innermost line of the site from which an error came; None if the site did not raise it."""
    found, trace = None, error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own_file(code.co_filename, folder) and not is_at_yield(code, trace.tb_lasti):
            found = trace
        trace = trace.tb_next
    return None if found is None else _place_of(found, folder)


def _place_of(trace: TracebackType, folder: Path) -> Place:
    code, line = trace.tb_frame.f_code, trace.tb_lineno
    path = Path(code.co_filename).relative_to(folder).as_posix()
    return Place(f"{path}:{line}", code.co_name, linecache.getline(code.co_filename, line).strip())


def view_place(route: Route, folder: Path) -> Place:
    """Return where the view of a route is written, or the key of the route where there is no function."""
    if place := source_location(route.view, folder):
        file, _, line = place.rpartition(":")
        return Place(place, short_name(route), linecache.getline(str(folder / file), int(line)).strip())
    return Place(route.place, short_name(route))


def short_name(route: Route) -> str:
    """Return the name of a view for people: "post"."""
    if isinstance(route.view, str):
        return f'"{route.view}"' if len(route.view) <= 40 else f'"{route.view[:37]}..."'
    name = getattr(unwrap_callable(route.view), "__qualname__", "")
    return name.replace("<locals>.", "") if name else type(route.view).__name__


def parameter_of(view: object, name: str, folder: Path) -> tuple[str, str]:
    """Return a parameter of a view as it is written, "age: int", and the place of the function that takes it.

    A name that is not the view's is that of a dependency, or of a field of a class that one of them takes. Both are ""
    if there is none of this name.
    """
    function = unwrap_callable(view)
    try:
        signature = read_signature(function, folder) if isinstance(function, FunctionType) else Signature("", "")
    except SetupError:
        return "", ""
    for parameter in signature.parameters:
        if parameter.name == name:
            return _short(_written(parameter)), signature.location
    for parameter in signature.parameters:
        kind = parameter.annotation
        if isinstance(parameter.marker, FunctionType):
            found = parameter_of(parameter.marker, name, folder)
            if found[0]:
                return found
        elif isinstance(kind, type) and name in (fields := inspect.get_annotations(kind)):
            return _short(f"{kind.__qualname__}.{name}: {_type_text(fields[name])}"), source_location(kind, folder)
    return "", ""


def _written(parameter: Parameter) -> str:
    kind, default = parameter.annotation, parameter.default
    text = parameter.name if kind is MISSING else f"{parameter.name}: {_type_text(kind)}"
    return text if default is MISSING or default is OMIT else f"{text} = {default!r}"


def _type_text(kind: object) -> str:
    return kind if isinstance(kind, str) else annotation_text(kind)


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:120]


def files_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder, relative to it, no more than MAX_FILES."""
    found = (
        (Path(parent) / name).relative_to(folder).as_posix() for parent, _, names in os.walk(folder) for name in names
    )
    return list(islice(found, MAX_FILES))


# --- forms --------------------------------------------------------------------------------------------


def referring_form(request: Request, app: SiteFacts) -> FormPage | None:
    """Return the page of this site from which a request came, if it has a form that can be seen."""
    referer = request.head.values.get("referer", "")
    if not referer.startswith(f"{request.origin}/"):
        return None
    path = referer.removeprefix(request.origin).partition("?")[0].partition("#")[0]
    return form_page(app, path, request.host)


def form_page(app: SiteFacts, path: str, host: str) -> FormPage | None:
    """Return the page at a path of the site, with the fields of its forms; None if it has no form that can be seen."""
    found = app.table.at(host).find("GET", path)
    if not isinstance(found, tuple):
        return None
    route = found[0]
    texts = list(_texts_of(route.view))
    names = _templates_of(app, route, texts)
    sources = [text for name in names if (text := _template_text(app, name)) is not None]
    sources += [text for text in texts if "<" in text]
    fields = tuple(dict.fromkeys(name for text in sources for name in _field_names(text)))
    if not fields:
        return None
    template = next((name for name in names if _field_names(_template_text(app, name) or "")), "")
    place = view_place(route, app.folder)
    if template and app.pages.folder is not None:
        place = Place(f"{app.pages.folder.name}/{template}", f"the template of {path}")
    is_certain = not any("{" in name for name in fields) and not any(map(_computed_name, sources))
    return FormPage(place.place, place.what, path=path, fields=fields, is_certain=is_certain)


def _texts_of(view: object) -> Iterator[str]:
    """Yield the literal texts in a view's code."""
    code = getattr(unwrap_callable(view), "__code__", None)
    waiting = [code] if isinstance(code, CodeType) else []
    for each in waiting:  # grows during the loop
        waiting += [inner for inner in each.co_consts if isinstance(inner, CodeType)]
        yield from (text for text in each.co_consts if isinstance(text, str))


def _templates_of(app: SiteFacts, route: Route, texts: list[str]) -> list[str]:
    """Return the templates that a view names, and those that they use."""
    if isinstance(route.view, Page):
        texts = [route.view.template]
    elif isinstance(route.view, str):
        texts = [route.view]
    names = [text for text in dict.fromkeys(texts) if len(text) < 200 and app.pages.has(text)]
    for name in names:  # grows during the loop
        more = _named_templates(_template_text(app, name) or "") if len(names) < MAX_TEMPLATES else []
        names += [each for each in dict.fromkeys(more) if each not in names and app.pages.has(each)]
    return names


def _template_text(app: SiteFacts, name: str) -> str | None:
    if app.pages.folder is None:
        return None
    try:
        with (app.pages.folder / name).open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return None
