"""What a parent decides about its workers: driven by hand, with workers that only remember what they are told."""

import itertools
import signal
from collections.abc import Callable

import pytest

from fanlight.server.workers.worker_policy import ABANDON_SECONDS, DUMP_SECONDS, GRACE_SECONDS, Roster
from fanlight.server.workers.worker_process import State, Worker
from fanlight.settings.limits import Limits


class FakeProcess:
    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        return None


class FakeChannel:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.is_open = True

    def send(self, what: str, /, **_: object) -> bool:
        self.heard.append(what)
        return True


class Company:
    """A roster, its clock, and the signals that its workers were sent."""

    def __init__(
        self, wanted: int = 2, limits: Limits | None = None, memory: Callable[[int], int] | None = None
    ) -> None:
        self.now = 1000.0
        self.pids = itertools.count(1)
        self.signals: list[tuple[int, int]] = []
        self.can_start = True
        self.roster = Roster(
            self.recruit, wanted, limits or Limits(), memory=memory if memory is not None else lambda _: 0
        )

    def recruit(self, generation: int) -> Worker:
        if not self.can_start:
            raise BlockingIOError(11, "no more processes")
        company = self

        class Told(Worker):
            __slots__ = ()

            def signal(self, number: signal.Signals) -> None:
                company.signals.append((self.pid, number))

        return Told(
            process=FakeProcess(next(self.pids)),
            channel=FakeChannel(),  # type: ignore[arg-type]  # all that is used of one
            generation=generation,
            began=self.now,
            heard=self.now,
        )

    def tend(self, seconds: float = 0.0) -> None:
        """Let time pass in steps, as a parent's loop does."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 1)
            self.roster.tend(self.now)
        self.roster.tend(self.now)

    def all_ready(self) -> None:
        """Have whoever starts be ready, until nobody starts any more."""
        while starting := [each for each in self.roster.staff if each.state is State.STARTING]:
            for each in starting:
                self.roster.has_started(each, self.now)
            self.tend()

    def all_answer(self) -> None:
        for each in self.roster.staff:
            if each.state is State.READY:
                self.roster.has_answered(each, each.served, None, self.now)

    def go(self, worker: Worker, code: int = 0) -> None:
        self.roster.has_gone(worker, code, self.now)
        self.tend()

    def leaving(self) -> list[Worker]:
        return [each for each in self.roster.staff if each.state is State.LEAVING]


def heard_by(worker: Worker) -> list[str]:
    return worker.channel.heard  # type: ignore[attr-defined, no-any-return]  # a FakeChannel


@pytest.fixture
def company() -> Company:
    """Give two workers at work."""
    made = Company()
    made.tend()
    made.all_ready()
    return made


def test_as_many_start_as_wanted() -> None:
    """At first everybody is missing, and starts."""
    company = Company(wanted=3)
    company.tend()
    assert [each.state for each in company.roster.staff] == [State.STARTING] * 3
    assert not company.roster.is_complete


def test_all_is_well_when_all_are_ready(company: Company) -> None:
    """With everybody at work there is nothing to do."""
    assert company.roster.is_complete
    assert len(company.roster.ready) == 2


def test_a_worker_that_dies_is_replaced_at_once(company: Company) -> None:
    """One that had worked for a while is replaced without a pause."""
    company.tend(20)
    company.all_answer()
    first = company.roster.staff[0]
    company.go(first, -signal.SIGKILL)
    assert len(company.roster.staff) == 2
    assert company.roster.restarts["died"] == 1


def test_workers_that_die_young_are_replaced_ever_more_slowly(company: Company) -> None:
    """Each failure soon after the start doubles the pause before the next try."""
    pauses = []
    for _ in range(4):
        worker = company.roster.staff[-1]
        company.roster.has_gone(worker, 1, company.now)
        began = company.now
        while len(company.roster.staff) < 2:
            company.now += 0.25
            company.roster.tend(company.now)
        pauses.append(company.now - began)
        company.roster.has_started(company.roster.staff[-1], company.now)
        company.all_answer()
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_start_that_the_system_refuses_is_tried_again(company: Company) -> None:
    """Out of processes, out of memory: the others go on, and it is tried again soon."""
    company.tend(20)
    company.all_answer()
    company.can_start = False
    company.go(company.roster.staff[0], -signal.SIGKILL)
    assert len(company.roster.staff) == 1
    company.can_start = True
    company.tend(1)
    assert len(company.roster.staff) == 2


def test_a_site_that_can_not_start_is_given_up() -> None:
    """When no worker has ever been ready and one ends, there is no point in going on."""
    company = Company()
    company.tend()
    company.go(company.roster.staff[0], 1)
    assert company.roster.has_failed


def test_a_first_start_that_the_system_refuses_is_given_up() -> None:
    """When not even the first can be started, it is no use to try again and again."""
    company = Company()
    company.can_start = False
    company.tend()
    assert company.roster.has_failed


def test_a_worker_that_does_not_answer_is_dumped_and_ended(company: Company) -> None:
    """One whose hub does not turn is told to write down where it stands, then killed; the other goes on."""
    hung, well = company.roster.staff
    for _ in range(7):
        company.tend(5)
        company.roster.has_answered(well, 1, None, company.now)
    assert (hung.pid, signal.SIGABRT) in company.signals
    assert hung.state is State.DOOMED
    company.tend(DUMP_SECONDS + 1)
    assert (hung.pid, signal.SIGKILL) in company.signals
    assert well.state is State.READY
    company.go(hung, -signal.SIGKILL)
    assert company.roster.restarts["hung"] == 1


def test_nobody_is_blamed_while_the_parent_itself_was_away(company: Company) -> None:
    """After the whole machine stood still, workers get a new chance to answer."""
    company.now += 3600
    company.roster.tend(company.now)
    assert company.signals == []
    assert company.roster.is_complete


def test_a_worker_that_is_never_ready_is_ended(company: Company) -> None:
    """Loading the site may take start_seconds and no longer."""
    company.go(company.roster.staff[0], -signal.SIGKILL)
    company.tend(2)
    slow = company.roster.staff[-1]
    for _ in range(14):
        company.tend(5)
        company.all_answer()
    assert (slow.pid, signal.SIGABRT) in company.signals


def test_each_worker_is_pinged_now_and_then(company: Company) -> None:
    """Every few seconds each is asked whether its hub turns."""
    company.tend(11)
    assert heard_by(company.roster.staff[0]).count("ping") in (2, 3)


# --- new code ------------------------------------------------------------------------------------


def test_new_code_comes_before_the_old_goes(company: Company) -> None:
    """At a reload all new workers are ready before the first old one is told to leave."""
    old = list(company.roster.staff)
    company.roster.reload()
    company.tend()
    assert len(company.roster.staff) == 3  # one new one at a time
    company.roster.has_started(company.roster.staff[2], company.now)
    company.tend()
    assert len(company.roster.staff) == 4
    assert all(each.state is State.READY for each in old)
    company.roster.has_started(company.roster.staff[3], company.now)
    company.tend()
    assert company.leaving() == [old[0]]


def test_old_workers_leave_one_by_one(company: Company) -> None:
    """The second old worker is told to leave when the first has left."""
    old = list(company.roster.staff)
    company.roster.reload()
    company.tend()
    company.all_ready()
    assert [each for each in old if "drain" in heard_by(each)] == [old[0]]
    company.go(old[0])
    assert "drain" in heard_by(old[1])
    company.go(old[1])
    assert company.roster.is_complete
    assert {each.generation for each in company.roster.staff} == {2}


def test_code_that_does_not_start_is_rolled_back(company: Company) -> None:
    """When a new worker ends before it is ready, the old ones go on as if nothing had been."""
    old = list(company.roster.staff)
    company.roster.reload()
    company.tend()
    company.go(company.roster.staff[2], 1)
    assert company.roster.staff == old
    assert company.roster.is_complete
    assert not any("drain" in heard_by(each) for each in old)


def test_a_second_new_worker_that_fails_takes_the_first_with_it(company: Company) -> None:
    """Half a reload is rolled back too: the new worker that serves already leaves again."""
    old = list(company.roster.staff)
    company.roster.reload()
    company.tend()
    first = company.roster.staff[2]
    company.roster.has_started(first, company.now)
    company.tend()
    company.go(company.roster.staff[3], 1)
    assert company.leaving() == [first]
    company.go(first)
    assert company.roster.staff == old


def test_after_a_roll_back_a_better_code_comes_in(company: Company) -> None:
    """A failed reload does not stand in the way of the next one."""
    company.roster.reload()
    company.tend()
    company.go(company.roster.staff[2], 1)
    company.roster.reload()
    company.tend()
    company.all_ready()
    assert company.leaving()


def test_a_reload_during_a_reload_is_done_afterwards(company: Company) -> None:
    """Whoever saves twice gets the second version too."""
    company.roster.reload()
    company.tend()
    company.roster.reload()
    company.all_ready()
    for _ in range(2):
        company.go(company.leaving()[0])
    company.all_ready()
    for _ in range(2):
        company.go(company.leaving()[0])
    assert {each.generation for each in company.roster.staff} == {3}
    assert company.roster.is_complete


def test_a_new_worker_that_is_killed_at_work_does_not_undo_the_reload(company: Company) -> None:
    """Code that has started is not to blame when somebody kills its worker: another one is started."""
    company.roster.reload()
    company.tend()
    new = company.roster.staff[2]
    company.roster.has_started(new, company.now)
    company.go(new, -signal.SIGKILL)
    company.tend(2)
    company.all_ready()
    assert company.roster.generation == 2


# --- recycling -----------------------------------------------------------------------------------


def test_a_worker_that_has_served_enough_is_replaced() -> None:
    """After worker_requests another one comes first, then it leaves."""
    company = Company(limits=Limits(worker_requests=100))
    company.tend()
    company.all_ready()
    worn = company.roster.staff[0]
    company.roster.has_answered(worn, 500, None, company.now)
    company.tend()
    assert worn.state is State.READY
    assert len(company.roster.staff) == 3
    company.all_ready()
    assert company.leaving() == [worn]
    company.go(worn)
    assert company.roster.is_complete


def test_workers_do_not_all_wear_out_at_once() -> None:
    """The number of requests differs a little from worker to worker."""
    company = Company(wanted=4, limits=Limits(worker_requests=1000))
    company.tend()
    company.all_ready()
    for each in company.roster.staff:
        company.roster.has_answered(each, 1015, None, company.now)
    assert 0 < len([each for each in company.roster.staff if each.is_retired]) < 4


def test_a_worker_that_holds_too_much_memory_is_replaced() -> None:
    """Over worker_bytes a worker is retired."""
    company = Company(limits=Limits(worker_bytes=1000), memory=lambda pid: 2000 if pid == 1 else 10)
    company.tend()
    company.all_ready()
    company.all_answer()
    assert [each.pid for each in company.roster.staff if each.is_retired] == [1]


# --- the end -------------------------------------------------------------------------------------


def test_at_the_end_everybody_leaves(company: Company) -> None:
    """When the parent stops, all are told to finish, and nobody is replaced."""
    staff = list(company.roster.staff)
    company.roster.close(company.now)
    company.tend()
    assert company.leaving() == staff
    for each in staff:
        company.go(each)
    assert company.roster.staff == []


def test_whoever_does_not_leave_in_time_is_ended(company: Company) -> None:
    """drain_seconds and a grace, then the parent waits no longer."""
    company.roster.close(company.now)
    company.tend(Limits().drain_seconds + GRACE_SECONDS - 1)
    assert company.signals == []
    company.tend(2)
    assert (1, signal.SIGKILL) in company.signals
    company.go(company.roster.staff[0], -signal.SIGKILL)
    assert company.roster.has_cut_off


def test_a_worker_that_does_not_leave_is_spoken_of_once(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    """However long the system takes to end it: one line in the log, and one signal."""
    company.roster.close(company.now)
    company.tend(Limits().drain_seconds + GRACE_SECONDS + 5)
    assert [each.message for each in caplog.records if "did not leave in time" in each.message] == [
        "worker 1 did not leave in time; it is ended",
        "worker 2 did not leave in time; it is ended",
    ]
    assert company.signals == [(1, signal.SIGKILL), (2, signal.SIGKILL)]


def test_those_that_are_to_end_at_once_get_a_moment(company: Company) -> None:
    """A second signal to the parent: workers end themselves, and are ended where they don't."""
    company.roster.close(company.now)
    company.roster.abandon(company.now)
    assert [heard_by(each)[-1] for each in company.roster.staff] == ["abandon", "abandon"]
    company.tend(ABANDON_SECONDS)
    assert company.signals == []
    company.tend(1)
    assert len(company.signals) == 2


@pytest.mark.parametrize(("code", "is_cut_off"), [(0, False), (70, True)])
def test_a_worker_that_gave_up_is_told_apart_from_one_that_was_done(
    company: Company, code: int, is_cut_off: bool
) -> None:
    """Exit code 70 of a worker says that something was cut off."""
    company.roster.close(company.now)
    company.go(company.roster.staff[0], code)
    assert company.roster.has_cut_off is is_cut_off


def test_a_worker_that_a_signal_tells_to_leave_is_replaced_at_once(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so itself: that is no failure, and another one comes while it still finishes what runs."""
    company.tend(20)
    company.all_answer()
    worker = company.roster.staff[0]
    company.roster.leaves(worker, company.now)
    company.tend()
    assert len([each for each in company.roster.staff if each.state is State.STARTING]) == 1
    company.all_ready()
    company.go(worker)
    assert company.roster.is_complete
    assert not company.roster.restarts
    assert [each.levelname for each in caplog.records if each.levelname != "INFO"] == []


@pytest.mark.parametrize("code", [-signal.SIGTERM, 128 + signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT])
def test_a_worker_that_a_signal_ends_while_it_starts_is_no_site_that_fails(code: int) -> None:
    """A service manager signals all processes at once: the worker may be gone before the parent has heard of it."""
    company = Company()
    company.tend()
    company.go(company.roster.staff[0], code)
    assert not company.roster.has_failed


def test_the_pause_before_another_try_grows(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that can't be started is tried again after 0.5 s, 1 s, 2 s ... 30 s; each try is one line of the log."""
    company = Company(1)
    company.tend()
    company.all_ready()
    company.can_start = False
    worker = company.roster.staff[0]
    company.now += 100
    company.roster.has_gone(worker, -9, company.now)
    caplog.clear()
    company.tend(300)
    tries = [each.getMessage() for each in caplog.records if "can't be started" in each.getMessage()]
    assert 10 <= len(tries) <= 20
    assert "another try in 0.5 s" in tries[0]
    assert "another try in 30 s" in tries[-1]
    company.can_start = True
    company.tend(31)
    assert len(company.roster.staff) == 1


def test_new_code_whose_worker_cannot_be_started_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """The old code goes on serving, and no further try is made."""
    company = Company(1)
    company.tend()
    company.all_ready()
    company.can_start = False
    company.roster.reload()
    company.tend(20)
    assert [each.getMessage().partition(" (")[0] for each in caplog.records if each.levelname == "ERROR"] == [
        "the new code does not start"
    ]
    assert not company.roster.is_reloading
    assert len(company.roster.ready) == 1
