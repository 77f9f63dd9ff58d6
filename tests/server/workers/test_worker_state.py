"""The record of one worker: its states, and what it is sent."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from fanlight.server.workers.worker_state import (
    ABORTING,
    DUMP_SECONDS,
    KILLED,
    READY,
    STARTING,
    STOPPING,
    TRANSITIONS,
    Worker,
    WorkerState,
)

NOW = 1000.0


class FakeProcess:
    pid = 1

    def poll(self) -> int | None:
        return None


class FakeChannel:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, what: str, /, **_: object) -> bool:
        self.sent.append(what)
        return True


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the signals that a worker is sent."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _, number: sent.append(number))
    return sent


def worker_in(state: WorkerState) -> Worker:
    return Worker(
        process=FakeProcess(),
        channel=FakeChannel(),  # type: ignore[arg-type]  # all that is used of one
        generation=1,
        started_at=NOW,
        last_pong=NOW,
        state=state,
        exit_deadline=NOW,
    )


LEADS_TO: dict[WorkerState, Callable[[Worker], object]] = {
    READY: lambda worker: worker.set_ready(NOW),
    STOPPING: lambda worker: worker.stop(NOW + 10),
    KILLED: lambda worker: worker.kill_if_late(NOW + 1),
    ABORTING: lambda worker: worker.abort("hangs", NOW),
}


@pytest.mark.parametrize("after", LEADS_TO)
@pytest.mark.parametrize("before", WorkerState)
def test_every_pair_of_states(before: WorkerState, after: WorkerState, signals: list[int]) -> None:
    """A method changes the state where the table permits it, and nothing where it does not."""
    worker = worker_in(before)
    LEADS_TO[after](worker)
    assert worker.state is (after if after in TRANSITIONS[before] else before)


def test_the_table_has_every_state() -> None:
    """Each state has its row, and only states of the table are reached."""
    assert set(TRANSITIONS) == set(WorkerState)
    assert {after for row in TRANSITIONS.values() for after in row} == set(WorkerState) - {STARTING}


def test_a_starting_worker_is_killed_when_it_is_stopped(signals: list[int]) -> None:
    """A ready worker is sent `drain` alone; one that starts has no clients, and is killed as well."""
    ready, starting = worker_in(READY), worker_in(STARTING)
    assert ready.stop(NOW + 10)
    assert signals == []
    assert starting.stop(NOW + 10)
    assert signals == [signal.SIGKILL]
    assert not ready.stop(NOW + 20)
    assert ready.exit_deadline == NOW + 10


def test_an_aborting_worker_is_killed_after_its_dump(signals: list[int]) -> None:
    """SIGABRT first, so that it dumps its stacks; SIGKILL when that has had its time."""
    worker = worker_in(READY)
    worker.abort("hangs", NOW)
    assert (worker.abort_reason, signals) == ("hangs", [signal.SIGABRT])
    worker.kill_if_late(NOW + DUMP_SECONDS)
    assert signals == [signal.SIGABRT]
    assert not worker.kill_if_late(NOW + DUMP_SECONDS + 1)
    assert signals == [signal.SIGABRT, signal.SIGKILL]


def test_a_heartbeat_without_counts_keeps_the_last_ones() -> None:
    """Without new counts the last ones stay."""
    worker = worker_in(READY)
    worker.record_pong(NOW + 1, 5, {"bytes": 1})
    worker.record_pong(NOW + 2, 6, None)
    assert (worker.last_pong, worker.served, worker.counts) == (NOW + 2, 6, {"bytes": 1})
