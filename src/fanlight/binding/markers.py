"""Say by an annotation where a parameter of a view comes from, and by which name.

    def index(theme: Cookie[str] = "light", user_agent: Header[str | None]): ...
    def search(size: Annotated[int, Field("page-size")] = 10): ...
    def prices(prices: Body[dict[str, int]]): ...

The parameter's name is the cookie's, and the field's; a header field's has hyphens for underscores. Another
name is given by the long form: `Annotated[str, Header("x-key")]`. Knows nothing of requests.
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


@dataclass(frozen=True, slots=True)
class FieldName:
    """The parameter, or the field of a class, is sent by this name; by its own, if none is given."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class WholeBody:
    """The parameter is the whole body."""


class _Source:
    """What `Cookie`, `Header` and `Field` are: `Header[int]` by the name of the parameter, `Header("x")` by another."""

    def __init__(self, kind: type[CookieName | HeaderName | FieldName]) -> None:
        self._kind = kind

    def __getitem__(self, annotation: Any) -> Any:
        return Annotated[annotation, self._kind()]

    def __call__(self, name: str = "") -> CookieName | HeaderName | FieldName:
        return self._kind(name)


class _Whole:
    """What `Body` is: `Body[X]` is the whole body, where X alone would be a field of it."""

    def __getitem__(self, annotation: Any) -> Any:
        return Annotated[annotation, WholeBody()]


if TYPE_CHECKING:  # as type checkers know it: an alias
    Cookie = Annotated[T, CookieName()]
    Header = Annotated[T, HeaderName()]
    Field = Annotated[T, FieldName()]
    Body = Annotated[T, WholeBody()]
else:
    Cookie, Header, Field, Body = _Source(CookieName), _Source(HeaderName), _Source(FieldName), _Whole()
