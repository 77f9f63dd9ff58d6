"""Ranges that cost more than they should, by class of flaw."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE, seconds

from fanlight import App
from fanlight.testing import LiveServer

CONTENT = b"0123456789" * 1000


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Return the port of a server with one file."""
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    with LiveServer(App({"/": lambda: path})) as server:
        yield server.port


def get(port: int, field: bytes) -> tuple[bytes, bytes]:
    """Return head and content of the response to a Range field."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nrange: " + field + b"\r\n\r\n")
        received = read_all(sock)
    head, _, content = received.partition(b"\r\n\r\n")
    return head, content


@pytest.mark.parametrize(
    "field", [b"bytes=" + "\u0661-\u0662".encode(), b"bytes=\xb2-\xb3", b"bytes=1_0-2_0", b"bytes=+1-2"]
)
def test_digits_of_other_scripts(port: int, field: bytes) -> None:
    """Only the digits 0 to 9 are valid in a range; with others the field is ignored."""
    assert get(port, field)[1] == CONTENT


def test_overlapping_ranges(port: int) -> None:
    """Ranges that are longer together than the file are not sent: the whole file is."""
    head, content = get(port, b"bytes=" + b",".join(b"%d-" % at for at in range(30)))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert content == CONTENT


def test_a_great_many_ranges(port: int) -> None:
    """Thousands of tiny ranges take no boundary each, nor time that grows with their square."""
    began = time.monotonic()
    head, content = get(port, b"bytes=" + b",".join(b"%d-%d" % (at, at) for at in range(0, 3000, 2))[:15000])
    assert head.startswith(b"HTTP/1.1 200 ")
    assert content == CONTENT
    assert time.monotonic() - began < seconds(5)


def test_a_range_that_ends_before_it_begins(port: int) -> None:
    """An inverted range is ignored, an empty suffix is not satisfiable: neither is an error of the server."""
    assert get(port, b"bytes=9-3")[0].startswith(b"HTTP/1.1 200 ")
    assert get(port, b"bytes=-0")[0].startswith(b"HTTP/1.1 416 ")
