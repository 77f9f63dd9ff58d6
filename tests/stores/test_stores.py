"""What every store does: the same tests for the memory, a SQLite file and a Redis."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.speed import PATIENCE

from fanlight.stores.rate import Rate
from fanlight.stores.store import MAX_KEY_BYTES, MAX_KEYS, MAX_SECONDS, MAX_VALUE_BYTES, Store

LONG = 1000.0
REFUSED = r"store|surrogate"


def test_what_was_set_is_got(store: Store) -> None:
    """A value is what was set last, byte for byte; a key without one has None."""
    assert store.get("a") is None
    for value in (b"", b"\x00\xff" * 100, bytes(range(256)), b"x" * MAX_VALUE_BYTES, b"end"):
        store.set("a", value, LONG)
        assert store.get("a") == value
    assert store.get("A") is None


def test_a_value_is_swapped_for_the_one_that_was_read(store: Store) -> None:
    """Only while that is still there, byte for byte; a key that has none, or none any more, gets none."""
    assert not store.swap("a", b"", b"new", LONG)
    assert store.get("a") is None
    store.set("a", b"\x00old", LONG)
    assert not store.swap("a", b"\x00OLD", b"new", LONG)
    assert store.swap("a", b"\x00old", b"", LONG)
    assert not store.swap("a", b"\x00old", b"late", LONG)
    assert store.get("a") == b""
    assert store.swap("a", b"", b"gone", 0)
    assert store.get("a") is None
    assert not store.swap("a", b"gone", b"back", LONG)


def test_a_swapped_value_lasts_as_long_as_its_own_time(store: Store) -> None:
    """The time of the old value has no part in it, be it longer or shorter."""
    store.set("longer", b"1", 0.5)
    store.set("shorter", b"1", LONG)
    assert store.swap("longer", b"1", b"2", LONG)
    assert store.swap("shorter", b"1", b"2", 0.01)
    until = time.monotonic() + PATIENCE
    while store.get("shorter") is not None:
        assert time.monotonic() < until
    assert not store.swap("shorter", b"2", b"3", LONG)
    assert store.get("longer") == b"2"


def test_no_swap_of_many_at_the_same_time_is_lost(store: Store) -> None:
    """Of those that have read the same value one succeeds, and the others read again."""

    def add() -> None:
        for _ in range(10):
            while (old := store.get("sum")) is None or not store.swap("sum", old, b"%d" % (int(old) + 1), LONG):
                pass

    store.set("sum", b"0", LONG)
    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(add) for _ in range(4)]:
            each.result()
    assert store.get("sum") == b"40"


@pytest.mark.parametrize(
    "key", ["a b", "ü:\N{SNOWMAN}", "a\x00b", "'; DROP TABLE entries; --", "*", "k" * MAX_KEY_BYTES]
)
def test_a_key_is_any_text(store: Store, key: str) -> None:
    """No character of a key has a meaning."""
    store.set(key, b"1", LONG)
    store.set(f"{key[:-1]}?", b"2", LONG)
    assert store.get(key) == b"1"
    store.delete(key)
    assert store.get(key) is None
    assert store.get(f"{key[:-1]}?") == b"2"


def test_several_values_are_got_in_their_order(store: Store) -> None:
    """Each key has its place in the result, also twice, and None where there is no value."""
    store.set("a", b"1", LONG)
    store.set("c", b"3", LONG)
    assert store.get_many(["c", "b", "a", "c"]) == [b"3", None, b"1", b"3"]
    assert store.get_many([]) == []
    assert store.get_many(["a"] * MAX_KEYS) == [b"1"] * MAX_KEYS


def test_a_value_is_gone_when_its_time_is_over(store: Store) -> None:
    """It is not there afterwards, for `get` and `get_many`; a value that is set again lives on."""
    store.set("short", b"1", 0.05)
    store.set("renewed", b"1", 0.05)
    store.set("renewed", b"2", LONG)
    until = time.monotonic() + PATIENCE
    while store.get("short") is not None:
        assert time.monotonic() < until
    assert store.get_many(["short", "renewed"]) == [None, b"2"]


@pytest.mark.parametrize("seconds", [0, -1, -1e30])
def test_a_value_without_time_is_not_kept(store: Store, seconds: float) -> None:
    """A value for no time is removed at once."""
    store.set("a", b"1", LONG)
    store.set("a", b"2", seconds)
    assert store.get("a") is None


def test_several_keys_are_deleted(store: Store) -> None:
    """Values and counts are removed; a key that is not there, and no key at all, are ignored."""
    rate = Rate(1, 1000)
    store.set("a", b"1", LONG)
    store.set("b", b"1", LONG)
    assert store.take("count", rate).is_allowed
    store.delete("a", "count", "nothing")
    store.delete()
    assert store.get_many(["a", "b"]) == [None, b"1"]
    assert store.take("count", rate).is_allowed


def test_calls_are_counted(store: Store) -> None:
    """As many calls as the rate has are allowed, and then none; what remains and when is said each time."""
    rate = Rate(3, 300)
    results = [store.take("a", rate) for _ in range(5)]
    assert [each.is_allowed for each in results] == [True, True, True, False, False]
    assert [each.remaining for each in results] == [2, 1, 0, 0, 0]
    assert [each.retry_seconds for each in results[:3]] == [0, 0, 0]
    assert all(0 < each.retry_seconds <= 100 for each in results[3:])
    assert [round(each.reset_seconds / 10) for each in results] == [10, 20, 30, 30, 30]
    assert store.take("b", rate).remaining == 2


def test_calls_become_available_again(store: Store) -> None:
    """After `retry_seconds` one more call is allowed."""
    rate = Rate(2, 0.2)
    while (last := store.take("a", rate)).is_allowed:
        pass
    time.sleep(last.retry_seconds + 0.002)
    assert store.take("a", rate).is_allowed


def test_another_rate_of_the_same_key_locks_nobody_out(store: Store) -> None:
    """When a rate is made faster, what the old one kept counts as all calls taken, and no more."""
    assert store.take("a", Rate(1, 100_000)).is_allowed
    refused = store.take("a", Rate(10, 1))
    assert not refused.is_allowed
    assert refused.retry_seconds <= 0.1


@pytest.mark.parametrize(
    ("key", "value", "seconds"),
    [
        ("", b"", 1),
        ("k" * (MAX_KEY_BYTES + 1), b"", 1),
        ("ü" * MAX_KEY_BYTES, b"", 1),
        ("\ud800", b"", 1),
        ("a", b"x" * (MAX_VALUE_BYTES + 1), 1),
        ("a", b"", MAX_SECONDS * 2),
        ("a", b"", float("inf")),
        ("a", b"", float("nan")),
    ],
    ids=["empty", "long", "long in UTF-8", "surrogate", "large", "years", "for ever", "no number"],
)
def test_what_no_store_takes_is_refused(store: Store, key: str, value: bytes, seconds: float) -> None:
    """A key, a value or a time that is out of range is a ValueError in each store, and nothing is kept."""
    with pytest.raises(ValueError, match=REFUSED):
        store.set(key, value, seconds)
    assert store.get("a") is None
    if key != "a":
        for call in (lambda: store.get(key), lambda: store.get_many(["b", key]), lambda: store.delete("b", key)):
            with pytest.raises(ValueError, match=REFUSED):
                call()
        with pytest.raises(ValueError, match=REFUSED):
            store.take(key, Rate(1, 1))


def test_too_many_keys_are_refused(store: Store) -> None:
    """A call with more than MAX_KEYS keys is a ValueError."""
    with pytest.raises(ValueError, match="at most"):
        store.get_many(["a"] * (MAX_KEYS + 1))
    with pytest.raises(ValueError, match="at most"):
        store.delete(*["a"] * (MAX_KEYS + 1))


def test_threads_count_together(store: Store) -> None:
    """Of many threads that begin at once, exactly as many calls as the rate has are allowed."""
    barrier = threading.Barrier(16)
    rate = Rate(40, 4000)

    def count() -> int:
        barrier.wait(PATIENCE)
        return sum(store.take("a", rate).is_allowed for _ in range(5))

    with ThreadPoolExecutor(16) as pool:
        assert sum(each.result(PATIENCE) for each in [pool.submit(count) for _ in range(16)]) == 40


def test_a_closed_store_is_opened_again(store: Store) -> None:
    """After `close` it can be used again; what is outside of the process is still there."""
    store.set("a", b"1", LONG)
    store.close()
    store.close()
    assert store.get("a") in (b"1", None)
    store.set("a", b"2", LONG)
    assert store.get("a") == b"2"
