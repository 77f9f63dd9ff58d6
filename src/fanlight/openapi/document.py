"""The description of a site: one document in OpenAPI 3.1, made of its operations.

In: a site, and the settings. Out: a `Document`: the content in a stable order, what it leaves open, and what it leaves
out. Two routes that OpenAPI can't tell apart ("/{id:int}" and "/{name}") can't both be described: the first one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from fanlight.openapi.openapi_settings import OpenAPI
from fanlight.openapi.operations import DescribedSite, Gap, Operation, Operations
from fanlight.openapi.schemas import Schemas
from fanlight.routing.pattern import parse_pattern

VERSION = "3.1.1"
_NO_ID = re.compile(r"[^A-Za-z0-9]+")
_START_MODULES = ("main.", "__main__.")


class Document(Struct, frozen=True, kw_only=True):
    """The description of a site."""

    content: dict[str, Any]
    gaps: tuple[Gap, ...]
    left_out: tuple[Gap, ...]

    def encode(self, *, indent: int = 0) -> bytes:
        """Return it as JSON; indented for people, and for a file that is kept under version control."""
        encoded = msgspec.json.encode(self.content)
        return msgspec.json.format(encoded, indent=indent) if indent else encoded


def describe(site: DescribedSite, settings: OpenAPI) -> Document:
    """Return the description of a site."""
    schemas = Schemas()
    operations = Operations(site, schemas)
    paths = _Paths()
    schemes: dict[str, dict[str, Any]] = {}
    gaps: list[Gap] = []
    for each in operations.read():
        if problem := paths.add(each) or _scheme_problem(each, schemes):
            gaps.append(Gap(f"{each.method} {each.route.pattern} ({each.route.full_name})", each.route.place, problem))
        schemes |= {name: scheme for name, scheme in each.schemes.items() if name not in schemes}
    paths.name_operations()
    info = {"title": settings.title, "version": settings.version}
    document: dict[str, Any] = {
        "openapi": VERSION,
        "info": info | ({"description": settings.description} if settings.description else {}),
    }
    if settings.servers:
        document["servers"] = [{"url": each} for each in settings.servers]
    document["paths"] = paths.found
    if schemes:
        document["components"] = {"securitySchemes": dict(sorted(schemes.items()))}
    if tags := paths.tags():
        document["tags"] = [{"name": each} for each in tags]
    return Document(
        content=schemas.finish(document),
        gaps=(*operations.gaps, *gaps),
        left_out=tuple(operations.left_out),
    )


def _scheme_problem(operation: Operation, schemes: dict[str, dict[str, Any]]) -> str:
    for name, scheme in operation.schemes.items():
        if name in schemes and schemes[name] != scheme:
            return f'two security schemes are named "{name}"; the first one is described'
    return ""


class _Paths:
    """The Paths Object; `found` has a Path Item for each path, in the order of the table."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self._by_shape: dict[str, str] = {}  # from a path without the names of its parameters to the path
        self._operations: list[tuple[Operation, str]] = []

    def add(self, operation: Operation) -> str:
        """Add an operation; return why it can't be described, "" if it can."""
        path, names = _path_of(operation.route.pattern)
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        known = self._by_shape.setdefault(shape, path)
        if known != path:  # the same paths for a client: the names of the first one are used
            _rename(operation.content, dict(zip(names, re.findall(r"\{([^}]*)\}", known), strict=True)))
        item, method = self.found.setdefault(known, {}), operation.method.lower()
        if method in item:
            return f"OpenAPI can't tell it from {operation.method} {known}, so it is left out"
        item[method] = operation.content
        self._operations.append((operation, known))
        return ""

    def name_operations(self) -> None:
        """Give each operation an id of its own: the name by which `url_for` finds its view, with more if needed.

        It is written as an identifier, because generators of clients name functions after it.
        """
        names = [_name_of(each, path) for each, path in self._operations]
        for (operation, path), name in zip(self._operations, names, strict=True):
            if "operationId" not in operation.content:
                unique = name if names.count(name) == 1 else f"{name}_{operation.method.lower()}_{_slug(path)}"
                content = dict(operation.content)
                operation.content.clear()
                for key in ("tags", "summary", "description"):
                    if key in content:
                        operation.content[key] = content.pop(key)
                operation.content["operationId"] = unique
                operation.content.update(content)

    def tags(self) -> list[str]:
        """Return the tags, in the order in which they are met."""
        return list(dict.fromkeys(self._tags()))

    def _tags(self) -> Iterator[str]:
        for each, _ in self._operations:
            yield from each.content.get("tags", ())


def _path_of(pattern: str) -> tuple[str, list[str]]:
    """Return a path in the notation of OpenAPI, and the names of its parameters."""
    parsed = parse_pattern(pattern)
    segments = [f"{each.prefix}{{{each.name}}}{each.suffix}" if each.name else each.prefix for each in parsed.segments]
    return "/" + "/".join(segments), list(parsed.parameters)


def _rename(content: dict[str, Any], names: dict[str, str]) -> None:
    """Rename parameters of the path in an Operation Object."""
    content["parameters"] = [
        {**each, "name": names[each["name"]]} if each["in"] == "path" else each for each in content["parameters"]
    ]


def _name_of(operation: Operation, path: str) -> str:
    table, _, view = operation.route.full_name.rpartition(":")
    for module in _START_MODULES:  # the start file has either name, by the way in which it is started
        view = view.removeprefix(module)
    return _slug(f"{table}_{view}") if view else f"{operation.method.lower()}_{_slug(path)}"


def _slug(text: str) -> str:
    return _NO_ID.sub("_", text).strip("_") or "root"
