"""Opening files of a folder, and nothing else."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from fanlight.pages.static import folder as folder_module
from fanlight.pages.static.folder import NotServed, StaticFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with a file, and a secret beside it."""
    root = tmp_path / "static"
    (root / "css").mkdir(parents=True)
    (root / "css" / "app.css").write_text("a {}")
    (root / ".env").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static-too").mkdir()
    (tmp_path / "static-too" / "secret.txt").write_text("secret")
    return root


def read(root: Path, *names: str) -> bytes:
    opened = StaticFolder(root).open(list(names))
    try:
        return os.read(opened.descriptor, 100)
    finally:
        os.close(opened.descriptor)


def test_a_file_is_opened(root: Path) -> None:
    """What is in the folder is read."""
    assert read(root, "css", "app.css") == b"a {}"


def test_a_link_within_the_folder_is_followed(root: Path) -> None:
    """A link to what is served anyway is served, be it to a file or to a folder."""
    (root / "now.css").symlink_to("css/app.css")
    (root / "styles").symlink_to(root / "css")
    assert read(root, "now.css") == b"a {}"
    assert read(root, "styles", "app.css") == b"a {}"


@pytest.mark.parametrize("can_walk", [True, False])
@pytest.mark.parametrize("target", ["../secret.txt", "../static-too/secret.txt", "/etc/hostname", ".env", "loop"])
def test_a_link_to_what_is_not_served_is_refused(
    root: Path, target: str, can_walk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link out of the folder, to a folder of a like name, to what is hidden, or in a circle, leads nowhere."""
    monkeypatch.setattr(folder_module, "_CAN_WALK", can_walk)
    (root / "loop").symlink_to(target)
    with pytest.raises(NotServed):
        read(root, "loop")


@pytest.mark.parametrize("can_walk", [True, False])
def test_a_linked_folder_leads_no_further_than_a_linked_file(
    root: Path, can_walk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder on the way may be a link out, too."""
    monkeypatch.setattr(folder_module, "_CAN_WALK", can_walk)
    (root / "out").symlink_to("..")
    with pytest.raises(NotServed):
        read(root, "out", "secret.txt")


def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    """The author of the site has chosen it to be served."""
    (tmp_path / "current").symlink_to("static")
    assert read(tmp_path / "current", "css", "app.css") == b"a {}"


@pytest.fixture
def swap(root: Path, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that puts a link to a secret in the place of a file or of its folder, once."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "app.css").write_text("secret")

    def swap_once(name: str) -> None:
        if not (root / "away").exists():
            (root / name).rename(root / "away")
            (root / name).symlink_to(tmp_path / "elsewhere" / ("app.css" if "/" in name else ""))

    return swap_once


@pytest.mark.parametrize("swapped", ["css", "css/app.css"])
def test_a_link_put_there_after_others_were_resolved_is_not_followed(
    root: Path, swapped: str, swap: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was resolved is opened without following links: swapping a name meanwhile gains nothing."""
    (root / "now.css").symlink_to("css/app.css")
    real = os.path.realpath

    def resolve_then_swap(path: str | Path) -> str:
        resolved = real(str(path))
        if str(path).endswith("now.css"):
            swap(swapped)
        return resolved

    monkeypatch.setattr(os.path, "realpath", resolve_then_swap)
    with pytest.raises(NotServed):
        read(root, "now.css")


@pytest.mark.parametrize("swapped", ["css", "css/app.css"])
def test_a_link_put_there_just_before_the_opening_is_not_followed(
    root: Path, swapped: str, swap: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without links there is nothing to resolve; a link that appears before the call that opens leads nowhere."""
    opening = os.open

    def swap_then_open(path: str, *args: int, dir_fd: int | None = None) -> int:
        if path.endswith(swapped.rpartition("/")[2]):
            swap(swapped)
        return opening(path, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swap_then_open)
    with pytest.raises(NotServed):
        read(root, "css", "app.css")
    assert (root / "away").exists()


def test_a_pipe_and_a_socket_and_a_folder_are_no_files(root: Path) -> None:
    """Only regular files are opened, and no one waits for the other end of a pipe."""
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for name in ("pipe", "socket"):
            with pytest.raises(NotServed) as caught:
                read(root, name)
            assert not caught.value.is_folder
    with pytest.raises(NotServed) as caught:
        read(root, "css")
    assert caught.value.is_folder


@pytest.mark.parametrize("name", ["nothing", "css/app.css/more", "a" * 300, "\ud800", "a\x00"])
def test_what_is_not_there_is_absent(root: Path, name: str) -> None:
    """Whatever the system's error for such a name."""
    with pytest.raises(NotServed):
        read(root, *name.split("/"))


def test_what_may_not_be_read_is_not_served_and_logged_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A visitor gets no hint, the log has one line with the reason."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    folder = StaticFolder(root)
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(os, "open", refuse)
        for _ in range(3):
            with pytest.raises(NotServed):
                folder.open(["css", "app.css"])
    (line,) = caplog.messages
    assert "app.css' can't be read: Permission denied" in line


def test_a_machine_without_files_is_no_missing_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files is an error of the machine, and is raised as such."""

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many"):
        StaticFolder(root).open(["css", "app.css"])


def test_no_descriptor_is_left_open(root: Path) -> None:
    """Whatever the path, all that was opened on the way is closed again."""
    (root / "out").symlink_to("..")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for names in (["css"], ["nothing"], ["css", "nothing"], ["out", "secret.txt"], ["css", "app.css", "x"]):
        with pytest.raises(NotServed):
            read(root, *names)
    read(root, "css", "app.css")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
