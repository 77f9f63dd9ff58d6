"""Why new code does not serve, in a form that can be sent from a worker to the parent and to a page.

In: an exception of a site that is loaded or started. Out: a `Problem`.
"""

from __future__ import annotations

import traceback
from typing import Any, Self

from msgspec import Struct, convert, to_builtins

from fanlight.errors import FanlightError, SetupError


class Problem(Struct, frozen=True, kw_only=True):
    """Why the code of one generation does not serve."""

    title: str  # one line
    text: str  # all of it, as it is printed

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return the problem that an exception means."""
        if isinstance(error, SetupError):
            count = len(error.mistakes)
            title = f"Found {count} error{'s' * (count != 1)}"
            return cls(title=title, text=f"{title}:\n\n" + "\n\n".join(map(str, error.mistakes)))
        if isinstance(error, FanlightError):
            return cls(title=str(error).partition("\n")[0], text=str(error))
        text = "".join(traceback.format_exception(error)).rstrip()
        return cls(title=f"{type(error).__name__}: {error}".partition("\n")[0], text=text)

    @classmethod
    def received(cls, facts: Any) -> Self:
        """Return the problem that another process has sent."""
        return convert(facts, cls)

    def facts(self) -> dict[str, Any]:
        """Return it as it is sent to another process."""
        made: dict[str, Any] = to_builtins(self)
        return made
