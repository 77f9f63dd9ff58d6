"""Markers for annotations: where a parameter of a view comes from, and by which name.

    def index(theme: Cookie[str] = "light", user_agent: Header[str | None]): ...
    def search(size: Annotated[int, Field("page-size")] = 10): ...
    def prices(prices: Body[dict[str, int]]): ...

The name is that of the parameter; a header field has hyphens for its underscores. For another name there is the long
form: `Annotated[str, Header("x-key")]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Struct

T = TypeVar("T")


class _Named(Struct, frozen=True):
    name: str = ""


class CookieName(_Named, frozen=True):
    """The parameter is the cookie of this name, by default of its own."""


class HeaderName(_Named, frozen=True):
    """The parameter is the header field of this name, by default of its own with hyphens."""


class FieldName(_Named, frozen=True):
    """The parameter, or the field of a class, is sent by this name, by default by its own."""


class WholeBody(Struct, frozen=True):
    """The parameter is the whole body."""


class _Source:
    """`Cookie`, `Header` and `Field`: `Header[int]` with the name of the parameter, `Header("x")` with another."""

    def __init__(self, kind: type[CookieName | HeaderName | FieldName]) -> None:
        self._kind = kind

    def __getitem__(self, annotation: Any) -> Any:
        return Annotated[annotation, self._kind()]

    def __call__(self, name: str = "") -> CookieName | HeaderName | FieldName:
        return self._kind(name)


class _Whole:
    """`Body`: `Body[X]` is the whole body, where X alone would be a field of it."""

    def __getitem__(self, annotation: Any) -> Any:
        return Annotated[annotation, WholeBody()]


if TYPE_CHECKING:  # aliases, as type checkers read them
    Cookie = Annotated[T, CookieName()]
    Header = Annotated[T, HeaderName()]
    Field = Annotated[T, FieldName()]
    Body = Annotated[T, WholeBody()]
else:
    Cookie, Header, Field, Body = _Source(CookieName), _Source(HeaderName), _Source(FieldName), _Whole()
