"""Turn a binding into the leanest function that gives a view its arguments.

In: a binding. Out: None for a view that is called with the path's parameters as they are (or with
nothing), else a function from a request to the view's arguments. It raises NotFound for a path that
the view's types refuse, and UnprocessableContent with every bad field of query and body at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fanlight.app.binding import Binding
from fanlight.app.convert import Unfit
from fanlight.errors import BadField, NotFound, UnprocessableContent
from fanlight.message import Query, Request

Arguments = Callable[[Request], dict[str, Any]]
_Step = Callable[[Request, dict[str, Any], list[BadField]], None]
_EMPTY = Query()


def arguments_of(binding: Binding) -> Arguments | None:
    """Return what makes a view's arguments of a request, None if they are just the path's parameters."""
    keepers = [(name, keep) for name, keep in binding.path.items() if keep is not None]
    steps = _steps(binding)
    if not keepers and not steps and not binding.requests:
        return None
    if steps:
        return _with_fields(binding.requests, keepers, steps)
    if not keepers and len(binding.requests) == 1:
        return _with_request(binding.requests[0], has_path=bool(binding.path))
    return _with_path(binding.requests, keepers)


def _with_request(name: str, *, has_path: bool) -> Arguments:
    if not has_path:
        return lambda request: {name: request}
    return lambda request: {name: request, **request.params}


def _with_path(requests: list[str], keepers: list[tuple[str, Callable[[Any], object]]]) -> Arguments:
    def arguments(request: Request) -> dict[str, Any]:
        values = dict(request.params)
        for name, keep in keepers:
            try:
                values[name] = keep(values[name])
            except Unfit as unfit:
                # The path is a name for a thing: if it can't be one, there is no such thing.
                raise NotFound(f"{name}: {unfit}") from None
        for name in requests:
            values[name] = request
        return values

    return arguments


def _with_fields(
    requests: list[str], keepers: list[tuple[str, Callable[[Any], object]]], steps: list[_Step]
) -> Arguments:
    from_path = _with_path(requests, keepers)

    def arguments(request: Request) -> dict[str, Any]:
        values = from_path(request)
        bad: list[BadField] = []
        for step in steps:
            step(request, values, bad)
        if bad:
            detail = "Some of what was sent is missing, or is not as it should be."
            raise UnprocessableContent(detail, fields=bad)
        return values

    return arguments


def _steps(binding: Binding) -> list[_Step]:
    steps: list[_Step] = []
    if binding.query is not None:
        fields = binding.query

        def take_query(request: Request, values: dict[str, Any], bad: list[BadField]) -> None:
            if request.head.query:
                fields.take(request.query, values, bad)
            elif not fields.may_be_empty:
                fields.take(_EMPTY, values, bad)

        steps.append(take_query)
    if binding.query_record is not None:
        name, record = binding.query_record

        def take_record(request: Request, values: dict[str, Any], bad: list[BadField]) -> None:
            values[name] = record.take(request.query, bad)

        steps.append(take_record)
    if binding.body is not None:
        steps.append(binding.body.take)
    return steps
