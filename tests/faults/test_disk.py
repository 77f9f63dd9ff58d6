"""A disk that is full: whoever sends too much is told so, everybody else is served on, and the log says it."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Serve = Callable[..., Any]
SmallDisk = Callable[[int], tuple[list[str], dict[str, str]]]
KIBIBYTE = 1024
FORM = {"content-type": "multipart/form-data; boundary=x"}


def posted(kibibytes: int) -> bytes:
    """Return a form with a file of this size."""
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head + b"a" * (kibibytes * KIBIBYTE) + b"\r\n--x--\r\n"


@pytest.mark.parametrize("size", [2048 * KIBIBYTE + 100, 3 * 1024 * KIBIBYTE], ids=["just over", "far over"])
def test_content_that_finds_no_room_is_507(serve: Serve, small_disk: SmallDisk, size: int) -> None:
    """An upload over what the disk holds is answered 507 and logged; the room is given back, and all goes on."""
    wrapper, environment = small_disk(2048)
    site = serve(wrapper=wrapper, environment=environment)
    status, content = site.ask("/take", b"a" * size)
    assert status == 507
    assert b"no room" in content
    site.wait_for("content can't be kept on disk")
    assert site.ask() == (200, b"hello")
    for _ in range(3):
        assert site.ask("/take", b"a" * (1900 * KIBIBYTE)) == (200, str(1900 * KIBIBYTE).encode())
    assert "Traceback" not in site.log.read_text()
    assert site.end() == 0


def test_content_that_is_over_when_the_disk_fills_is_507_too(serve: Serve, small_disk: SmallDisk) -> None:
    """A form that is read when it is whole, and whose file finds no second place, is 507: it is nobody's mistake."""
    wrapper, environment = small_disk(2048)
    site = serve(wrapper=wrapper, environment=environment)
    status, _ = site.ask("/later", posted(1500), **FORM)
    if wrapper[0] != "prlimit":  # a limit for each file: both have room
        assert status == 507
        site.wait_for("found no room on the disk")
    assert "Traceback" not in site.log.read_text()
    assert site.ask() == (200, b"hello")


def test_a_file_is_written_once_and_507_where_it_has_no_room(serve: Serve, small_disk: SmallDisk) -> None:
    """A form that is read while it comes needs the room of its file once; without it, 507."""
    wrapper, environment = small_disk(2048)
    site = serve(wrapper=wrapper, environment=environment)
    size = str(1500 * KIBIBYTE).encode()
    assert site.ask("/form", posted(1500), **FORM) == (200, size)
    status, content = site.ask("/form", posted(3 * 1024), **FORM)
    assert status == 507
    assert b"no room" in content
    site.wait_for("content can't be kept on disk")
    for _ in range(3):
        assert site.ask("/form", posted(1500), **FORM) == (200, size)
    assert "Traceback" not in site.log.read_text()
    assert site.end() == 0


@pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["one process", "a worker"])
def test_an_access_log_without_room_stops_nobody(serve: Serve, tmp_path: Path, words: tuple[str, ...]) -> None:
    """While the access log can't be written all are served; it is said once, and the log goes on when it can."""
    log = tmp_path / "access.log"
    log.symlink_to("/dev/full")
    site = serve("--access-file", str(log), *words)
    for _ in range(100):
        assert site.ask() == (200, b"hello")
    site.wait_for("access log can't be written")
    log.unlink()
    site.process.send_signal(signal.SIGUSR1)
    site.wait_for("the access log is written again")
    assert site.ask("/worker")[0] == 200
    site.wait_until(lambda: log.read_text() if "/worker" in log.read_text() else "", "line of the access log")
    assert site.log.read_text().count("access log can't be written") == 1
    assert site.end() == 0


def test_no_log_at_all_can_be_written(serve: Serve) -> None:
    """With both logs on a full disk, and stdout too, everybody is served."""
    site = serve("--access-file", "/dev/full", "--log-file", "/dev/full")
    for _ in range(100):
        assert site.ask() == (200, b"hello")
    assert site.ask("/take", b"a" * 100) == (200, b"100")
    assert site.end() == 0


def test_a_log_in_a_folder_that_is_not_there_is_refused(refused: Callable[..., tuple[int, str]]) -> None:
    """A log file that can't be opened is told before the port opens, with its path."""
    code, said = refused("--port", "0", "--access-file", "nowhere/access.log")
    assert code == 1
    assert "nowhere/access.log" in said
