"""The pid file: which process it belongs to, and which files are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.workers.pid_file import PidFile


def test_it_is_there_while_we_run(tmp_path: Path) -> None:
    """The file holds our process id and nothing lies beside it; afterwards it is gone."""
    path = tmp_path / "site.pid"
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
        assert list(tmp_path.iterdir()) == [path]
    assert list(tmp_path.iterdir()) == []


def test_it_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the folder we were in when it was given."""
    monkeypatch.chdir(tmp_path)
    file = PidFile("site.pid")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with file:
        assert (tmp_path / "site.pid").exists()
    assert not (tmp_path / "site.pid").exists()


OWNER = """
import sys
from fanlight.server.workers.pid_file import PidFile
with PidFile(sys.argv[1]):
    print("here", flush=True)
    input()
"""


def test_a_living_owner_keeps_it(tmp_path: Path) -> None:
    """A file of a server that lives is refused with its number, and left alone; when it is killed, it is followed."""
    path = tmp_path / "site.pid"
    command = [sys.executable, "-c", OWNER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"here\n"
        with pytest.raises(AddressUnavailable, match=f"belongs to process {other.pid}"), PidFile(str(path)):
            pass
        assert path.read_text() == f"{other.pid}\n"
        other.kill()
        other.wait()
    assert path.read_text() == f"{other.pid}\n"
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("left", ["", "\n", "999999999\n", "99999999999999999999\n", "0\n", "our own", "our parent's"])
def test_a_stale_file_is_followed(tmp_path: Path, left: str) -> None:
    """A file of a server that is gone is replaced, also where its number is another living program's now, or ours."""
    path = tmp_path / "site.pid"
    path.write_text({"our own": str(os.getpid()), "our parent's": str(os.getppid())}.get(left, left))
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    """A path with something else in it, typed by mistake, is refused."""
    path = tmp_path / "main.py"
    path.write_text("URLS = {}\n")
    with pytest.raises(InvalidSetting, match="is not a pid file"), PidFile(str(path)):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["main.py"]
    assert path.read_text() == "URLS = {}\n"


@pytest.mark.parametrize("where", ["nowhere/site.pid", "folder"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, where: str) -> None:
    """A missing folder, or a folder in its place, is refused with the system's reason."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidSetting, match="can't be written"), PidFile(str(tmp_path / where)):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_only_our_own_is_removed(tmp_path: Path) -> None:
    """A file that another process has taken over in the meantime stays."""
    path = tmp_path / "site.pid"
    with PidFile(str(path)):
        path.write_text("1\n")
    assert path.read_text() == "1\n"


def test_no_path_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty setting writes nothing, and removes nothing."""
    monkeypatch.chdir(tmp_path)
    with PidFile("") as file:
        assert not list(tmp_path.iterdir())
    file.remove()
    assert tmp_path.exists()
