"""The folder in which the process was started, by the path that was used."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.settings.start_directory import as_started


def test_a_folder_behind_a_link_keeps_the_path_of_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start folder and those below it are named by $PWD, whatever the current folder is by now."""
    release = tmp_path / "releases" / "7"
    (release / "site").mkdir(parents=True)
    current = tmp_path / "current"
    current.symlink_to("releases/7")
    monkeypatch.setenv("PWD", str(current))
    monkeypatch.chdir(tmp_path)
    assert as_started(release) == current
    assert as_started(release / "site") == current / "site"


@pytest.mark.parametrize("started", ["elsewhere", "missing", "", "relative/path", "loop"])
def test_another_folder_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str) -> None:
    """A folder that is not below the start folder has its own path; so it has if $PWD is no help."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.setenv("PWD", f"{tmp_path}/{started}" if started and "/" not in started else started)
    assert as_started(tmp_path / "site") == tmp_path / "site"
