"""The data of a session as an object of the site's own class: `Session[Cart]`.

In: a class, and the values of a session. Out: an object of it, and the values that it becomes. Refuses, before the port
opens, a class that is no record, that can't be made without arguments, or whose fields JSON can't hold. Values that do
not fit (another version of the site has written them, say) raise msgspec.ValidationError.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec

from fanlight.message.type_provider import UnusableArgument

_A_RECORD = "give a dataclass or a msgspec.Struct whose fields all have defaults"


class DataClass:
    """A class whose objects are kept in sessions; two of the same class are equal."""

    __slots__ = ("_fields", "kind")

    def __init__(self, kind: Any) -> None:
        """Read a class. Raises UnusableArgument."""
        self.kind = kind
        names = _field_names(kind)
        try:
            empty = kind()
        except (TypeError, ValueError) as error:
            reason = f"{kind.__name__} can't be made without arguments ({error}), which a new session has none of"
            raise UnusableArgument(reason, "give each of its fields a default") from error
        try:
            encoded = msgspec.to_builtins(empty, str_keys=True)
            if not isinstance(encoded, dict):
                raise UnusableArgument(f"{kind.__name__} is stored as a list", "remove array_like=True")
            self._fields = names | encoded.keys()
            self.read(encoded)
        except (TypeError, ValueError) as error:
            if isinstance(error, UnusableArgument):
                raise
            raise UnusableArgument(f"a field of {kind.__name__} can't be kept: {error}", _A_RECORD) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataClass) and other.kind is self.kind

    def __hash__(self) -> int:
        return hash(self.kind)

    def read(self, values: Mapping[str, Any]) -> Any:
        """Return an object made of the values that are its fields. Raises msgspec.ValidationError."""
        own = {name: values[name] for name in self._fields if name in values}
        return msgspec.convert(own, self.kind, str_keys=True)

    def encode(self, data: object) -> dict[str, Any]:
        """Return an object as values of JSON. Raises TypeError or ValueError for what JSON can't hold."""
        encoded: dict[str, Any] = msgspec.to_builtins(data, str_keys=True)
        return encoded

    def merge(self, encoded: Mapping[str, Any], values: dict[str, Any]) -> None:
        """Put an encoded object into the values of a session; those that are no fields of it stay.

        Raises TypeError if it could not be read again, because a field has a value of another type.
        """
        try:
            self.read(encoded)
        except msgspec.ValidationError as error:
            raise TypeError(f"the data of Session[{self.kind.__name__}] does not fit its class: {error}") from None
        for name in self._fields:
            if name in encoded:
                values[name] = encoded[name]
            else:  # a default that its class leaves out
                values.pop(name, None)


def _field_names(kind: Any) -> frozenset[str]:
    """Return the names under which the fields of a class are encoded. Raises UnusableArgument for another type."""
    if isinstance(kind, type):
        if issubclass(kind, msgspec.Struct):
            return frozenset(kind.__struct_encode_fields__)
        if dataclasses.is_dataclass(kind):
            return frozenset(each.name for each in dataclasses.fields(kind))
        if hasattr(kind, "__attrs_attrs__"):
            return frozenset(each.name for each in kind.__attrs_attrs__)
    name = getattr(kind, "__name__", None) or str(kind)
    raise UnusableArgument(f"Session[{name}] is a session of no record", _A_RECORD)
