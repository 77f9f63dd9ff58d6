"""Where the secrets of a site come from: the environment, or a file that several processes make together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanlight.cli.commands import main
from fanlight.errors import InvalidSetting
from fanlight.signing import site_secrets
from fanlight.signing.site_secrets import make_secret, read_secrets, secret_of_folder
from fanlight.signing.weak_secrets import weakness

FIRST, SECOND = "q8Zr2LmV0xTn4WcKe7YbUd5Hs1JfAoPi", "W3vN9kRtXy6GhJ2bQzLs8MdFc0EuTaBx"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FIRST, [FIRST]),
        (f"{FIRST},{SECOND}", [FIRST, SECOND]),
        (f"  {FIRST} {SECOND}\n", [FIRST, SECOND]),
        (f"{FIRST} ,\t{SECOND},", [FIRST, SECOND]),
        ("", []),
    ],
)
def test_secrets_are_read_from_the_environment(text: str, found: list[str]) -> None:
    """FANLIGHT_SECRET has one or several, separated by commas or blanks, the newest first; empty is none."""
    assert read_secrets({"FANLIGHT_SECRET": text}) == found
    assert read_secrets({}) == []


@pytest.mark.parametrize("text", [",", " , ", " "])
def test_a_separator_without_secrets_is_refused(text: str) -> None:
    """Of "$NEW,$OLD" in a script that has neither: a secret of the state folder would sign everyone out unnoticed."""
    with pytest.raises(InvalidSetting, match="has a separator, and no secret"):
        read_secrets({"FANLIGHT_SECRET": text})
    assert read_secrets({"FANLIGHT_SECRET": text}, may_be_weak=True) == []


def test_a_weak_secret_is_refused() -> None:
    """It is an InvalidSetting that says which one, why, and how to get a good one, but not the secret."""
    with pytest.raises(InvalidSetting) as caught:
        read_secrets({"FANLIGHT_SECRET": "hunter2"})
    assert str(caught.value) == "FANLIGHT_SECRET has 7 characters, and needs 32; `fanlight secret` prints a good one"
    with pytest.raises(InvalidSetting, match="secret 2 of 2 in FANLIGHT_SECRET contains 'secret'"):
        read_secrets({"FANLIGHT_SECRET": f"{FIRST} {'my-secret' * 5}x"})
    assert read_secrets({"FANLIGHT_SECRET": "hunter2"}, may_be_weak=True) == ["hunter2"]


def test_a_secret_is_made_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first call makes the file, for this user alone, and logs where; later ones read it and log nothing."""
    secret = secret_of_folder(tmp_path)
    assert not weakness(secret)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
    assert f"made a secret for signing: {tmp_path / 'secret'}" in caplog.text
    assert secret not in caplog.text
    caplog.clear()
    assert secret_of_folder(tmp_path) == secret
    assert caplog.text == ""


def test_the_umask_opens_no_secret(tmp_path: Path) -> None:
    """The file is for this user alone whatever the umask is."""
    before = os.umask(0)
    try:
        secret_of_folder(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links"])
def test_several_processes_agree(tmp_path: Path, *, has_links: bool) -> None:
    """Of processes that make the secret at the same time all get the same one, also on a file system without links."""
    program = (
        "import sys, os, pathlib\n"
        "from fanlight.signing.site_secrets import secret_of_folder\n"
        f"if not {has_links}:\n"
        "    def link(*_): raise OSError(95, 'Operation not supported')\n"
        "    os.link = link\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"print(secret_of_folder(pathlib.Path({str(tmp_path)!r})))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]  # fmt: skip
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    outcomes = [each.communicate() for each in started]
    assert len({out for out, _ in outcomes}) == 1, outcomes
    assert [len(out) for out, _ in outcomes] == [44] * 6
    assert sum("made a secret" in err for _, err in outcomes) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("content", ["", "\n", "hunter2\n", f"{FIRST} {SECOND}\n", "\xff" * 40, "a" * 100], ids=ascii)
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never replaced: that would sign everyone out. The message says what to do, and has nothing of it."""
    monkeypatch.setattr(site_secrets, "WAIT_SECONDS", 0)
    path = tmp_path / "secret"
    path.write_text(content, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(InvalidSetting) as caught:
        secret_of_folder(tmp_path)
    assert str(caught.value).startswith(f"{path} does not contain a secret; ")
    assert path.read_text(encoding="latin-1") == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A secret that other users can read or change is none."""
    secret_of_folder(tmp_path)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(InvalidSetting, match="can be read by other users"):
        secret_of_folder(tmp_path)


def test_a_folder_that_can_not_be_used_is_refused(tmp_path: Path) -> None:
    """The message names the folder, and both ways out."""
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting) as caught:
        secret_of_folder(tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)
    assert "set FANLIGHT_SECRET" in str(caught.value)
    assert "--state-folder" in str(caught.value)


def test_the_command_prints_a_good_secret() -> None:
    """`fanlight secret` prints one line, another one each time."""
    printed = [CliRunner().invoke(main, ["secret"]).output for _ in range(2)]
    assert printed[0] != printed[1]
    assert all(not weakness(make_secret()) and each.count("\n") == 1 and len(each) == 44 for each in printed)
