"""The state folder: where it is, and which one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanlight.errors import InvalidSetting
from fanlight.settings.state_folder import make_state_folder, state_folder_of


def test_the_first_place_that_is_named_is_used() -> None:
    """The setting, then systemd's folder, then XDG_STATE_HOME, then the home folder."""
    environ = {"STATE_DIRECTORY": "/var/lib/site:/var/lib/other", "XDG_STATE_HOME": "/state"}
    assert state_folder_of("/given", environ, "/srv/site") == Path("/given")
    assert state_folder_of("", environ, "/srv/site") == Path("/var/lib/site")
    below = state_folder_of("", {"XDG_STATE_HOME": "/state"}, "/srv/site")
    assert below.parent == Path("/state/fanlight")
    relative = state_folder_of("", {"XDG_STATE_HOME": "state"}, "/srv/site")
    assert relative.parent == Path.home() / ".local" / "state" / "fanlight"
    assert relative.name == below.name == state_folder_of("", {}, "/srv/site").name


def test_each_site_has_its_own() -> None:
    """Its name begins with that of the site's folder, and differs for another path of the same name."""
    names = [state_folder_of("", {}, path).name for path in ("/srv/site", "/home/me/site", "/srv/other", "/")]
    assert len(set(names)) == 4
    assert [name.rpartition("-")[0] for name in names] == ["site", "site", "other", ""]
    assert all(len(name.rpartition("-")[2]) == 8 for name in names)
    assert len(state_folder_of("", {}, "/" + "x" * 250).name) < 100


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the setting."""

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(InvalidSetting, match="--state-folder"):
        state_folder_of("", {}, "/srv/site")


def test_it_is_made_for_this_user_alone(tmp_path: Path) -> None:
    """The folder and those above are made; one that is there is kept as it is."""
    folder = tmp_path / "a" / "b"
    assert make_state_folder(folder) == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o750)
    make_state_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o750


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    """The message has the path, the reason and the setting."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "x"):
        with pytest.raises(InvalidSetting) as caught:
            make_state_folder(path)
        assert str(path) in str(caught.value)
        assert "--state-folder" in str(caught.value)


def test_a_folder_that_everybody_can_write_to_is_refused(tmp_path: Path) -> None:
    """Another user could replace the secret in it."""
    tmp_path.chmod(0o777)
    with pytest.raises(InvalidSetting, match="can be written by every user; chmod o-w it"):
        make_state_folder(tmp_path)
    tmp_path.chmod(0o700)
