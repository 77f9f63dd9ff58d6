"""The value of a name that a template uses and that does not exist: an error with a suggestion.

A missing name is an error even in `{% if name %}`: a page that silently lacks a part is noticed by its readers, late.
`is defined` and `default` work as Jinja documents them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from jinja2 import StrictUndefined, UndefinedError
from jinja2.utils import missing

from fanlight.pages.suggestion import did_you_mean


class MissingNameError(UndefinedError):
    """A template used a name, or an attribute or item of a value, that does not exist."""

    def __init__(self, owner: object, name: object, message: str | None = None) -> None:
        """Take the value that lacks the attribute or item (`missing` for a name of its own), and the name."""
        super().__init__(message)
        self.owner, self.name = owner, name

    def explain(self, visible: Iterable[str]) -> tuple[str, str]:
        """Return what is missing and what to do, given the names that are visible in the template."""
        if self.owner is missing:
            otherwise = f"write `{self.name} is defined`, or give it a default, where it may be missing"
            return f"there is no `{self.name}` here", did_you_mean(str(self.name), visible) or otherwise
        if self.owner is None:
            return f"None has no `{self.name}`", "check for None first"
        return f"this {type(self.owner).__name__} has no `{self.name}`", did_you_mean(
            str(self.name), _names_of(self.owner)
        )


class StrictUndefinedWithHint(StrictUndefined):
    """The value of a missing name: any use raises MissingNameError, except `is defined` and `default`."""

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


def _names_of(owner: object) -> list[str]:
    # Not `iter(owner)` and `dir(owner)`, which may run the owner's own code and fail.
    if isinstance(owner, dict):
        return [key for key in dict.keys(owner) if isinstance(key, str)]
    return [name for name in object.__dir__(owner) if not name.startswith("_")]
