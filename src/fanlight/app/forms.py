"""Let a view show its form again: it is called although fields are bad, and told which.

In: where a view's form comes from, once; then what was sent, and every `BadField`. Out: the view's
`FormErrors`; and a view whose answer is a 422 where there are errors, unless it says otherwise.
Refuses bad cookies, header fields and JSON as they are refused elsewhere: no form can mend them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from fanlight.app.body import Body
from fanlight.app.signature import View
from fanlight.errors import BadField, UnprocessableContent
from fanlight.message import FormErrors, MultiMapping, Request, Response

_FORMS = ("query", "form")
DETAIL = "Some of what was sent is missing, or is not as it should be."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A form that its view shows again."""

    name: str  # of the parameter that takes the errors
    needed: tuple[str, ...]  # the parameters without a default: None where they are bad
    body: Body | None  # what takes the form; None: it is the query
    query: frozenset[str]  # the names of its fields there
    is_first: bool  # it is sent with another method: with this one it is only shown

    def take(self, request: Request, values: dict[str, Any], bad: list[BadField]) -> None:
        """Put the errors into the arguments, and None where there is nothing better. Raises UnprocessableContent."""
        if any(each.source not in _FORMS for each in bad):
            raise UnprocessableContent(DETAIL, fields=bad)
        posted: MultiMapping[Any] = request.query if self.body is None else self.body.posted(request)
        is_sent = self.body is not None or (not self.is_first and any(name in posted for name in self.query))
        messages: dict[str, str] = {}
        for each in bad if is_sent else ():
            messages.setdefault(each.name, each.message)
        for name in self.needed:
            values.setdefault(name, None)
        values[self.name] = FormErrors(messages, posted)


def with_status(view: View, name: str, *, is_async: bool) -> View:
    """Return a view whose answer is a 422 if the errors, its parameter of that name, are any."""
    if is_async:

        @functools.wraps(view)
        async def show(**values: Any) -> object:
            result = await view(**values)  # type: ignore[misc]  # an async view
            return _told(result) if values[name] else result

        return show

    @functools.wraps(view)
    def show_at_once(**values: Any) -> object:
        result = view(**values)
        return _told(result) if values[name] else result

    return show_at_once


def _told(result: object) -> object:
    """Return a view's result as a 422, if it states no status of its own."""
    if result is None or isinstance(result, tuple) or (isinstance(result, Response) and result.status != 200):
        return result
    return result, 422
