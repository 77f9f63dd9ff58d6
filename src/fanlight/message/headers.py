"""Header fields as a view holds them: names in any case, several values for a name.

In: pairs. Out: a mapping. Refuses, when it is set, a name or value that could be read as more than
it is; the wire checks once more when it writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from fanlight.errors import InvalidResponse

Pair = tuple[str, str]
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Fields that are no lists, so a second line of one would leave it to each reader which of them holds.
_SINGLE = frozenset(
    "age content-location content-range content-type etag expires last-modified location retry-after".split()
)


class Headers:
    """An ordered multi-mapping of fields; `headers["X-Name"]` is the first value of that name."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[Pair] | Mapping[str, str] = ()) -> None:
        """Take pairs, or a mapping, as they are: names that came from the wire are in lower case."""
        self._pairs: list[Pair] = list(pairs.items() if isinstance(pairs, Mapping) else pairs)

    def __getitem__(self, name: str) -> str:
        name = name.lower()
        for each, value in self._pairs:
            if each == name:
                return value
        raise KeyError(name)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a name, or the default."""
        name = name.lower()
        return next((value for each, value in self._pairs if each == name), default)

    def get_all(self, name: str) -> list[str]:
        """Return every value of a name, in order."""
        name = name.lower()
        return [value for each, value in self._pairs if each == name]

    def pairs(self) -> list[Pair]:
        """Return every (name, value), in order."""
        return list(self._pairs)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(each == name.lower() for each, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._pairs))

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._pairs == other._pairs

    __hash__ = None  # type: ignore[assignment]  # mutable, so it can't be a key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._pairs!r})"


class MutableHeaders(Headers):
    """The fields of a response, to be set and added to. Raises InvalidResponse for what no field can be."""

    __slots__ = ("secure_if_https",)

    secure_if_https: tuple[str, ...]  # cookies that are `Secure` if they are sent by https

    def __init__(self, pairs: Iterable[Pair] | Mapping[str, str] = ()) -> None:
        """Check every pair."""
        super().__init__()
        self.secure_if_https = ()
        for name, value in pairs.items() if isinstance(pairs, Mapping) else pairs:
            self.add(name, value)

    def __setitem__(self, name: str, value: str) -> None:
        pair = _checked(name, value)
        self._pairs = [each for each in self._pairs if each[0] != pair[0]]
        self._pairs.append(pair)

    def __delitem__(self, name: str) -> None:
        self[name]  # raises KeyError
        self._pairs = [each for each in self._pairs if each[0] != name.lower()]

    def add(self, name: str, value: str) -> None:
        """Add a value to those that the name has; some names have only one (RFC 9110 section 5.3)."""
        pair = _checked(name, value)
        if pair[0] in _SINGLE and pair[0] in self:
            raise InvalidResponse(f"{name} is there already, and has only one value; set it instead of adding to it")
        self._pairs.append(pair)

    def replace(self, name: str, value: str, identity: Callable[[str], object]) -> None:
        """Add a value in place of those of the name that are about the same thing."""
        pair = _checked(name, value)
        same = identity(value)
        self._pairs = [each for each in self._pairs if each[0] != pair[0] or identity(each[1]) != same]
        self._pairs.append(pair)

    def adopt(self, pairs: Iterable[Pair]) -> None:
        """Add pairs of other fields of a response: they were checked when they were set, and are as they should be."""
        self._pairs.extend(pairs)  # PERF: benchmarks/static.py: to check ten fields takes as long as to find a file

    def copy(self) -> MutableHeaders:
        """Return fields of their own, which are the same."""
        made = MutableHeaders()
        made._pairs, made.secure_if_https = list(self._pairs), self.secure_if_https
        return made

    def take(self) -> list[Pair]:
        """Return every pair, and keep none."""
        pairs, self._pairs = self._pairs, []
        return pairs

    def setdefault(self, name: str, value: str) -> str:
        """Set a field that is not there yet; return what it is then."""
        if name not in self:
            self[name] = value
        return self[name]

    def update(self, pairs: Mapping[str, str]) -> None:
        """Set several fields."""
        for name, value in pairs.items():
            self[name] = value


def _checked(name: object, value: object) -> Pair:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidResponse(f"{name!r} is no name for a header field")
    # SECURITY: tests/message/test_headers.py: a line end in a value would begin another field
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise InvalidResponse(f"the value of {name} must be text without line ends: {value!r}")
    return name.lower(), value.strip(" \t")
