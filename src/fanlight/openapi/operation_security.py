"""Which credentials an operation takes: by the dependencies that read them.

In: the functions that run for a route. Out: its security requirements, and the schemes that they name. A dependency
says what it takes by its type (`BearerToken`, `Session`) or by `@security_scheme`; of one that reads the field
Authorization by itself, only that is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from fanlight.binding.sentinels import MISSING
from fanlight.message.security_scheme import SecurityScheme
from fanlight.message.type_provider import TypeProvider
from fanlight.openapi.bound_function import BoundFunction
from fanlight.openapi.view_code import read_code

_UNNAMED = "takes Authorization as a text; take BearerToken or BasicCredentials, or name its scheme by @security_scheme"


class OperationSecurity(Struct, kw_only=True):
    """The Security Requirement Objects of an operation, and the schemes in them."""

    requirements: list[dict[str, list[str]]] = field(default_factory=list)
    schemes: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_required: bool = False  # a request without credentials is refused
    problems: list[str] = field(default_factory=list)


def read_security(functions: Sequence[BoundFunction], folder: Path, session_cookie: str) -> OperationSecurity:
    """Return the credentials that the functions of an operation take; `session_cookie` is the name of that cookie."""
    found = OperationSecurity()
    needed, all_of_them = dict[str, list[str]](), dict[str, list[str]]()
    for scheme in (*_schemes_of(functions, found.problems), *_session_of(functions, folder, session_cookie)):
        found.schemes[scheme.name] = dict(scheme.scheme)
        all_of_them[scheme.name] = []
        if scheme.is_required:
            needed[scheme.name] = []
    if all_of_them:
        found.requirements = [all_of_them] if needed == all_of_them else [all_of_them, needed]
    found.is_required = bool(needed)
    return found


def _session_of(functions: Sequence[BoundFunction], folder: Path, cookie: str) -> Iterator[SecurityScheme]:
    """Yield the session, if any function takes it; a dependency that raises Unauthorized needs a signed-in one."""
    takers = [each for each in functions if any(map(_is_session, each.binding.dependencies.values()))]
    if takers:
        is_required = any(each.is_dependency and 401 in read_code(each.function, folder).errors for each in takers)
        scheme = {"type": "apiKey", "in": "cookie", "name": cookie}
        yield SecurityScheme(name="session", scheme=scheme, is_required=is_required)


def _is_session(dependency: object) -> bool:
    return isinstance(dependency, TypeProvider) and dependency.is_session


def _schemes_of(functions: Sequence[BoundFunction], problems: list[str]) -> Iterator[SecurityScheme]:
    for each in functions:
        if each.security is not None:
            yield each.security
            continue
        for header in each.binding.headers.fields if each.binding.headers is not None else ():
            if header.sent_as.lower() == "authorization":
                problems.append(f"{each.signature.name} {_UNNAMED}")
                name = {"type": "apiKey", "in": "header", "name": "Authorization"}
                yield SecurityScheme(name="authorization", scheme=name, is_required=header.missing is MISSING)
