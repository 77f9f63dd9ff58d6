"""The facts that `check --deploy` reads from this machine, by real system calls."""

from __future__ import annotations

import os
import resource
import socket
import tempfile
from pathlib import Path

import pytest

from fanlight.cli.deploy_check.accounts import has_bits, may
from fanlight.cli.deploy_check.machine import Machine, Place
from fanlight.settings.options import Options


def test_this_machine_is_read() -> None:
    """Processors, descriptors, queue, umask and temp space are those of the system; the umask is not changed."""
    umask = os.umask(0o027)
    try:
        machine = Machine.read(Options(bind=()), {"KUBERNETES_SERVICE_HOST": "b"})
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(umask)
    assert machine.cpus >= 1
    assert min(machine.descriptors, 1 << 20) == min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 20)
    assert machine.backlog >= 1
    assert machine.umask == 0o027
    assert machine.user_id == os.geteuid()
    assert machine.temp_free is not None
    assert machine.temp_free > 0
    assert (machine.in_kubernetes, machine.unavailable, machine.refused, machine.places) == (True, {}, (), ())


def test_taken_addresses_are_found(tmp_path: Path) -> None:
    """Every address is tried: those to serve on, to redirect from, and that of the admin."""
    with socket.create_server(("127.0.0.1", 0)) as unavailable:
        bind = f"127.0.0.1:{unavailable.getsockname()[1]}"
        again = bind.replace("127.0.0.1", "localhost")
        machine = Machine.read(Options(bind=(bind, f"unix:{tmp_path}/s"), admin=again), {})
    assert list(machine.unavailable) == [bind, again]
    assert "is in use" in machine.unavailable[bind]
    assert list(tmp_path.iterdir()) == []


def test_development_switches_are_found() -> None:
    """Switches of the interpreter that slow it down are found by their environment variables."""
    environ = {"PYTHONDEVMODE": "1", "PYTHONASYNCIODEBUG": "1", "PYTHONTRACEMALLOC": "", "PYTHONPATH": "x"}
    assert Machine.read(Options(bind=()), environ).debug == ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG")


def test_an_unwritable_temp_folder_has_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be created, the space for temporary files is none."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    assert Machine.read(Options(bind=()), {}).temp_free is None


def test_files_to_write_are_checked(tmp_path: Path) -> None:
    """Log files and the folders of the pid file and the control socket are checked; nothing is created."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    options = Options(
        bind=(),
        access_file=f"{tmp_path}/access.log",
        log_file=f"{tmp_path}/nowhere/log",
        pid_file=f"{tmp_path}/open/pid",
        control=f"{tmp_path}/control",
    )
    assert Machine.read(options, {}).places == (
        Place(path=f"{tmp_path}/access.log", setting="access_file"),
        Place(path=f"{tmp_path}/nowhere/log", setting="log_file", is_writable=False),
        Place(path=f"{tmp_path}/open", setting="pid_file", is_world_writable=True),
        Place(path=str(tmp_path), setting="control"),
    )
    assert [each.name for each in tmp_path.iterdir()] == ["open"]


@pytest.mark.parametrize(
    ("mode", "who", "expected"),
    [
        (0o600, "owner", True),
        (0o400, "owner", False),
        (0o060, "group", True),
        (0o600, "group", False),
        (0o606, "group", False),  # the group's bits apply to the group, whatever others may do
        (0o602, "other", True),
        (0o660, "other", False),
    ],
)
def test_the_user_of_the_server_needs_write_permission(tmp_path: Path, mode: int, who: str, expected: bool) -> None:
    """For another user than the current one, permissions are read as the system would."""
    file = tmp_path / "log"
    file.touch()
    file.chmod(mode)
    found = file.stat()
    if found.st_uid == 0 and who == "owner":
        os.chown(file, 12345, found.st_gid)
        found = file.stat()
    identity = {
        "owner": (found.st_uid, frozenset[int]()),
        "group": (found.st_uid + 1, frozenset({found.st_gid})),
        "other": (found.st_uid + 1, frozenset({found.st_gid + 1})),
    }[who]
    assert has_bits(file, 0o2, identity) is expected


def test_the_folders_above_a_file_must_be_searchable(tmp_path: Path) -> None:
    """A file that all may write is not writable behind a folder they may not enter, except for root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        file = Path(folder) / "log"
        file.touch()
        file.chmod(0o666)
        somebody = (os.geteuid() + 12345, frozenset[int]())
        assert not may(file, 0o2, somebody)
        Path(folder).chmod(0o755)
        assert may(file, 0o2, somebody)
        Path(folder).chmod(0o700)
        assert may(file, 0o2, (0, frozenset()))


def test_an_unknown_user_is_refused() -> None:
    """A user that would be refused at the start is an error of the check."""
    (why,) = Machine.read(Options(bind=(), workers=1, user="no-such-user"), {}).refused
    assert "there is no user 'no-such-user'" in why
