"""Turn a binding into the leanest function that gives a view its arguments.

In: a binding. Out: None for a view that is called with the path's parameters as they are (or with
nothing), else a function from a request to the view's arguments. It raises NotFound for a path that
the view's types refuse, and UnprocessableContent with every bad field of query and body at once.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from fanlight.binding.convert import ConversionError
from fanlight.binding.form_redisplay import DETAIL, FormRedisplay
from fanlight.binding.plan import Binding
from fanlight.errors import BadField, ContentTooLarge, NotFound, UnprocessableContent
from fanlight.message.app_state import State
from fanlight.message.early_hints import EarlyHints
from fanlight.message.form import Query
from fanlight.message.request import Request

ArgumentBuilder = Callable[[Request], dict[str, Any]]
_Step = Callable[[Request, dict[str, Any], list[BadField]], None]
_EMPTY = Query()


def argument_builder(binding: Binding, state: State) -> ArgumentBuilder | None:
    """Return what makes a view's arguments of a request, None if they are just the path's parameters."""
    give = _arguments_of(binding, state)
    return _with_fresh(give, binding.fresh) if give is not None and binding.fresh else give


def _with_fresh(give: ArgumentBuilder, fresh: dict[str, object]) -> ArgumentBuilder:
    """Return what gives each call defaults of its own, where one could change them for all that come later."""

    def arguments(request: Request) -> dict[str, Any]:
        values = give(request)
        for name, default in fresh.items():
            if name not in values:
                values[name] = deepcopy(default)
        return values

    return arguments


def _arguments_of(binding: Binding, state: State) -> ArgumentBuilder | None:
    keepers = [(name, keep) for name, keep in binding.path.items() if keep is not None]
    steps = _steps(binding)
    given = dict.fromkeys(binding.states, state)
    if not keepers and not steps and not binding.requests and not given and binding.errors is None:
        return None
    if not keepers and not steps and not given and binding.errors is None and len(binding.requests) == 1:
        return _with_request(binding.requests[0], has_path=bool(binding.path))
    from_path = _with_path(binding.requests, keepers, given)
    if binding.errors is not None:
        return _with_errors(from_path, steps, binding.errors)
    return _with_fields(from_path, steps) if steps else from_path


def _with_request(name: str, *, has_path: bool) -> ArgumentBuilder:
    if not has_path:
        return lambda request: {name: request}
    return lambda request: {name: request, **request.params}


def _with_path(
    requests: list[str], keepers: list[tuple[str, Callable[[Any], object]]], given: dict[str, State]
) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values = dict(request.params)
        if given:
            values.update(given)
        for name, keep in keepers:
            try:
                values[name] = keep(values[name])
            except ConversionError as unfit:
                # The path is a name for a thing: if it can't be one, there is no such thing.
                raise NotFound(f"{name}: {unfit}") from None
        for name in requests:
            values[name] = request
        return values

    return arguments


def _with_fields(from_path: ArgumentBuilder, steps: list[_Step]) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values = from_path(request)
        bad: list[BadField] = []
        for step in steps:
            step(request, values, bad)
        if bad:
            raise UnprocessableContent(DETAIL, fields=bad)
        return values

    return arguments


def _with_errors(from_path: ArgumentBuilder, steps: list[_Step], short_repr: FormRedisplay) -> ArgumentBuilder:
    def arguments(request: Request) -> dict[str, Any]:
        values = from_path(request)
        bad: list[BadField] = []
        refusal: ContentTooLarge | None = None
        try:
            for step in steps:
                step(request, values, bad)
        except ContentTooLarge as error:
            refusal = error
        short_repr.take(request, values, bad, refusal)
        return values

    return arguments


def _steps(binding: Binding) -> list[_Step]:
    steps: list[_Step] = [*_given_steps(binding), *_named_steps(binding)]
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
            if (made := record.take(request.query, bad)) is not None:
                values[name] = made

        steps.append(take_record)
    if binding.body is not None:
        steps.append(binding.body.take)
    return steps


def _given_steps(binding: Binding) -> list[_Step]:
    """Return what gives a view its ways to the client: the content as it comes, early hints."""
    steps: list[_Step] = []
    if stream := binding.stream:

        def give_stream(request: Request, values: dict[str, Any], _: list[BadField]) -> None:
            values[stream] = request.content_stream

        steps.append(give_stream)
    if hints := binding.hints:

        def give_hints(request: Request, values: dict[str, Any], _: list[BadField]) -> None:
            values[hints] = EarlyHints(request)

        steps.append(give_hints)
    return steps


def _named_steps(binding: Binding) -> list[_Step]:
    """Return what takes cookies and header fields."""
    steps: list[_Step] = []
    if binding.cookies is not None:
        cookies = binding.cookies
        steps.append(lambda request, values, bad: cookies.take(request.cookies, values, bad))
    if binding.headers is not None:
        headers = binding.headers
        if any(field.series is not None for field in headers.fields):
            steps.append(lambda request, values, bad: headers.take(request.headers, values, bad))
        else:
            steps.append(lambda request, values, bad: headers.take(request.head.values, values, bad))
    return steps
