"""The worker policy, driven by hand, with fake workers that only record what they are sent."""

import itertools
import signal
from collections.abc import Callable

import pytest

from fanlight.server.workers.worker_policy import ABANDON_SECONDS, WORKER_GRACE_SECONDS, WorkerPolicy
from fanlight.server.workers.worker_state import DUMP_SECONDS, Worker, WorkerState
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
    """A policy, its clock, and the signals that its workers were sent."""

    def __init__(
        self, wanted: int = 2, limits: Limits | None = None, memory: Callable[[int], int] | None = None
    ) -> None:
        self.now = 1000.0
        self.pids = itertools.count(1)
        self.signals: list[tuple[int, int]] = []
        self.can_start = True
        self.policy = WorkerPolicy(
            self.recruit, wanted, limits or Limits(), memory=memory if memory is not None else lambda _: 0
        )

    def recruit(self, generation: int) -> Worker:
        if not self.can_start:
            raise BlockingIOError(11, "no more processes")
        company = self

        class Told(Worker):
            __slots__ = ()

            def send_signal(self, number: signal.Signals) -> None:
                company.signals.append((self.pid, number))

        return Told(
            process=FakeProcess(next(self.pids)),
            channel=FakeChannel(),  # type: ignore[arg-type]  # all that is used of one
            generation=generation,
            started_at=self.now,
            last_pong=self.now,
        )

    def reconcile(self, seconds: float = 0.0) -> None:
        """Let time pass in intervals, as the supervisor's loop does."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 1)
            self.policy.reconcile(self.now)
        self.policy.reconcile(self.now)

    def all_ready(self) -> None:
        """Make starting workers ready, until none starts any more."""
        while starting := [each for each in self.policy.workers if each.state is WorkerState.STARTING]:
            for each in starting:
                self.policy.on_ready(each, self.now)
            self.reconcile()

    def all_answer(self) -> None:
        for each in self.policy.workers:
            if each.state is WorkerState.READY:
                self.policy.on_pong(each, each.served, None, self.now)

    def go(self, worker: Worker, code: int = 0) -> None:
        self.policy.on_exit(worker, code, self.now)
        self.reconcile()

    def leaving(self) -> list[Worker]:
        return [each for each in self.policy.workers if each.state is WorkerState.STOPPING]


def heard_by(worker: Worker) -> list[str]:
    return worker.channel.heard  # type: ignore[attr-defined, no-any-return]  # a FakeChannel


@pytest.fixture
def company() -> Company:
    """Give two workers at work."""
    made = Company()
    made.reconcile()
    made.all_ready()
    return made


def test_as_many_start_as_wanted() -> None:
    """At first all workers are missing, and are started."""
    company = Company(wanted=3)
    company.reconcile()
    assert [each.state for each in company.policy.workers] == [WorkerState.STARTING] * 3
    assert not company.policy.is_complete


def test_nothing_is_to_do_when_all_are_ready(company: Company) -> None:
    """With all workers ready the policy is complete."""
    assert company.policy.is_complete
    assert len(company.policy.ready) == 2


def test_a_worker_that_dies_is_replaced_at_once(company: Company) -> None:
    """One that had worked for a while is replaced without a pause."""
    company.reconcile(20)
    company.all_answer()
    first = company.policy.workers[0]
    company.go(first, -signal.SIGKILL)
    assert len(company.policy.workers) == 2
    assert company.policy.restarts["died"] == 1


def test_workers_that_die_young_are_replaced_ever_more_slowly(company: Company) -> None:
    """Each failure soon after the start doubles the pause before the next try."""
    pauses = []
    for _ in range(4):
        worker = company.policy.workers[-1]
        company.policy.on_exit(worker, 1, company.now)
        began = company.now
        while len(company.policy.workers) < 2:
            company.now += 0.25
            company.policy.reconcile(company.now)
        pauses.append(company.now - began)
        company.policy.on_ready(company.policy.workers[-1], company.now)
        company.all_answer()
    assert pauses == [0.5, 1.0, 2.0, 4.0]


def test_a_start_that_the_system_refuses_is_tried_again(company: Company) -> None:
    """Out of processes, out of memory: the others go on, and it is tried again soon."""
    company.reconcile(20)
    company.all_answer()
    company.can_start = False
    company.go(company.policy.workers[0], -signal.SIGKILL)
    assert len(company.policy.workers) == 1
    company.can_start = True
    company.reconcile(1)
    assert len(company.policy.workers) == 2


def test_a_site_that_can_not_start_is_given_up() -> None:
    """When no worker has ever been ready and one ends, there is no point in going on."""
    company = Company()
    company.reconcile()
    company.go(company.policy.workers[0], 1)
    assert company.policy.has_failed


def test_a_first_start_that_the_system_refuses_is_given_up() -> None:
    """When not even the first can be started, it is no use to try again and again."""
    company = Company()
    company.can_start = False
    company.reconcile()
    assert company.policy.has_failed


def test_a_worker_without_heartbeats_is_dumped_and_killed(company: Company) -> None:
    """One whose hub does not respond is sent SIGABRT for a stack dump, then killed; the other one stays."""
    hung, well = company.policy.workers
    for _ in range(7):
        company.reconcile(5)
        company.policy.on_pong(well, 1, None, company.now)
    assert (hung.pid, signal.SIGABRT) in company.signals
    assert hung.state is WorkerState.ABORTING
    company.reconcile(DUMP_SECONDS + 1)
    assert (hung.pid, signal.SIGKILL) in company.signals
    assert well.state is WorkerState.READY
    company.go(hung, -signal.SIGKILL)
    assert company.policy.restarts["hung"] == 1


def test_no_worker_is_aborted_after_the_supervisor_was_suspended(company: Company) -> None:
    """After the whole machine was suspended, workers have time for another heartbeat."""
    company.now += 3600
    company.policy.reconcile(company.now)
    assert company.signals == []
    assert company.policy.is_complete


def test_a_worker_that_is_never_ready_is_aborted(company: Company) -> None:
    """Loading the site may take start_seconds and no longer."""
    company.go(company.policy.workers[0], -signal.SIGKILL)
    company.reconcile(2)
    slow = company.policy.workers[-1]
    for _ in range(14):
        company.reconcile(5)
        company.all_answer()
    assert (slow.pid, signal.SIGABRT) in company.signals


def test_each_worker_is_pinged_at_intervals(company: Company) -> None:
    """Every few seconds each worker is sent a ping."""
    company.reconcile(11)
    assert heard_by(company.policy.workers[0]).count("ping") in (2, 3)


# --- new code ------------------------------------------------------------------------------------


def test_new_workers_are_ready_before_old_ones_stop(company: Company) -> None:
    """On a reload all new workers are ready before the first old one is stopped."""
    old = list(company.policy.workers)
    company.policy.reload()
    company.reconcile()
    assert len(company.policy.workers) == 3  # one new one at a time
    company.policy.on_ready(company.policy.workers[2], company.now)
    company.reconcile()
    assert len(company.policy.workers) == 4
    assert all(each.state is WorkerState.READY for each in old)
    company.policy.on_ready(company.policy.workers[3], company.now)
    company.reconcile()
    assert company.leaving() == [old[0]]


def test_old_workers_stop_one_by_one(company: Company) -> None:
    """The second old worker is stopped when the first has exited."""
    old = list(company.policy.workers)
    company.policy.reload()
    company.reconcile()
    company.all_ready()
    assert [each for each in old if "drain" in heard_by(each)] == [old[0]]
    company.go(old[0])
    assert "drain" in heard_by(old[1])
    company.go(old[1])
    assert company.policy.is_complete
    assert {each.generation for each in company.policy.workers} == {2}


def test_code_that_does_not_start_is_rolled_back(company: Company) -> None:
    """When a new worker ends before it is ready, the old ones go on as if nothing had been."""
    old = list(company.policy.workers)
    company.policy.reload()
    company.reconcile()
    company.go(company.policy.workers[2], 1)
    assert company.policy.workers == old
    assert company.policy.is_complete
    assert not any("drain" in heard_by(each) for each in old)


def test_a_second_new_worker_that_fails_rolls_back_the_first(company: Company) -> None:
    """Half a reload is rolled back too: the new worker that is ready already is stopped."""
    old = list(company.policy.workers)
    company.policy.reload()
    company.reconcile()
    first = company.policy.workers[2]
    company.policy.on_ready(first, company.now)
    company.reconcile()
    company.go(company.policy.workers[3], 1)
    assert company.leaving() == [first]
    company.go(first)
    assert company.policy.workers == old


def test_after_a_roll_back_a_better_code_comes_in(company: Company) -> None:
    """A failed reload does not stand in the way of the next one."""
    company.policy.reload()
    company.reconcile()
    company.go(company.policy.workers[2], 1)
    company.policy.reload()
    company.reconcile()
    company.all_ready()
    assert company.leaving()


def test_a_reload_during_a_reload_is_done_afterwards(company: Company) -> None:
    """Saving twice loads the second version too."""
    company.policy.reload()
    company.reconcile()
    company.policy.reload()
    company.all_ready()
    for _ in range(2):
        company.go(company.leaving()[0])
    company.all_ready()
    for _ in range(2):
        company.go(company.leaving()[0])
    assert {each.generation for each in company.policy.workers} == {3}
    assert company.policy.is_complete


def test_a_new_worker_that_is_killed_does_not_undo_the_reload(company: Company) -> None:
    """Code that has started is not rolled back when its worker is killed: another one is started."""
    company.policy.reload()
    company.reconcile()
    new = company.policy.workers[2]
    company.policy.on_ready(new, company.now)
    company.go(new, -signal.SIGKILL)
    company.reconcile(2)
    company.all_ready()
    assert company.policy.generation == 2


# --- recycling -----------------------------------------------------------------------------------


def test_a_worker_that_has_served_enough_is_replaced() -> None:
    """After worker_requests another worker is started first, then this one is stopped."""
    company = Company(limits=Limits(worker_requests=100))
    company.reconcile()
    company.all_ready()
    worn = company.policy.workers[0]
    company.policy.on_pong(worn, 500, None, company.now)
    company.reconcile()
    assert worn.state is WorkerState.READY
    assert len(company.policy.workers) == 3
    company.all_ready()
    assert company.leaving() == [worn]
    company.go(worn)
    assert company.policy.is_complete


def test_workers_do_not_all_wear_out_at_once() -> None:
    """The number of requests differs a little from worker to worker."""
    company = Company(wanted=4, limits=Limits(worker_requests=1000))
    company.reconcile()
    company.all_ready()
    for each in company.policy.workers:
        company.policy.on_pong(each, 1015, None, company.now)
    assert 0 < len([each for each in company.policy.workers if each.is_retired]) < 4


def test_a_worker_that_holds_too_much_memory_is_replaced() -> None:
    """Over worker_bytes a worker is retired."""
    company = Company(limits=Limits(worker_bytes=1000), memory=lambda pid: 2000 if pid == 1 else 10)
    company.reconcile()
    company.all_ready()
    company.all_answer()
    assert [each.pid for each in company.policy.workers if each.is_retired] == [1]


# --- the end -------------------------------------------------------------------------------------


def test_on_close_all_workers_stop(company: Company) -> None:
    """When the supervisor shuts down, all workers are drained, and none is replaced."""
    workers = list(company.policy.workers)
    company.policy.close(company.now)
    company.reconcile()
    assert company.leaving() == workers
    for each in workers:
        company.go(each)
    assert company.policy.workers == []


def test_a_worker_that_does_not_stop_in_time_is_killed(company: Company) -> None:
    """The policy waits for drain_seconds and a grace period."""
    company.policy.close(company.now)
    company.reconcile(Limits().drain_seconds + WORKER_GRACE_SECONDS - 1)
    assert company.signals == []
    company.reconcile(2)
    assert (1, signal.SIGKILL) in company.signals
    company.go(company.policy.workers[0], -signal.SIGKILL)
    assert company.policy.has_cut_off


def test_a_worker_that_does_not_stop_is_logged_once(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    """However long the system takes to end it: one line in the log, and one signal."""
    company.policy.close(company.now)
    company.reconcile(Limits().drain_seconds + WORKER_GRACE_SECONDS + 5)
    assert [each.message for each in caplog.records if "did not stop in time" in each.message] == [
        "worker 1 did not stop in time; killed",
        "worker 2 did not stop in time; killed",
    ]
    assert company.signals == [(1, signal.SIGKILL), (2, signal.SIGKILL)]


def test_abandoned_workers_have_a_moment_to_exit(company: Company) -> None:
    """On a second signal workers exit by themselves, and are killed if they don't."""
    company.policy.close(company.now)
    company.policy.abandon(company.now)
    assert [heard_by(each)[-1] for each in company.policy.workers] == ["abandon", "abandon"]
    company.reconcile(ABANDON_SECONDS)
    assert company.signals == []
    company.reconcile(1)
    assert len(company.signals) == 2


@pytest.mark.parametrize(("code", "is_cut_off"), [(0, False), (70, True)])
def test_the_exit_code_of_a_worker_tells_whether_it_finished(company: Company, code: int, is_cut_off: bool) -> None:
    """Exit code 70 of a worker means that something was cut off."""
    company.policy.close(company.now)
    company.go(company.policy.workers[0], code)
    assert company.policy.has_cut_off is is_cut_off


def test_a_worker_that_is_stopped_by_a_signal_is_replaced_at_once(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    """It reports that itself: it is no failure, and another one starts while it still finishes active requests."""
    company.reconcile(20)
    company.all_answer()
    worker = company.policy.workers[0]
    company.policy.on_leaving(worker, company.now)
    company.reconcile()
    assert len([each for each in company.policy.workers if each.state is WorkerState.STARTING]) == 1
    company.all_ready()
    company.go(worker)
    assert company.policy.is_complete
    assert not company.policy.restarts
    assert [each.levelname for each in caplog.records if each.levelname != "INFO"] == []


@pytest.mark.parametrize("code", [-signal.SIGTERM, 128 + signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT])
def test_a_worker_that_a_signal_ends_while_it_starts_is_no_failure(code: int) -> None:
    """A service manager signals all processes at once: a worker may exit before the supervisor handles the signal."""
    company = Company()
    company.reconcile()
    company.go(company.policy.workers[0], code)
    assert not company.policy.has_failed


def test_the_pause_before_another_try_grows(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that can't be started is tried again after 0.5 s, 1 s, 2 s ... 30 s; each try is one line of the log."""
    company = Company(1)
    company.reconcile()
    company.all_ready()
    company.can_start = False
    worker = company.policy.workers[0]
    company.now += 100
    company.policy.on_exit(worker, -9, company.now)
    caplog.clear()
    company.reconcile(300)
    tries = [each.getMessage() for each in caplog.records if "can't be started" in each.getMessage()]
    assert 10 <= len(tries) <= 20
    assert "trying again in 0.5 s" in tries[0]
    assert "trying again in 30 s" in tries[-1]
    company.can_start = True
    company.reconcile(31)
    assert len(company.policy.workers) == 1


def test_new_code_whose_worker_cannot_be_started_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """The old code goes on serving, and no further attempt is made."""
    company = Company(1)
    company.reconcile()
    company.all_ready()
    company.can_start = False
    company.policy.reload()
    company.reconcile(20)
    assert [each.getMessage().partition(" (")[0] for each in caplog.records if each.levelname == "ERROR"] == [
        "the new code does not start"
    ]
    assert not company.policy.is_reloading
    assert len(company.policy.ready) == 1
