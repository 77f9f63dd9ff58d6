"""The thread pool: how many threads it starts, what it refuses, and what its threads survive."""

from __future__ import annotations

import ctypes
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

    assert [pool.submit(work) for _ in range(2)] == [True, True]
    while len(pool.running) < 2:
        pass
    assert [pool.submit(work) for _ in range(4)] == [True, True, True, False]
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
        _wait_until_resting(pool, 1)
    assert set(names) == {"fanlight-1"}
    pool.close()


def _wait_until_resting(pool: ThreadPool, count: int) -> None:
    """Wait until so many threads wait for work."""
    while len(pool._resting) != count:
        pass


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(), MemoryError()])
def test_a_thread_outlives_whatever_its_work_raises(error: BaseException) -> None:
    """A pool whose work fails, in whichever way, has as many threads as before."""

    def fail() -> None:
        raise error

    pool = ThreadPool(1, 8)
    for _ in range(3):
        assert pool.submit(fail)
    _wait_until_resting(pool, 1)
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
    while not pool.running:
        pass
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", cannot)
        assert pool.submit(work)
    let_go.set()
    for _ in range(2):
        assert done.acquire(timeout=PATIENCE)
    _wait_until_resting(pool, 1)
    assert (pool._made, pool.waiting) == (1, 0)
    pool.close()


def test_no_work_is_lost_however_threads_rest_and_wake() -> None:
    """Work that several threads bring at once, or just when a thread goes to rest, is all done."""
    pool, done, count = ThreadPool(4, 10_000), threading.Semaphore(0), 300

    def bring() -> None:
        for _ in range(count):
            assert pool.submit(done.release)

    threads = [threading.Thread(target=bring) for _ in range(3)]
    for each in threads:
        each.start()
    for _ in range(3 * count):
        assert done.acquire(timeout=PATIENCE)
    for _ in range(count):  # each may meet a thread on its way to rest
        assert pool.submit(done.release)
        assert done.acquire(timeout=PATIENCE)
    _wait_until_resting(pool, pool._made)
    assert (pool.waiting, pool._is_waking) == (0, False)
    pool.close()


def test_work_that_waits_gets_a_thread_each() -> None:
    """Calls that were brought together run together, though only one thread is woken for the first of them."""
    pool, together, done = ThreadPool(8, 8), threading.Barrier(8), threading.Semaphore(0)

    def meet() -> None:
        together.wait(PATIENCE)
        done.release()

    for _ in range(2):  # threads that are started, and threads that rest
        for _ in range(8):
            assert pool.submit(meet)
        for _ in range(8):
            assert done.acquire(timeout=PATIENCE)
        _wait_until_resting(pool, 8)
    pool.close()


@pytest.mark.parametrize("while_it_rests", [True, False])
def test_a_thread_outlives_an_exception_between_two_calls(
    caplog: pytest.LogCaptureFixture, *, while_it_rests: bool
) -> None:
    """Whatever a site raises in a thread of the pool from outside, the pool goes on with as many threads."""
    pool, done, threads = ThreadPool(1, 8), threading.Event(), []

    def interrupt(thread_id: int) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(TimeoutError))

    def work() -> None:
        threads.append(threading.get_ident())
        if not while_it_rests:
            interrupt(threads[0])

    assert pool.submit(work)
    _wait_until_resting(pool, 1)
    if while_it_rests:
        interrupt(threads[0])
    assert pool.submit(done.set)
    assert done.wait(PATIENCE)
    _wait_until_resting(pool, 1)
    assert (pool._made, pool.waiting, pool.running, pool._is_waking) == (1, 0, {}, False)
    assert "TimeoutError" in caplog.text
    pool.close()


def test_a_pool_that_is_closed_ends_its_threads() -> None:
    """Threads that rest end at once, those at work when they have done what waits."""
    pool, entered, let_go, done = ThreadPool(2, 8), threading.Event(), threading.Event(), threading.Event()
    threads = []

    def work() -> None:
        threads.append(threading.current_thread())
        entered.set()
        assert let_go.wait(PATIENCE)

    assert pool.submit(lambda: threads.append(threading.current_thread()))
    _wait_until_resting(pool, 1)
    assert pool.submit(work)
    assert entered.wait(PATIENCE)
    assert pool.submit(work)
    assert pool.submit(done.set)
    pool.close()
    let_go.set()
    assert done.wait(PATIENCE)
    for each in threads:
        each.join(PATIENCE)
        assert not each.is_alive()
