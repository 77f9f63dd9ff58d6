"""`in_openapi(...)`: what the description of a site says of a view or of a nested table.

    @in_openapi(False)                                          leave it out
    @in_openapi(errors=[Conflict], deprecated=True)             say more of it
    URLS = {"/internal": in_openapi(False)({...})}              a table, with everything in it

In: what is said. Out: a mark. Of several, the innermost decides; tags and errors add up. Refuses, with AppError, what
is no error, and a status that no response has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fanlight.errors import AppError
from fanlight.message.route_marks import RouteMark


class OpenAPIMark(RouteMark):
    """What is said of a part of URLS. None: it says nothing of that."""

    def __init__(  # noqa: PLR0913 - each is a field of an operation, given by its name
        self,
        is_described: bool | None,  # noqa: FBT001 - it is the subject of the mark
        *,
        errors: tuple[int | type[Exception], ...],
        responses: Mapping[int, Any] | None,
        tags: tuple[str, ...],
        summary: str,
        operation_id: str,
        is_deprecated: bool | None,
    ) -> None:
        self.is_described, self.errors, self.responses = is_described, errors, responses
        self.tags, self.summary, self.operation_id, self.is_deprecated = tags, summary, operation_id, is_deprecated


def in_openapi(  # noqa: PLR0913 - as above
    is_described: bool | None = None,  # noqa: FBT001 - in_openapi(False) is what it says
    /,
    *,
    errors: Sequence[type[Exception] | int] = (),
    responses: Mapping[int, Any] | None = None,
    tags: Sequence[str] = (),
    summary: str = "",
    operation_id: str = "",
    deprecated: bool | None = None,
) -> OpenAPIMark:
    """Say more of a view, or of everything in a nested table, in the description of the site.

    `False` leaves it out, `True` has it in where it would be left out. `errors` are those that code raises which is not
    read, such as a library's: HTTP errors, and classes of exceptions that have a view in the `errors` of the app.
    `responses` maps a status to the type of its content (None: it has none), in place of what the return annotation
    says, also of an error view. Raises AppError.
    """
    if is_described is not None and not isinstance(is_described, bool):
        raise AppError(f"in_openapi({is_described!r}): write True or False, or say by name what is meant")
    if isinstance(tags, str):
        raise AppError("in_openapi(tags=...) takes a list of texts")
    for status in responses or ():
        if status not in range(200, 600):
            raise AppError(f"in_openapi(responses=...): {status!r} is no status from 200 to 599")
    return OpenAPIMark(
        is_described,
        errors=tuple(map(_checked_error, errors)),
        responses=responses,
        tags=tuple(tags),
        summary=summary,
        operation_id=operation_id,
        is_deprecated=deprecated,
    )


def _checked_error(error: object) -> int | type[Exception]:
    if isinstance(error, type) and issubclass(error, Exception):
        return error
    if isinstance(error, int) and not isinstance(error, bool) and 400 <= error <= 599:
        return error
    raise AppError(f"in_openapi(errors=...): {error!r} is no error; write a class like NotFound, or its status")


def merged(marks: Iterable[object]) -> OpenAPIMark:
    """Return what several marks say together, the outermost first."""
    total = in_openapi()
    for each in marks:
        if isinstance(each, OpenAPIMark):
            total.is_described = total.is_described if each.is_described is None else each.is_described
            total.errors = (*total.errors, *each.errors)
            total.responses = total.responses if each.responses is None else each.responses
            total.tags = (*total.tags, *each.tags)
            total.summary = each.summary or total.summary
            total.operation_id = each.operation_id or total.operation_id
            total.is_deprecated = total.is_deprecated if each.is_deprecated is None else each.is_deprecated
    return total
