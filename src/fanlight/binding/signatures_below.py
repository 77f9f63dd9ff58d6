"""The signatures of the dependencies of a view, and of those that they need: what else its path may be for.

In: the signature of a view. Out: the signatures below it, each once. One that can't be read is left out: its mistakes
are reported where it is read to be called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fanlight.binding.annotations import UnhashableDependency, is_dependency
from fanlight.binding.signature import Signature, read_signature
from fanlight.errors import SetupError


def signatures_below(signature: Signature) -> Iterator[Signature]:
    """Yield the signatures of all dependencies of a view, those of its own parameters first."""
    left, seen = [signature], set[Any]()
    while left:
        for parameter in left.pop(0).parameters:
            key: Any = parameter.marker
            if not is_dependency(key) or key in seen:
                continue
            seen.add(key)
            try:
                left.append(read_signature(key.__wrapped__ if isinstance(key, UnhashableDependency) else key))
            except SetupError:
                continue
            yield left[-1]
