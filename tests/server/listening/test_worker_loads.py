"""How many connections each worker has: who has fewer, and how it is woken."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator

import pytest

from fanlight.server.listening.worker_loads import MAX_PLACES, AcceptShare, WorkerLoads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory files and eventfds are Linux's")
Join = Callable[[], AcceptShare]


@pytest.fixture
def loads() -> Iterator[WorkerLoads]:
    """Make places for three workers."""
    loads = WorkerLoads(3)
    yield loads
    loads.close()


@pytest.fixture
def join(loads: WorkerLoads) -> Iterator[Join]:
    """Give a function that takes the next place, as a worker does."""
    shares: list[AcceptShare] = []

    def take_next() -> AcceptShare:
        place = loads.take_place()
        assert place == len(shares)
        shares.append(AcceptShare(place, [os.dup(each) for each in loads.descriptors]))
        return shares[-1]

    yield take_next
    for each in shares:
        each.close()


def is_woken(share: AcceptShare) -> bool:
    return bool(select.select([share.fd], [], [], 0)[0])


def test_alone_none_has_fewer(join: Join) -> None:
    """A worker that is alone accepts everything, however many connections it has."""
    share = join()
    share.report(1000)
    assert share.place_with_fewer(1000) is None


@pytest.mark.parametrize(
    ("own", "other", "is_more"),
    [(0, 0, False), (1, 0, True), (4, 4, False), (4, 3, True), (9, 8, False), (32, 28, False), (32, 27, True)],
)
def test_the_one_with_fewer_is_found(join: Join, own: int, other: int, is_more: bool) -> None:
    """Another worker has fewer if the difference is more than an eighth of the own connections."""
    first, second = join(), join()
    second.report(other)
    assert first.place_with_fewer(own) == (1 if is_more else None)


def test_it_is_the_one_with_the_fewest(join: Join) -> None:
    """Of several with fewer, the one with the fewest is to accept."""
    first, second, third = join(), join(), join()
    second.report(2)
    third.report(1)
    assert first.place_with_fewer(8) == 2


def test_one_that_accepts_nothing_is_left_out(join: Join) -> None:
    """A worker that stops, or has as many connections as it may, is not waited for."""
    first, second = join(), join()
    second.report(0)
    second.leave()
    assert first.place_with_fewer(8) is None


def test_the_place_of_a_worker_that_is_gone_is_free(loads: WorkerLoads, join: Join) -> None:
    """Whatever stood there is forgotten, and the next worker may have it."""
    first, second = join(), join()
    second.report(0)
    loads.give_back(1)
    assert first.place_with_fewer(8) is None
    assert [loads.take_place() for _ in range(8)] == [2, 3, 4, 5, 6, 7, 1, None]


def test_a_worker_is_woken_until_it_looks(join: Join) -> None:
    """One signal or several wake one worker, once."""
    first, second = join(), join()
    assert not is_woken(second)
    first.wake(1)
    first.wake(1)
    assert is_woken(second)
    assert not is_woken(first)
    second.clear()
    assert not is_woken(second)


def test_the_places_of_any_number_of_workers_fit_into_a_message() -> None:
    """With hundreds of workers some have no place, and accept what they are woken for."""
    loads = WorkerLoads(500)
    assert len(loads.descriptors) == 1 + MAX_PLACES
    loads.close()
