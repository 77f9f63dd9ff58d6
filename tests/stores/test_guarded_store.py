"""A store that is gone costs one call a second, and two lines in the log."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.speed import PATIENCE

from fanlight.errors import HTTPError, StoreUnavailable
from fanlight.stores.guarded_store import REST_SECONDS, GuardedStore
from fanlight.stores.memory_store import MemoryStore
from fanlight.stores.rate import Rate

NAME = "redis://cache:6379/0"
GONE = StoreUnavailable("no response from 10.0.0.5")
FULL = StoreUnavailable("the disk is full", is_about_writing=True)


class FakeStore(MemoryStore):
    """A store that can be broken; it counts the calls that reach it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.reading: StoreUnavailable | None = None  # what a call that reads raises
        self.writing: StoreUnavailable | None = None
        self.calls = 0

    def clock(self) -> float:
        return self.now

    def get(self, key: str) -> bytes | None:
        self.calls += 1
        if self.reading is not None:
            raise self.reading
        return super().get(key)

    def set(self, key: str, value: bytes, seconds: float) -> None:
        self.calls += 1
        if (error := self.reading or self.writing) is not None:
            raise error
        super().set(key, value, seconds)


@pytest.fixture
def fake() -> FakeStore:
    """Return a store that works."""
    return FakeStore()


@pytest.fixture
def guarded(fake: FakeStore) -> GuardedStore:
    """Return it behind a guard."""
    return GuardedStore(fake, NAME, clock=fake.clock)


def fails(guarded: GuardedStore, *, writing: bool = False) -> bool:
    """Return whether a call raises StoreUnavailable."""
    try:
        if writing:
            guarded.set("a", b"", 10)
        else:
            guarded.get("a")
    except StoreUnavailable:
        return True
    return False


def test_calls_pass(guarded: GuardedStore) -> None:
    """Every method does what the store within does."""
    guarded.set("a", b"1", 10)
    assert guarded.get("a") == b"1"
    assert guarded.get_many(["a", "b"]) == [b"1", None]
    assert guarded.take("c", Rate(2, 10)).remaining == 1
    guarded.delete("a", "c")
    assert guarded.get("a") is None
    assert not guarded.is_shared
    guarded.close()
    with pytest.raises(ValueError, match="a key of a store"):
        guarded.get("")


def test_a_store_that_is_gone_rests(guarded: GuardedStore, fake: FakeStore, caplog: pytest.LogCaptureFixture) -> None:
    """After a failure no call reaches it for a second, then one does; when that succeeds, all do."""
    fake.reading = GONE
    assert fails(guarded)
    for writing in (True, False) * 10:
        assert fails(guarded, writing=writing)
    assert fake.calls == 1
    for second in range(1, 4):
        fake.now = second * REST_SECONDS
        assert all(fails(guarded, writing=second % 2 == 0) for _ in range(10))
        assert fake.calls == 1 + second
    fake.reading = None
    assert fails(guarded)
    fake.now += REST_SECONDS
    assert not any(fails(guarded) for _ in range(10))
    assert caplog.messages == [
        f"the store {NAME} can't be used: no response from 10.0.0.5; requests that need it get 503 meanwhile",
        f"the store {NAME} is back, after 4.0 s",
    ]


def test_only_one_call_tries(guarded: GuardedStore, fake: FakeStore) -> None:
    """While one call tries, which may take long, the others fail at once."""
    fake.reading = GONE
    assert fails(guarded)
    fake.now, fake.reading = REST_SECONDS, None
    barrier, entered, proceed = threading.Barrier(16), threading.Event(), threading.Event()
    get = fake.get

    def slow_get(key: str) -> bytes | None:
        entered.set()
        assert proceed.wait(PATIENCE)
        return get(key)

    fake.get = slow_get  # type: ignore[method-assign]

    def call() -> bool:
        barrier.wait(PATIENCE)
        return fails(guarded)

    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(call) for _ in range(16)]
        assert entered.wait(PATIENCE)
        while sum(each.done() for each in calls) < 15:
            threading.Event().wait(0.001)
        proceed.set()
        assert [each.result(PATIENCE) for each in calls].count(True) == 15
    assert fake.calls == 2


def test_a_store_that_can_not_be_written_is_read(
    guarded: GuardedStore, fake: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk is a 503 for calls that write, and for no others; it is logged once, and not as gone."""
    fake.writing = FULL
    assert fails(guarded, writing=True)
    for _ in range(10):
        assert fails(guarded, writing=True)
        assert not fails(guarded)
    assert fake.calls == 11
    fake.now = REST_SECONDS
    assert fails(guarded, writing=True)
    fake.writing, fake.now = None, 2 * REST_SECONDS
    assert not fails(guarded, writing=True)
    assert not fails(guarded, writing=True)
    assert caplog.messages == [
        f"the store {NAME} can't be written: the disk is full; requests that need it get 503 meanwhile",
        f"the store {NAME} can be written again, after 2.0 s",
    ]


def test_a_store_that_comes_back_full_is_back(
    guarded: GuardedStore, fake: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that is refused because of the disk shows that the store is there: it can be read at once."""
    fake.reading = GONE
    assert fails(guarded)
    fake.reading, fake.writing, fake.now = None, FULL, REST_SECONDS
    assert fails(guarded, writing=True)
    assert not fails(guarded)
    assert "is back" in caplog.text


def test_calls_that_succeed_late_end_no_rest(guarded: GuardedStore, fake: FakeStore) -> None:
    """What began before the failure and succeeds after it is no try: half-broken stores do not fill the log."""
    get, entered, proceed = fake.get, threading.Event(), threading.Event()

    def late_get(key: str) -> bytes | None:
        entered.set()
        assert proceed.wait(PATIENCE)
        return get(key)

    fake.get = late_get  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(fails, guarded)
        assert entered.wait(PATIENCE)
        fake.get = get  # type: ignore[method-assign]
        fake.writing = StoreUnavailable("gone")
        assert fails(guarded, writing=True)
        proceed.set()
        assert not late.result(PATIENCE)
    assert fails(guarded)


def test_other_errors_are_passed_on(guarded: GuardedStore, fake: FakeStore) -> None:
    """A ValueError is the caller's mistake, and breaks nothing."""

    def get_many(keys: Sequence[str]) -> list[bytes | None]:
        raise ValueError("too many")

    fake.get_many = get_many  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="too many"):
        guarded.get_many([])
    assert not fails(guarded)


def test_the_client_is_sent_no_reason(guarded: GuardedStore, fake: FakeStore) -> None:
    """What is raised is a 503 with Retry-After, whose text names no host and no file."""
    fake.reading = GONE
    for _ in range(2):
        with pytest.raises(HTTPError) as caught:
            guarded.get("a")
        assert caught.value.status == 503
        assert caught.value.headers == {"retry-after": "1"}
        assert "10.0.0.5" not in caught.value.detail
        assert "10.0.0.5" not in str(caught.value)
        assert isinstance(caught.value, StoreUnavailable)
        assert caught.value.reason == "no response from 10.0.0.5"


def test_during_a_rest_nothing_is_known_at_once(guarded: GuardedStore, fake: FakeStore) -> None:
    """Else an event loop would take what a store that is gone said last."""
    fake.set("a", b"1", 10)
    assert guarded.known_many(["a"]) == [b"1"]
    fake.reading = GONE
    assert fails(guarded)
    assert guarded.known_many(["a"]) is None
