"""Say by an annotation that a parameter of a view is a cookie, or a header field.

    def index(theme: Cookie[str] = "light", user_agent: Header[str | None]): ...

The parameter's name is the cookie's; a header field's has hyphens for underscores. Another name is
given by the long form: `Annotated[str, HeaderName("x-key")]`. Knows nothing of requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CookieName:
    """The parameter is the cookie of this name; of its own, if none is given."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class HeaderName:
    """The parameter is the header field of this name; of its own, with hyphens, if none is given."""

    name: str = ""


Cookie = Annotated[T, CookieName()]
Header = Annotated[T, HeaderName()]
