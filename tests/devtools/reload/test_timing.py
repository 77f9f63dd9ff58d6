"""When a change is loaded, and when a load has taken too long to say nothing."""

from __future__ import annotations

from itertools import pairwise

from fanlight.devtools.reload.loading_timer import POSITION_SECONDS, WAITING_SECONDS, LoadingTimer
from fanlight.devtools.reload.reload_schedule import MOST_SECONDS, QUIET_SECONDS, ReloadSchedule


def loads(changes: list[float], until: float) -> list[float]:
    """Return when changes at some times are loaded."""
    schedule, found, now = ReloadSchedule(), [], 0.0
    while now < until:
        while changes and changes[0] <= now:
            schedule.on_change(changes.pop(0))
        if schedule.take(now):
            found.append(now)
        now = round(now + 0.01, 2)
    return found


def test_a_single_change_is_loaded_at_once() -> None:
    """No one waits for a change that comes alone."""
    assert loads([1.0, 5.0], 10) == [1.0, 5.0]


def test_ten_changes_in_a_second_are_two_loads() -> None:
    """The first is loaded at once, the others when there is quiet."""
    found = loads([1 + number / 10 for number in range(10)], 5)
    assert len(found) == 2
    assert found[0] == 1.0
    assert abs(found[1] - (1.9 + QUIET_SECONDS)) < 0.02


def test_changes_without_end_are_loaded_too() -> None:
    """A file that is saved all the time is loaded every few seconds."""
    found = loads([number / 10 for number in range(100)], 10)
    assert 3 < len(found) < 8
    assert max(later - earlier for earlier, later in pairwise(found)) <= MOST_SECONDS + 0.2


def test_nothing_is_loaded_without_a_change() -> None:
    """A schedule that nothing has happened to is never due."""
    assert loads([], 3) == []


def test_a_load_that_takes_long_is_asked_once() -> None:
    """The worker is asked for its position, and the user gets to know of it once."""
    timer = LoadingTimer()
    assert not timer.must_ask(1000.0)  # it has not begun
    timer.begin(0.0)
    assert not timer.must_ask(WAITING_SECONDS - 0.01)
    assert timer.must_ask(WAITING_SECONDS)
    assert not timer.must_ask(WAITING_SECONDS + 1)
    assert timer.report()
    assert not timer.report()
    assert not timer.must_report(1000.0)


def test_a_worker_that_can_not_say_where_it_is_is_reported_too() -> None:
    """Where a function in C holds the interpreter, no position comes."""
    timer = LoadingTimer()
    timer.begin(0.0)
    assert timer.must_ask(WAITING_SECONDS)
    assert not timer.must_report(WAITING_SECONDS + POSITION_SECONDS - 0.01)
    assert timer.must_report(WAITING_SECONDS + POSITION_SECONDS)
