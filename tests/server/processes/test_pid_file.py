"""The pid file: whose it is, and what it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fanlight.errors import AddressUnavailable, InvalidSetting
from fanlight.server.processes.pid_file import PidFile, pid_file


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


def test_a_living_owner_keeps_it(tmp_path: Path) -> None:
    """A file of a process that lives is refused with its number, and left alone."""
    path = tmp_path / "site.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        path.write_text(f"{other.pid}\n")
        with pytest.raises(AddressUnavailable, match=f"belongs to process {other.pid}"), PidFile(str(path)):
            pass
        assert path.read_text() == f"{other.pid}\n"
        other.kill()


@pytest.mark.parametrize("left", ["", "\n", "999999999\n", "99999999999999999999\n", "0\n", "our own"])
def test_a_dead_owner_is_followed(tmp_path: Path, left: str) -> None:
    """A file of a process that is gone, of none, or of ourselves (after exec) is replaced."""
    path = tmp_path / "site.pid"
    path.write_text(left if left != "our own" else str(os.getpid()))
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    """A path with something else in it, typed by mistake, is refused."""
    path = tmp_path / "main.py"
    path.write_text("URLS = {}\n")
    with pytest.raises(InvalidSetting, match="is no pid file; it is left alone"), PidFile(str(path)):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["main.py"]
    assert path.read_text() == "URLS = {}\n"


@pytest.mark.parametrize("where", ["nowhere/site.pid", "folder"])
def test_a_path_that_cannot_be_written_is_told(tmp_path: Path, where: str) -> None:
    """No such folder, or a folder in its place: refused with the system's reason."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidSetting, match="can't be written"), PidFile(str(tmp_path / where)):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_only_our_own_is_removed(tmp_path: Path) -> None:
    """Who has taken the file over in the meantime keeps it."""
    path = tmp_path / "site.pid"
    with PidFile(str(path)):
        path.write_text("1\n")
    assert path.read_text() == "1\n"


def test_no_path_is_no_file() -> None:
    """An empty setting keeps nothing."""
    with pid_file("") as file:
        assert file is None
