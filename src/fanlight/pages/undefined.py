"""What a template finds where nothing is: an error that says what may have been meant.

A missing name is never silently empty, not even in `{% if name %}`, because a page that quietly
lacks a part is found by its readers, late. What may be missing is asked for with `is defined`, or
given a `default`; those two work as Jinja's documents say.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from jinja2 import StrictUndefined, UndefinedError
from jinja2.utils import missing

from fanlight.pages.suggestion import did_you_mean


class MissingNameError(UndefinedError):
    """A template used a name, or a part of a value, that isn't there."""

    def __init__(self, owner: object, name: object, message: str | None = None) -> None:
        """Keep the value whose part was asked for (`missing` for a name of its own), and the name."""
        super().__init__(message)
        self.owner, self.name = owner, name

    def explain(self, visible: Iterable[str]) -> tuple[str, str]:
        """Return what is missing and what to do, given the names that the template could see."""
        if self.owner is missing:
            or_else = f"write `{self.name} is defined`, or give it a default, where it may be missing"
            return f"there is no `{self.name}` here", did_you_mean(str(self.name), visible) or or_else
        if self.owner is None:
            return f"None has no `{self.name}`", "check for None first"
        return f"this {type(self.owner).__name__} has no `{self.name}`", did_you_mean(
            str(self.name), _parts_of(self.owner)
        )


class StrictUndefinedWithHint(StrictUndefined):
    """The value of a name that isn't there; whatever is done with it fails, but `is defined` and `default`."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        if hint is None and exc is UndefinedError:
            exc = partial(MissingNameError, obj, name)
        super().__init__(hint, obj, name, cast(Any, exc))


def _parts_of(owner: object) -> list[str]:
    # Not `iter(owner)` and `dir(owner)`: that may be the owner's own code, and this is no time for it to fail.
    if isinstance(owner, dict):
        return [key for key in dict.keys(owner) if isinstance(key, str)]
    return [name for name in object.__dir__(owner) if not name.startswith("_")]
