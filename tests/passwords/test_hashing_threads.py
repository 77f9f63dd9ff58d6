"""The threads that compute: as many at once as allowed, a short queue, and an end to each wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.speed import PATIENCE

from fanlight import ServiceUnavailable
from fanlight.passwords.hashing_threads import HASHING, MOST_THREADS, HashingThreads


class Gate:
    """A computation that waits until the test lets it go, and counts how many there are at once."""

    def __init__(self) -> None:
        self.opened, self.entered = threading.Event(), threading.Semaphore(0)
        self._lock, self._inside, self.most = threading.Lock(), 0, 0

    def __call__(self) -> bytes:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self.entered.release()
        assert self.opened.wait(PATIENCE)
        with self._lock:
            self._inside -= 1
        return b"digest"


@contextmanager
def callers(count: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(count) as pool:
        yield pool


def wait_until_inside(threads: HashingThreads, count: int) -> None:
    """Wait until so many calls run or wait."""
    done = threading.Event()
    for _ in range(round(PATIENCE / 0.002)):
        if threads._inside == count:
            return
        done.wait(0.002)
    raise AssertionError("they did not arrive")


def test_a_few_compute_at_once_and_the_others_wait() -> None:
    """Of six calls two run at a time, and all get their result."""
    threads, gate = HashingThreads(2), Gate()
    with callers(6) as pool:
        waiting = [pool.submit(threads.run, gate) for _ in range(6)]
        wait_until_inside(threads, 6)
        assert all(gate.entered.acquire(timeout=PATIENCE) for _ in range(2))
        gate.opened.set()
        assert [each.result(PATIENCE) for each in waiting] == [b"digest"] * 6
    assert gate.most == 2


def test_a_call_that_finds_the_queue_full_is_refused_at_once() -> None:
    """With one running and one waiting, where one may wait, the next gets 503 and when to try again."""
    threads, gate = HashingThreads(1, waiting=1), Gate()
    with callers(2) as pool:
        first = [pool.submit(threads.run, gate) for _ in range(2)]
        wait_until_inside(threads, 2)
        with pytest.raises(ServiceUnavailable, match="Too many people") as refused:
            threads.run(gate)
        assert refused.value.headers == {"retry-after": "5"}
        gate.opened.set()
        assert [each.result(PATIENCE) for each in first] == [b"digest"] * 2
        assert threads.run(gate) == b"digest"  # there is room again


def test_a_call_that_waits_too_long_is_refused() -> None:
    """After the deadline a call that has not begun is taken out of the queue; one that runs is waited for."""
    threads, gate = HashingThreads(1, seconds=0.01), Gate()
    with callers(1) as pool:
        first = pool.submit(threads.run, gate)
        assert gate.entered.acquire(timeout=PATIENCE)
        with pytest.raises(ServiceUnavailable):
            threads.run(gate)
        gate.opened.set()
        assert first.result(PATIENCE) == b"digest"
    assert not gate.entered.acquire(blocking=False)
    assert threads._inside == 0


def test_an_error_is_raised_where_it_is_waited_for() -> None:
    """What a computation raises, its caller gets; the place of the call is free again."""

    def fail() -> bytes:
        raise MemoryError

    threads = HashingThreads(1)
    with pytest.raises(MemoryError):
        threads.run(fail)
    assert threads._inside == 0


def test_a_machine_without_threads_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system can't start a thread, a sign-in gets 503, not an error page."""

    def refuse(_: object, act: Callable[[], bytes]) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
    with pytest.raises(ServiceUnavailable):
        HashingThreads(1).run(bytes)


def test_the_processors_are_the_bound() -> None:
    """There are no more threads than processors, and at most four."""
    assert 1 <= HASHING._threads <= MOST_THREADS
