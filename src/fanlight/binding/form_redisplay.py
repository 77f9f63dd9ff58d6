"""Let a view show its form again: it is called although fields are bad, and told which.

In: where a view's form comes from, once; then what was sent, and every `BadField`. Out: the view's
`FormErrors`; and a view whose answer is a 422 where there are errors, unless it says otherwise.
Refuses bad cookies, header fields and JSON as they are refused elsewhere: no form can mend them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fanlight.binding.body import Body
from fanlight.binding.signature import View
from fanlight.errors import BadField, ContentTooLarge, HTTPError, UnprocessableContent
from fanlight.message.form import MultiMapping
from fanlight.message.form_errors import FormErrors
from fanlight.message.multipart import FormContent
from fanlight.message.request import Request
from fanlight.message.response import Response

_FORMS = ("query", "form")
DETAIL = "Some of what was sent is missing, or is not as it should be."


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRedisplay:
    """A form that its view shows again."""

    name: str  # of the parameter that takes the errors
    needed: tuple[str, ...]  # the parameters without a default: None where they are bad
    lists: Mapping[str, Callable[[list[object]], object]]  # those of several files: empty where the form is only shown
    body: Body | None  # what takes the form; None: it is the query
    query: frozenset[str]  # the names of its fields there
    is_first: bool  # it is sent with another method: with this one it is only shown

    def take(
        self,
        request: Request,
        values: dict[str, Any],
        bad: list[BadField],
        refusal: ContentTooLarge | None = None,
    ) -> None:
        """Put the errors into the arguments, and None where there is nothing better. Raises UnprocessableContent.

        A form that is too large is a `refusal`: what had come of it before is shown, where that is known.
        """
        if any(each.source not in _FORMS for each in bad):
            raise UnprocessableContent(DETAIL, fields=bad)
        if refusal is not None:
            self._refuse(request, values, refusal)
            return
        posted: MultiMapping[Any] = request.query if self.body is None else self.body.posted(request)
        is_sent = self.body is not None or (not self.is_first and any(name in posted for name in self.query))
        messages: dict[str, str] = {}
        for each in bad if is_sent else ():
            messages.setdefault(each.name, each.message)
        self._fill(values)
        values[self.name] = FormErrors(messages, posted)

    def _fill(self, values: dict[str, Any]) -> None:
        for name in self.needed:
            values.setdefault(name, self.lists[name]([]) if self.is_first and name in self.lists else None)

    def _refuse(self, request: Request, values: dict[str, Any], refusal: ContentTooLarge) -> None:
        if request.is_json:
            raise refusal
        self._fill(values)
        content = request.content_source
        errors = FormErrors(
            {refusal.field: refusal.detail}, content.typed if isinstance(content, FormContent) else None
        )
        errors.refusal = refusal
        values[self.name] = errors


def with_error_status(view: View, name: str, advise: Callable[[HTTPError], None], *, is_async: bool) -> View:
    """Return a view whose answer is a 422, or a 413, if the errors, its parameter of that name, are any.

    What its author can do about a form that is too large is told by `advise`.
    """

    def told(result: object, errors: FormErrors) -> object:
        if errors.refusal is not None:
            advise(errors.refusal)
        return _told(result, 422 if errors.refusal is None else errors.refusal.status) if errors else result

    if is_async:

        @functools.wraps(view)
        async def show(**values: Any) -> object:
            result = await view(**values)  # type: ignore[misc]  # an async view
            return told(result, values[name])

        return show

    @functools.wraps(view)
    def show_at_once(**values: Any) -> object:
        result = view(**values)
        return told(result, values[name])

    return show_at_once


def _told(result: object, status: int) -> object:
    """Return a view's result with a status, if it states none of its own."""
    if result is None or isinstance(result, tuple) or (isinstance(result, Response) and result.status != 200):
        return result
    return result, status
