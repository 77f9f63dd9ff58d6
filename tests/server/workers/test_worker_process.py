"""How a worker is started, and what the supervisor receives from it, with real processes."""

import os
import pwd
import signal
import sys
from pathlib import Path

import pytest

from fanlight.bootstrap import CHANNEL_VARIABLE
from fanlight.errors import InvalidSetting
from fanlight.server.workers.channel import Channel
from fanlight.server.workers.worker_process import (
    InheritedProcess,
    Spawner,
    identity_of,
    memory_of,
    own_command,
)
from fanlight.server.workers.worker_state import Worker


def end(worker: Worker) -> int:
    """Wait for a worker's end; return its exit code."""
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    code = worker.process.poll()
    worker.channel.close()
    assert code is not None
    return code


def test_a_worker_finds_its_channel(tmp_path: Path) -> None:
    """What a worker writes to its channel is received by the supervisor."""
    program = f"""
import os
from fanlight.server.workers.channel import Channel
channel = Channel.inherited(os.environ)
assert {CHANNEL_VARIABLE!r} not in os.environ
channel.send("loaded", routes=3)
"""
    worker = Spawner((sys.executable, "-c", program), folder=str(tmp_path)).start(1)
    assert end(worker) == 0


def test_messages_arrive_whole_and_in_order() -> None:
    """However a stream splits them, messages arrive as they were sent, followed by the end of the channel."""
    supervisor, theirs = Channel.pair()
    worker = Channel(theirs)
    for number in range(3000):
        assert worker.send("pong", served=number)
        if number % 100 == 0:
            assert [each for each, _ in supervisor.received()]
    worker.close()
    last = supervisor.received()
    while supervisor.is_open:
        last = supervisor.received() or last
    assert last[-1][0] == {"what": "pong", "served": 2999}
    supervisor.close()


def test_sockets_travel_by_the_channel() -> None:
    """A descriptor that is sent is another descriptor for the same open file."""
    supervisor, theirs = Channel.pair()
    worker = Channel(theirs)
    read, write = os.pipe()
    assert supervisor.send("serve", [write])
    ((message, descriptors),) = worker.received()
    assert message == {"what": "serve"}
    os.write(descriptors[0], b"through")
    assert os.read(read, 100) == b"through"
    for each in (read, write, *descriptors):
        os.close(each)
    supervisor.close()
    worker.close()


def test_a_channel_that_is_not_read_does_not_block_the_supervisor() -> None:
    """Sending to a worker that does not read returns at once; a message that does not fit is reported as not sent."""
    supervisor, theirs = Channel.pair()
    while supervisor.send("ping"):
        pass
    supervisor.close()
    theirs.close()


def test_ctrl_c_is_not_for_workers(tmp_path: Path) -> None:
    """A worker has a process group of its own: what a terminal sends to its foreground does not reach it."""
    worker = Spawner((sys.executable, "-c", "import time; time.sleep(60)"), folder=str(tmp_path)).start(1)
    assert os.getpgid(worker.pid) == worker.pid != os.getpgid(0)
    worker.send_signal(signal.SIGKILL)
    assert end(worker) == -signal.SIGKILL


def test_a_worker_can_run_as_another_user(tmp_path: Path) -> None:
    """Started by root for the user nobody, it has the user, group and groups of nobody, and no others."""
    if os.geteuid() != 0:
        pytest.skip("only root can become someone else")
    nobody = pwd.getpwnam("nobody")
    tmp_path.chmod(0o755)
    program = ("/bin/sh", "-c", 'test "$(id -u):$(id -g):$(id -G)" = "$WANTED"')
    groups = " ".join(str(each) for each in os.getgrouplist("nobody", nobody.pw_gid))
    os.environ["WANTED"] = f"{nobody.pw_uid}:{nobody.pw_gid}:{groups}"
    try:
        worker = Spawner(program, identity_of("nobody"), folder="/").start(1)
    finally:
        del os.environ["WANTED"]
    assert end(worker) == 0


@pytest.mark.parametrize("user", ["no-such-user", "nobody:no-such-group"])
def test_an_unknown_user_or_group_is_refused(user: str) -> None:
    """The message names a user or group that the machine does not have."""
    with pytest.raises(InvalidSetting, match="no-such"):
        identity_of(user)


def test_without_root_only_the_own_user_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user can name itself; another one takes root."""
    root = pwd.getpwuid(0).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    assert identity_of("nobody") is None
    with pytest.raises(InvalidSetting, match="only root"):
        identity_of(root)


def test_the_exit_code_of_an_inherited_process_is_collected() -> None:
    """A child whose process object is gone has its exit code all the same."""
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", "raise SystemExit(3)"])
    child = InheritedProcess(pid)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert child.poll() == 3
    assert child.poll() == 3


def test_memory_is_read_from_the_system() -> None:
    """Our own is more than a megabyte; that of a missing process is 0."""
    assert memory_of(os.getpid()) > 1024 * 1024
    if sys.platform.startswith("linux"):
        assert memory_of(2**30) == 0


def test_the_own_command_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins with the interpreter; a program that came by standard input can't be repeated."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "fanlight", "run"])
    assert own_command() == (sys.executable, "-m", "fanlight", "run")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-"])
    with pytest.raises(InvalidSetting, match="into a file"):
        own_command()
