"""Heads that were read by the optional package `fanlight-speed`; only `head_reader.py` imports this file.

In: received bytes. Out: a `PlainHead`, if they begin with a head that is whole, valid and plain: one Host, no name
twice, no content, no expectation, nothing but `keep-alive` for `connection`. None for every other head. Its fields are
parsed when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import fanlight_speed

from fanlight.wire.http1.wire_events import RequestHead

T = TypeVar("T")


class PlainHead(fanlight_speed.PlainHead, RequestHead):
    """A plain head; `PlainHead.read` makes it."""

    __slots__ = ()

    minor = 1
    content_length = 0

    @property
    def fields(self) -> list[tuple[str, str]]:
        """All fields in the order received, names in lower case."""
        return self.pairs()

    @property
    def values(self) -> Mapping[str, str]:
        """The value of each field."""
        return PlainValues(self)


class PlainValues(Mapping[str, str]):
    """The value of each field of a plain head. A request uses only a few, so each is found when it is used."""

    __slots__ = ("_head",)

    def __init__(self, head: PlainHead) -> None:
        self._head = head

    # PERF: benchmarks/stages.py: `Mapping.get` raises and catches a KeyError for each field that is not there
    def get(self, name: str, default: T = None) -> str | T:  # type: ignore[assignment]  # as in a dict
        """Return the value of a field, or the default."""
        value = self._head.find(name)
        return default if value is None else value

    def __getitem__(self, name: str) -> str:
        value = self._head.find(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._head.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._head.pairs()])

    def __len__(self) -> int:
        return len(self._head.pairs())

    def __repr__(self) -> str:
        return repr(dict(self._head.pairs()))
