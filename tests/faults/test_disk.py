"""A full disk: uploads that don't fit are a 507, every other request is served, and the log says so."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.shown_exceptions import shows_exception

Serve = Callable[..., Any]
SmallDisk = Callable[[int], tuple[list[str], dict[str, str]]]
KIBIBYTE = 1024
FORM = {"content-type": "multipart/form-data; boundary=x"}


def form_with_file(kibibytes: int) -> bytes:
    """Return a form with a file of this size."""
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head + b"a" * (kibibytes * KIBIBYTE) + b"\r\n--x--\r\n"


@pytest.mark.parametrize("size", [2048 * KIBIBYTE + 100, 3 * 1024 * KIBIBYTE], ids=["just over", "far over"])
def test_content_that_finds_no_room_is_507(serve: Serve, small_disk: SmallDisk, size: int) -> None:
    """An upload larger than the free space is a 507 and logged; the space is released, later requests are served."""
    wrapper, environment = small_disk(2048)
    site = serve(wrapper=wrapper, environment=environment)
    status, content = site.request("/take", b"a" * size)
    assert status == 507
    assert b"no room" in content
    site.wait_for_log("content can't be kept on disk")
    assert site.request() == (200, b"hello")
    for _ in range(3):
        assert site.request("/take", b"a" * (1900 * KIBIBYTE)) == (200, str(1900 * KIBIBYTE).encode())
    assert not shows_exception(site.log.read_text())
    assert site.stop() == 0


def test_a_form_that_is_parsed_when_the_disk_is_full_is_507(serve: Serve, small_disk: SmallDisk) -> None:
    """A form parsed once it is complete, with no room for a second copy of its file, is a 507."""
    wrapper, environment = small_disk(2048)
    site = serve(wrapper=wrapper, environment=environment)
    status, _ = site.request("/later", form_with_file(1500), **FORM)
    if wrapper[0] != "prlimit":  # with a limit per file both have room
        assert status == 507
        site.wait_for_log("found no room on the disk")
    assert not shows_exception(site.log.read_text())
    assert site.request() == (200, b"hello")


def test_a_file_is_written_once_and_507_where_it_has_no_room(serve: Serve, small_disk: SmallDisk) -> None:
    """A form that is parsed as it comes needs the room of its file once; without it, 507."""
    wrapper, environment = small_disk(2048)
    site = serve(wrapper=wrapper, environment=environment)
    size = str(1500 * KIBIBYTE).encode()
    assert site.request("/form", form_with_file(1500), **FORM) == (200, size)
    status, content = site.request("/form", form_with_file(3 * 1024), **FORM)
    assert status == 507
    assert b"no room" in content
    site.wait_for_log("content can't be kept on disk")
    for _ in range(3):
        assert site.request("/form", form_with_file(1500), **FORM) == (200, size)
    assert not shows_exception(site.log.read_text())
    assert site.stop() == 0


@pytest.mark.parametrize("words", [(), ("--workers", "1")], ids=["one process", "a worker"])
def test_an_access_log_without_room_stops_no_request(serve: Serve, tmp_path: Path, words: tuple[str, ...]) -> None:
    """While the access log can't be written, requests are served; it is logged once, and writing resumes later."""
    log = tmp_path / "access.log"
    log.symlink_to("/dev/full")
    site = serve("--access-file", str(log), *words)
    for _ in range(100):
        assert site.request() == (200, b"hello")
    site.wait_for_log("access log can't be written")
    log.unlink()
    site.process.send_signal(signal.SIGUSR1)
    site.wait_for_log("the access log is written again")
    assert site.request("/worker")[0] == 200
    site.wait_until(lambda: log.read_text() if "/worker" in log.read_text() else "", "line of the access log")
    assert site.log.read_text().count("access log can't be written") == 1
    assert site.stop() == 0


def test_requests_are_served_without_any_log(serve: Serve) -> None:
    """With both logs on a full disk, and stdout too, requests are served."""
    site = serve("--access-file", "/dev/full", "--log-file", "/dev/full")
    for _ in range(100):
        assert site.request() == (200, b"hello")
    assert site.request("/take", b"a" * 100) == (200, b"100")
    assert site.stop() == 0


def test_a_log_in_a_missing_folder_is_refused(run_refused: Callable[..., tuple[int, str]]) -> None:
    """A log file that can't be opened is reported before the port opens, with its path."""
    code, errors = run_refused("--port", "0", "--access-file", "nowhere/access.log")
    assert code == 1
    assert "nowhere/access.log" in errors
