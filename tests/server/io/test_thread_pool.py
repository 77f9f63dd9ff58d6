"""The thread pool: how many threads it starts, what it refuses, and what its threads survive."""

from __future__ import annotations

import threading

import pytest
from tests.speed import PATIENCE

from fanlight.server.io.thread_pool import ThreadPool


def test_a_pool_makes_no_more_threads_than_allowed() -> None:
    """Work beyond the threads waits; work beyond that is refused."""
    pool, let_go, done = ThreadPool(2, 3), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        assert let_go.wait(PATIENCE)
        done.release()

    assert [pool.submit(work) for _ in range(6)] == [True] * 5 + [False]
    let_go.set()
    for _ in range(5):
        assert done.acquire(timeout=PATIENCE)
    pool.close()


def test_a_pool_uses_a_thread_again() -> None:
    """One piece of work after the other needs one thread."""
    pool, names = ThreadPool(8, 8), []
    for _ in range(5):
        done = threading.Event()

        def work(done: threading.Event = done) -> None:
            names.append(threading.current_thread().name)
            done.set()

        pool.submit(work)
        assert done.wait(PATIENCE)
        while pool._idle < 1:
            pass
    assert set(names) == {"fanlight-1"}
    pool.close()


def _idle(pool: ThreadPool, count: int) -> None:
    """Wait until so many threads wait for work."""
    while pool._idle != count:
        pass


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), MemoryError()])
def test_a_thread_outlives_whatever_its_work_raises(error: BaseException) -> None:
    """A pool whose work fails, in whichever way, has as many threads as before."""

    def fail() -> None:
        raise error

    pool = ThreadPool(1, 8)
    for _ in range(3):
        assert pool.submit(fail)
    _idle(pool, 1)
    done = threading.Event()
    assert pool.submit(done.set)
    assert done.wait(PATIENCE)
    assert (pool._made, pool.waiting) == (1, 0)
    pool.close()


def test_a_thread_that_cannot_be_started_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no thread left, work is refused, or waits for one that there is; then all is as before."""
    pool, let_go, done = ThreadPool(4, 8), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        assert let_go.wait(PATIENCE)
        done.release()

    def cannot(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", cannot)
        assert not pool.has_room()
        assert not pool.submit(work)
    assert pool.has_room()
    assert pool.submit(work)
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", cannot)
        assert pool.submit(work)
    let_go.set()
    for _ in range(2):
        assert done.acquire(timeout=PATIENCE)
    _idle(pool, 1)
    assert (pool._made, pool.waiting) == (1, 0)
    pool.close()
