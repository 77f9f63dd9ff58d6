"""Render a form again with its errors: the view is called with `FormErrors` instead of a 422 response.

In: where a view's form comes from, once; then what was sent, and every `BadField`. Out: the view's `FormErrors`; and a
view whose response gets the status 422 if there are errors, unless the view sets one. Invalid cookies, header fields
and JSON are rejected as everywhere: no form can correct them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from fanlight.binding.callables import View
from fanlight.errors import BadField, ContentTooLarge, HTTPError, UnprocessableContent
from fanlight.message.form import FormErrors, MultiMapping
from fanlight.message.multipart import FormContent
from fanlight.message.request import Request
from fanlight.message.response import Response

_FORM_SOURCES = ("query", "form")
INVALID_FIELDS = "Some fields are missing or invalid."


class FormRedisplay(Struct, frozen=True, kw_only=True):
    """A form that its view renders again."""

    name: str  # the parameter that receives the errors
    needed: tuple[str, ...]  # the parameters without a default: None if they are invalid
    lists: Mapping[str, Callable[[list[object]], object]]  # parameters with several files: empty on the initial page
    posted: Callable[[Request], MultiMapping[Any]] | None  # the fields of the form in the body; None: it is the query
    query: frozenset[str]  # the names of its fields in the query
    is_initial: bool  # these methods only show the form; others of the route send it

    def add_errors(
        self,
        request: Request,
        values: dict[str, Any],
        bad: list[BadField],
        too_large: ContentTooLarge | None = None,
    ) -> None:
        """Put the errors into the arguments, and None for each invalid one. Raises UnprocessableContent.

        If the form is `too_large`, the fields read before its limit are shown, where they are known.
        """
        if any(each.source not in _FORM_SOURCES for each in bad):
            raise UnprocessableContent(INVALID_FIELDS, fields=bad)
        if too_large is not None:
            if request.is_json:
                raise too_large
            content = request.content_source
            posted = content.typed if isinstance(content, FormContent) else None
            errors = FormErrors({too_large.field: too_large.detail}, posted, refusal=too_large)
        else:
            sent: MultiMapping[Any] = request.query if self.posted is None else self.posted(request)
            is_sent = self.posted is not None or (not self.is_initial and any(name in sent for name in self.query))
            messages: dict[str, str] = {}
            for each in bad if is_sent else ():
                messages.setdefault(each.name, each.message)
            errors = FormErrors(messages, sent)
        for name in self.needed:
            values.setdefault(name, self.lists[name]([]) if self.is_initial and name in self.lists else None)
        values[self.name] = errors


def with_error_status(view: View, name: str, add_advice: Callable[[HTTPError], None], *, is_async: bool) -> View:
    """Return a view whose response is a 422 or a 413 if `FormErrors`, its parameter of that name, has errors.

    `add_advice` is called with the error of a form that is too large; it can add what the site's author can do.
    """

    def set_status(result: object, errors: FormErrors) -> object:
        if not errors:
            return result
        status = 422
        if errors.refusal is not None:
            add_advice(errors.refusal)
            status = errors.refusal.status
        if result is None or isinstance(result, tuple) or (isinstance(result, Response) and result.status != 200):
            return result  # the view has set a status itself
        return result, status

    if is_async:

        @functools.wraps(view)
        async def async_view(**values: Any) -> object:
            result = await view(**values)  # type: ignore[misc]  # an async view
            return set_status(result, values[name])

        return async_view

    @functools.wraps(view)
    def sync_view(**values: Any) -> object:
        return set_status(view(**values), values[name])

    return sync_view
