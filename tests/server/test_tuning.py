"""What a server changes of its interpreter, and what it leaves to the site."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from fanlight import App
from fanlight.testing import LiveServer

PYTHONS = (700, 10, 10)  # up to 3.12


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [(PYTHONS, (2000, 10, 10)), ((500, 5, 5), (500, 5, 5)), ((0, 10, 10), (0, 10, 10)), ((9000, 1, 1), (9000, 1, 1))],
    ids=["Python's", "fewer", "none", "more"],
)
def test_garbage_is_looked_for_less_often(before: tuple[int, int, int], meanwhile: tuple[int, int, int]) -> None:
    """While a server runs, unless the site has chosen how often."""
    gc.set_threshold(*before)
    with LiveServer(App({})):
        assert gc.get_threshold() == meanwhile
    assert gc.get_threshold() == before


def test_threads_change_often_while_a_server_runs() -> None:
    """The switch interval is shorter than Python's."""
    before = sys.getswitchinterval()
    with LiveServer(App({})):
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before
