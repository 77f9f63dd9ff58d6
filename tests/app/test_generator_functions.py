"""Which generators may catch what is raised at their yield."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from fanlight.app.generator_functions import may_catch, read_generator_function
from fanlight.binding.callables import source_location


def bare() -> Iterator[None]:
    yield


def around_it() -> Iterator[None]:
    with contextlib.nullcontext():
        pass
    try:
        begun = True
    except ValueError:
        begun = False
    response: Any = yield
    if begun:
        with contextlib.nullcontext():
            response()


def tidy() -> Iterator[None]:
    try:
        yield
    finally:
        contextlib.nullcontext()


def behind() -> Iterator[None]:
    try:
        contextlib.nullcontext()
    except ValueError:
        yield
    else:
        yield


def with_function() -> Iterator[None]:
    def catches() -> Iterator[None]:
        try:
            yield
        except ValueError:
            return

    yield
    catches()


def _pass_on(generator: Callable[..., Any]) -> Callable[..., Any]:
    return generator


@_pass_on
@_pass_on
def decorated() -> Iterator[None]:
    yield


async def bare_async() -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack():
        pass
    yield


@pytest.mark.parametrize("generator", [bare, around_it, tidy, behind, with_function, decorated, bare_async])
def test_what_stands_in_no_net_can_not_catch(generator: Any) -> None:
    """A `finally` catches nothing, nor does what stands before or behind the yield, or in another function."""
    assert not may_catch(generator.__code__)


def caught() -> Iterator[None]:
    try:
        yield
    except ValueError:
        return


def caught_further_out() -> Iterator[None]:
    try:
        for _ in range(1):
            try:
                yield
            finally:
                contextlib.nullcontext()
    except BaseException:  # noqa: BLE001 - it shows what happens
        return


def caught_in_groups() -> Iterator[None]:
    try:
        yield
    except* ValueError:
        pass


def in_a_with() -> Iterator[None]:
    with contextlib.suppress(ValueError):
        response: Any = yield
        response()


async def in_an_async_with() -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack():
        yield


def leaving() -> Iterator[None]:
    try:
        yield
    finally:
        return  # noqa: B012 - it shows what happens


def handing_over() -> Iterator[None]:
    yield from caught()


@pytest.mark.parametrize(
    "generator",
    [caught, caught_further_out, caught_in_groups, in_a_with, in_an_async_with, leaving, handing_over],
)
def test_what_stands_in_a_net_may_catch(generator: Any) -> None:
    """An `except`, a `with`, a `finally` that leaves, and another generator's yield."""
    assert may_catch(generator.__code__)


def test_what_can_not_be_read_may_catch() -> None:
    """Code without a source is shown every exception, as it may have something to close."""
    names: dict[str, Any] = {}
    exec("def generator():\n    yield", names)
    assert may_catch(names["generator"].__code__)


def test_a_function_without_parameters_has_its_place() -> None:
    """What is called in place of middleware that takes no request has the file and line of that middleware."""
    read = read_generator_function(bare, "middleware", "request", None, no_yield_hint="")
    assert source_location(read.begin) == source_location(bare)
