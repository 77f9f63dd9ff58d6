"""How a dependency says which credentials it takes, for the description of a site in OpenAPI.

    @security_scheme("partner", {"type": "http", "scheme": "bearer"})
    def partner(authorization: Header[str | None]) -> Partner: ...

In: the name of a security scheme, and the scheme in the terms of OpenAPI (a Security Scheme Object). Out: the function
with an attribute. Nothing is checked by it: the function itself refuses what has no right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from fanlight.errors import AppError

SECURITY_ATTRIBUTE = "__fanlight_security__"
Function = TypeVar("Function", bound=Callable[..., Any])
_TYPES = ("apiKey", "http", "mutualTLS", "oauth2", "openIdConnect")


class SecurityScheme(Struct, frozen=True, eq=False, kw_only=True):
    """A security scheme; `is_required`: a request without it is refused."""

    name: str
    scheme: Mapping[str, Any]
    is_required: bool = True


def security_scheme(
    name: str, scheme: Mapping[str, Any], *, is_required: bool = True
) -> Callable[[Function], Function]:
    """Say which credentials a dependency takes: `name` is that of the scheme in the document.

    Raises AppError for a scheme whose type OpenAPI does not know.
    """
    if scheme.get("type") not in _TYPES:
        raise AppError(f'the security scheme {name} needs a "type", one of {", ".join(_TYPES)}')

    def mark(function: Function) -> Function:
        setattr(function, SECURITY_ATTRIBUTE, SecurityScheme(name=name, scheme=scheme, is_required=is_required))
        return function

    return mark
