"""A store in memory is bounded, and forgets what has expired."""

from __future__ import annotations

import pytest

from fanlight.errors import StoreUnavailable
from fanlight.stores.memory_store import MemoryStore
from fanlight.stores.rate import Rate


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_bounded() -> None:
    """Beyond its size it raises StoreUnavailable, which is about writing; what is there can be read and replaced."""
    store = MemoryStore(max_bytes=100_000)
    for number in range(75):
        store.set(f"{number:04}", b"x" * 1000, 100)
    with pytest.raises(StoreUnavailable) as caught:
        store.set("large", b"x" * 10_000, 100)
    assert caught.value.is_about_writing
    assert store.get("0001") == b"x" * 1000
    store.set("0001", b"y", 100)
    store.set("0002", b"z" * 1000, 100)
    with pytest.raises(StoreUnavailable):
        store.set("0003", b"x" * 10_000, 100)
    assert store.get("0003") == b"x" * 1000
    store.delete("0001", "0002")
    store.set("more", b"x" * 1000, 100)


def test_what_has_expired_makes_room() -> None:
    """A full store is usable again when values and counts have expired, and never holds many that have."""
    clock = Clock()
    store = MemoryStore(max_bytes=100_000, clock=clock)
    for number in range(10_000):
        clock.now += 1
        store.set(f"value {number}", b"x" * 100, 50)
        assert store.take(f"count {number}", Rate(1, 50)).is_allowed
    assert len(store._values) < 400
    assert store.get("value 9999") == b"x" * 100
    assert store.get("value 9900") is None


def test_a_write_costs_the_same_however_much_there_is() -> None:
    """It is swept only after as many writes as there are entries."""
    store = MemoryStore()
    sweeps = [0]
    sweep = store._sweep

    def counted(now: int) -> None:
        sweeps[0] += 1
        sweep(now)

    store._sweep = counted  # type: ignore[method-assign]
    for number in range(20_000):
        store.set(str(number), b"", 100)
    assert sweeps[0] < 12


def test_its_repr_has_no_values() -> None:
    """Only the number of entries is shown."""
    store = MemoryStore()
    store.set("session:1", b"hunter2", 10)
    assert repr(store) == "MemoryStore(1 entries)"
