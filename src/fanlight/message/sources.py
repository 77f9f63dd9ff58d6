"""Say by an annotation that a parameter of a view is a cookie, or a header field.

    def index(theme: Cookie[str] = "light", user_agent: Header[str | None]): ...

The parameter's name is the cookie's; a header field's has hyphens for underscores. Another name is
given by the long form: `Annotated[str, Header("x-key")]`. Knows nothing of requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CookieName:
    """The parameter is the cookie of this name; of its own, if none is given."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class HeaderName:
    """The parameter is the header field of this name; of its own, with hyphens, if none is given."""

    name: str = ""


class _Source:
    """What `Cookie` and `Header` are: `Header[int]` by the name of the parameter, `Header("x")` by another."""

    def __init__(self, kind: type[CookieName | HeaderName]) -> None:
        self._kind = kind

    def __getitem__(self, annotation: Any) -> Any:
        return Annotated[annotation, self._kind()]

    def __call__(self, name: str = "") -> CookieName | HeaderName:
        return self._kind(name)


if TYPE_CHECKING:  # as type checkers know it: an alias
    Cookie = Annotated[T, CookieName()]
    Header = Annotated[T, HeaderName()]
else:
    Cookie, Header = _Source(CookieName), _Source(HeaderName)
