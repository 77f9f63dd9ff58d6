"""Names and values as queries and forms send them: several values for a name, in order.

In: text. Out: a multi-mapping. Percent-decoding is done here, once. Refuses what is no UTF-8, and
more fields than the limits allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from fanlight.errors import BadRequest, ContentTooLarge
from fanlight.message.limits import AS_EVER, FormLimits

Value_co = TypeVar("Value_co", covariant=True)


class MultiMapping(Generic[Value_co]):
    """Names with one value or several; `form["name"]` is the last one sent, `get_all` has them all."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, Value_co]] = ()) -> None:
        """Keep the pairs in order."""
        self._values: dict[str, list[Value_co]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> Value_co:
        return self._values[name][-1]

    def get(self, name: str, default: str = "") -> Value_co | str:
        """Return the last value of a name, or the default."""
        values = self._values.get(name)
        return values[-1] if values else default

    def get_all(self, name: str) -> list[Value_co]:
        """Return every value of a name, in order."""
        return list(self._values.get(name, ()))

    def pairs(self) -> list[tuple[str, Value_co]]:
        """Return every (name, value)."""
        return [(name, value) for name, values in self._values.items() for value in values]

    def items(self) -> list[tuple[str, Value_co]]:
        """Return each name with its last value, as dict() wants them."""
        return [(name, values[-1]) for name, values in self._values.items()]

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pairs()!r})"


class Query(MultiMapping[str]):
    """The fields of a query string."""

    __slots__ = ()


def read_urlencoded(text: str, limits: FormLimits | None = None) -> list[tuple[str, str]]:
    """Return the pairs of a query, or of an urlencoded form (WHATWG URL, section 5.1).

    Raises BadRequest for what is no UTF-8, ContentTooLarge for too many fields.
    """
    most = (limits or AS_EVER.form).fields
    if text.count("&") >= most:
        raise ContentTooLarge(f"there are over {most} fields")
    pairs = []
    for piece in text.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadRequest("a field is not UTF-8 when it is percent-decoded") from None
