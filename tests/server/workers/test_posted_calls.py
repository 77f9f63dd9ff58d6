"""Calls that other threads post to the loop of a supervisor."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from tests.speed import PATIENCE

from fanlight.server.workers.posted_calls import PostedCalls


@pytest.fixture
def calls() -> Iterator[PostedCalls]:
    made = PostedCalls()
    yield made
    made.close()


def is_ready(calls: PostedCalls, seconds: float = 0) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(calls, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def test_calls_of_another_thread_wake_the_loop_and_are_made_in_order(calls: PostedCalls) -> None:
    """What another thread posts makes the descriptor readable, and is called in the order in which it was posted."""
    made: list[int] = []

    def post_all() -> None:
        for each in range(3):
            calls.post(partial(made.append, each))

    posting = threading.Thread(target=post_all)
    posting.start()
    assert is_ready(calls, PATIENCE)
    posting.join()
    calls.run()
    assert made == [0, 1, 2]
    assert not is_ready(calls)


def test_a_loop_is_woken_without_a_call(calls: PostedCalls) -> None:
    """A signal wakes the loop, which then finds nothing to call."""
    calls.wake()
    assert is_ready(calls, PATIENCE)
    calls.run()
    assert not is_ready(calls)


def test_a_call_that_posts_another_is_followed_by_it(calls: PostedCalls) -> None:
    """What a call posts is called in the same round."""
    made: list[str] = []
    calls.post(lambda: calls.post(lambda: made.append("inner")))
    calls.run()
    assert made == ["inner"]


def test_waking_never_blocks(calls: PostedCalls) -> None:
    """A thread that posts more than the sockets hold does not wait for the loop, and no call is lost."""
    made: list[None] = []
    for _ in range(100_000):
        calls.post(lambda: made.append(None))
    calls.run()
    assert len(made) == 100_000


def test_an_exception_is_raised_in_the_loop(calls: PostedCalls) -> None:
    """A call that fails is not passed over in silence."""
    calls.post(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        calls.run()
