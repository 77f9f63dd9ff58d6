"""The store keeps the newest exchanges within its limits, and survives what several processes do to it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanlight.devtools.inspector.exchange_record import ConnectionInfo, Exchange, LogLine, Piece, Span
from fanlight.devtools.inspector.exchange_store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the store is."""
    return tmp_path / "exchanges.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """Return a store, which is closed at the end."""
    store = Store(path)
    yield store
    store.close()


def exchange(number: int, size: int = 10, **values: object) -> Exchange:
    """Return an exchange whose request has so many bytes."""
    piece = Piece(0.0, b"\xff" * size, size)
    return Exchange(
        id=f"001-{number:05}",
        began_at=1e9 + number,
        connection=ConnectionInfo(1, "127.0.0.1", 0),
        received=[piece],
        received_bytes=size,
        **values,  # type: ignore[arg-type]  # by name
    )


def test_an_exchange_is_returned_as_it_was_added(store: Store) -> None:
    """What is read is equal to what was added, with broken encodings, nested spans and all."""
    span = Span("query", "SELECT", 0.1, 0.2, inner=(0.1, 0.15), detail={"sql": "SELECT '\x00'"})
    made = exchange(1, target="/\xff\x00<script>", request_content=bytes(range(256)), spans=[span])
    store.add([made])
    assert store.get(made.id) == made


def test_an_unknown_id_is_none(store: Store) -> None:
    """An id that is not there gives None."""
    assert store.get("001-00001") is None


def test_rows_come_in_the_order_in_which_they_were_added(store: Store) -> None:
    """A summary has the columns of the list; those behind a number are newer than it."""
    store.add([exchange(1, method="GET", status=200), exchange(2)])
    first, second = store.summaries()
    store.add([exchange(3)])
    (third,) = store.summaries(second.seq)
    assert (first.id, first.method, first.status, first.request_bytes) == ("001-00001", "GET", 200, 10)
    assert first.seq < second.seq < third.seq


def test_the_newest_rows_are_returned_where_there_are_more(store: Store) -> None:
    """With a limit, the newest rows are returned, the oldest of them first."""
    store.add([exchange(number) for number in range(10)])
    assert [row.id for row in store.summaries(limit=2)] == ["001-00008", "001-00009"]


def test_an_exchange_that_is_added_again_is_replaced(store: Store) -> None:
    """The newer version takes the place of the older one, and is a newer row."""
    store.add([exchange(1, outcome="open"), exchange(2)])
    before = store.summaries()[-1].seq
    store.add([exchange(1, outcome="done")])
    (row,) = store.summaries(before)
    assert (row.id, row.outcome, len(store.summaries())) == ("001-00001", "done", 2)


def test_the_oldest_exceed_the_count(path: Path) -> None:
    """There are never more exchanges than the limit; the oldest make room."""
    store = Store(path, max_exchanges=3)
    for number in range(10):
        store.add([exchange(number)])
    assert [row.id for row in store.summaries()] == ["001-00007", "001-00008", "001-00009"]
    store.close()


def test_the_oldest_exceed_the_bytes(path: Path) -> None:
    """There are never more bytes than the limit; the oldest make room, also for one big exchange."""
    store = Store(path, max_bytes=10_000)
    store.add([exchange(number, 1000) for number in range(20)])
    kept = [row.id for row in store.summaries()]
    assert 5 < len(kept) < 10
    assert kept[-1] == "001-00019"
    store.add([exchange(20, 9000)])
    assert [row.id for row in store.summaries()] == ["001-00020"]
    store.close()


def test_the_file_does_not_grow_without_end(path: Path) -> None:
    """The room of dropped exchanges is used again."""
    store = Store(path, max_bytes=200_000)
    for number in range(500):
        store.add([exchange(number, 10_000)])
    store.close()
    assert path.stat().st_size < 1_000_000


def test_clear_leaves_nothing(store: Store) -> None:
    """A cleared store is empty, and goes on."""
    store.add([exchange(1)])
    store.clear()
    assert store.summaries() == []
    store.add([exchange(2)])
    assert [row.id for row in store.summaries()] == ["001-00002"]


def test_two_generations_write_to_one_file(path: Path) -> None:
    """Two stores on one file, as two processes have, see what the other writes, and lose nothing."""
    stores = [Store(path), Store(path)]

    def write(store: Store, first: int) -> None:
        for number in range(first, first + 50):
            store.add([exchange(number)])

    threads = [threading.Thread(target=write, args=(store, 100 * index)) for index, store in enumerate(stores)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(stores[0].summaries()) == len(stores[1].summaries()) == 100
    for store in stores:
        store.close()


def test_a_store_is_read_while_it_is_written(store: Store) -> None:
    """Several threads may use one store at once."""
    failures: list[Exception] = []

    def read() -> None:
        try:
            for number in range(100):
                store.summaries()
                store.get(f"001-{number:05}")
        except sqlite3.Error as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        store.add([exchange(number)])
    reader.join()
    assert failures == []


def test_text_that_no_encoding_has_is_escaped(store: Store) -> None:
    """A lone surrogate, in a log line for example, is kept as its escape."""
    line = LogLine(0.1, "INFO", "site", "file \udcff")
    store.add([exchange(1, target="/\ud800", logs=[line], spans=[Span("query", "x", 0, 1, detail={"a": "\ud800"})])])
    kept = store.get("001-00001")
    assert kept is not None
    assert (kept.target, kept.logs[0].text) == ("/\\ud800", "file \\udcff")
    assert kept.spans[0].detail == {"a": "\\ud800"}


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store) -> None:
    """What can't be written is not written in part, and the store goes on."""
    broken = exchange(2, status=1 << 70)  # more than a column holds
    with pytest.raises(OverflowError):
        store.add([exchange(1), broken])
    store.add([exchange(3)])
    assert [row.id for row in store.summaries()] == ["001-00003"]
