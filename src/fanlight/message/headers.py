"""Header fields: a multi-mapping with case-insensitive names.

In: pairs of name and value. Out: a mapping. Refuses, when a field is set, a name or value that would be parsed as
more than one field; the wire checks again when it writes the response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Self

from fanlight.errors import InvalidResponse

Pair = tuple[str, str]
is_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Fields that an app may have the server add to all responses; one that sets such a field itself is sent with its own.
REPLACEABLE = frozenset(
    (
        *("content-security-policy", "content-security-policy-report-only", "cross-origin-embedder-policy"),
        *("cross-origin-opener-policy", "cross-origin-resource-policy", "document-policy", "origin-agent-cluster"),
        *("permissions-policy", "referrer-policy", "reporting-endpoints", "x-content-type-options"),
        *("x-dns-prefetch-control", "x-frame-options", "x-permitted-cross-domain-policies", "x-robots-tag"),
    )
)
_NONE: frozenset[str] = frozenset()
# Fields with a single value: of two lines, one reader would take the first, another the last.
_SINGLE = frozenset(
    "age content-location content-range content-type etag expires last-modified location retry-after".split()
)


def _pairs_of(pairs: Iterable[Pair] | Mapping[str, str]) -> Iterable[Pair]:
    # PERF: benchmarks/sessions.py: to find out that a list is no mapping takes a microsecond
    if pairs.__class__ is not list and pairs.__class__ is not tuple and isinstance(pairs, Mapping):
        return pairs.items()
    return pairs


class Headers:
    """An ordered multi-mapping of header fields; `headers["X-Name"]` is the first value of that name."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[Pair] | Mapping[str, str] = ()) -> None:
        """Make fields of pairs or a mapping, unchecked; names must be in lower case."""
        self._pairs: list[Pair] = list(_pairs_of(pairs))

    def __getitem__(self, name: str) -> str:
        name = name.lower()
        for each, value in self._pairs:
            if each == name:
                return value
        raise KeyError(name)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a name, or the default."""
        name = name.lower()
        for each, value in self._pairs:  # PERF: benchmarks/sessions.py: a generator takes twice as long
            if each == name:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Return every value of a name, in order."""
        name = name.lower()
        return [value for each, value in self._pairs if each == name]

    def pairs(self) -> list[Pair]:
        """Return every (name, value), in order."""
        return list(self._pairs)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        name = name.lower()
        for each, _ in self._pairs:  # noqa: SIM110 - PERF: benchmarks/sessions.py: a generator takes twice as long
            if each == name:
                return True
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._pairs))

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._pairs == other._pairs

    __hash__ = None  # type: ignore[assignment]  # the subclass is mutable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._pairs!r})"


class MutableHeaders(Headers):
    """The header fields of a response. Setting an invalid name or value raises InvalidResponse."""

    __slots__ = ("replaced", "secure_if_https")

    secure_if_https: tuple[str, ...]  # Set-Cookie lines that get `Secure` if the response is sent over https
    replaced: frozenset[str]  # of the fields that the server adds to all responses: those that it leaves out here

    def __init__(self, pairs: Iterable[Pair] | Mapping[str, str] = ()) -> None:
        super().__init__()
        self.secure_if_https = ()
        self.replaced = _NONE
        for name, value in _pairs_of(pairs):
            self.add(name, value)

    def __setitem__(self, name: str, value: str) -> None:
        pair = check_field(name, value)
        self._pairs = [each for each in self._pairs if each[0] != pair[0]]
        self._pairs.append(pair)
        if pair[0] in REPLACEABLE:
            self.replaced |= {pair[0]}

    def __delitem__(self, name: str) -> None:
        self[name]  # raises KeyError
        self._pairs = [each for each in self._pairs if each[0] != name.lower()]
        self.replaced -= {name.lower()}

    def leave_out(self, name: str) -> None:
        """Remove a field, and have the server not add it either, as it may to all responses: "x-frame-options"."""
        name = name.lower()
        self._pairs = [each for each in self._pairs if each[0] != name]
        self.replaced |= {name} & REPLACEABLE

    def add(self, name: str, value: str) -> None:
        """Add another value of a name; some fields can have only one (RFC 9110 section 5.3)."""
        pair = check_field(name, value)
        if pair[0] in _SINGLE and pair[0] in self:
            raise InvalidResponse(f"{name} is already set, and can have only one value; set it instead of adding to it")
        self._pairs.append(pair)
        if pair[0] in REPLACEABLE:
            self.replaced |= {pair[0]}

    def set_cookie(self, line: str, key: Callable[[str], object], *, is_secure_if_https: bool) -> None:
        """Add a line of `write_cookie`; it replaces those with the same `key`, which are about the same cookie."""
        pair = "set-cookie", line
        if pair[0] in self:
            same = key(line)
            self._pairs = [each for each in self._pairs if each[0] != pair[0] or key(each[1]) != same]
        self._pairs.append(pair)
        if is_secure_if_https:
            self.secure_if_https += (line,)

    def secure_cookies(self) -> None:
        """Add `Secure` to the cookies that did not choose: the response is sent over https."""
        if lines := self.secure_if_https:
            self.secure_if_https = ()
            self._pairs = [
                (name, f"{value}; Secure" if name == "set-cookie" and value in lines else value)
                for name, value in self._pairs
            ]

    @classmethod
    def of_checked(cls, pairs: Iterable[Pair], secure_if_https: tuple[str, ...] = ()) -> Self:
        """Return fields that were checked before."""
        made = cls.__new__(cls)
        made.load_checked(pairs, secure_if_https)
        return made

    def load_checked(self, pairs: Iterable[Pair], secure_if_https: tuple[str, ...] = ()) -> None:
        """Replace all fields by those of another response, which were checked when they were set."""
        self._pairs = list(pairs)  # PERF: benchmarks/static.py: checking ten fields takes as long as finding a file
        self.secure_if_https = secure_if_https
        self.replaced = _replaceable(self._pairs)

    @classmethod
    def of_foreign(cls, pairs: list[Pair]) -> Self:
        """Return fields that were checked before, beside which the server adds none of those for all responses."""
        made = cls.__new__(cls)
        made._pairs, made.secure_if_https, made.replaced = pairs, (), REPLACEABLE  # noqa: SLF001 - of this class
        return made

    def add_checked(self, pairs: Sequence[Pair]) -> None:
        """Add fields that were checked before."""
        self._pairs += pairs
        self.replaced |= _replaceable(pairs)

    def copy(self) -> MutableHeaders:
        """Return a copy."""
        made = MutableHeaders.of_checked(self._pairs, self.secure_if_https)
        made.replaced = self.replaced
        return made

    def setdefault(self, name: str, value: str) -> str:
        """Set a field unless it is set; return its value."""
        if name not in self:
            self[name] = value
        return self[name]

    def update(self, pairs: Mapping[str, str]) -> None:
        """Set several fields."""
        for name, value in pairs.items():
            self[name] = value


def _replaceable(pairs: Iterable[Pair]) -> frozenset[str]:
    found = _NONE
    for name, _ in pairs:
        if name in REPLACEABLE:
            found |= {name}
    return found


def check_field(name: object, value: object) -> Pair:
    """Return a field as it is sent. Raises InvalidResponse for one that would be parsed as more than one."""
    if not isinstance(name, str) or not is_token(name):
        raise InvalidResponse(f"{name!r} is not a valid name for a header field")
    # SECURITY: tests/message/test_headers.py: a line end in a value would start another field
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise InvalidResponse(f"the value of {name} must be text without line ends: {value!r}")
    return name.lower(), value.strip(" \t")
