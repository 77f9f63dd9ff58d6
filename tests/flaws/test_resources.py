"""Resources, by class of flaw: what a client sends costs time and memory in proportion to its bytes, up to a limit."""

from __future__ import annotations

import gc
import http.client
import json
import logging
import os
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE, seconds

from fanlight.message.body_policy import FormLimits
from fanlight.message.cookies import read_cookies
from fanlight.message.form import read_urlencoded
from fanlight.message.headers import Headers
from fanlight.testing import LiveServer
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_limits import WireLimits

Get = Callable[..., tuple[int, str, bytes]]
Send = Callable[..., bytes]
Statuses = Callable[..., list[int]]
MIB = 1024 * 1024
WIDE = WireLimits(content_bytes=1 << 30, head_bytes=1 << 25, field_count=10**6)


def grows(act: Callable[[int], object], size: int) -> float:
    """Return how many times longer ten times as much takes: 10 is linear, 100 quadratic. The best of several counts.

    It is the processor time of this thread, so that other load does not matter.
    """

    def best(of: int) -> float:
        times = []
        for _ in range(5):
            gc.disable()  # it would walk over all objects that pytest holds, the more often the more is allocated
            began = time.thread_time()
            act(of)
            times.append(time.thread_time() - began)
            gc.enable()
        return min(times)

    return best(10 * size) / best(size)


def count_events(data: bytes, *, piece: int = 1 << 30) -> int:
    """Feed a wire; return the number of events."""
    wire = Http1Connection(WIDE)
    count = 0
    for at in range(0, len(data), piece):
        wire.receive(data[at : at + piece])
        while wire.next_event() is not None:
            count += 1
    return count


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
MOST_GROWTH = 25  # ten would be linear; a partly quadratic operation took 31 on a quiet machine


def test_quadratic_cookies() -> None:
    """Quotes and backslashes in a cookie are parsed in one pass."""
    assert grows(lambda size: read_cookies('a="' + "\\" * size + '"'), 5000) < MOST_GROWTH
    assert grows(lambda size: read_cookies("; ".join(f"c{number}=v" for number in range(size))), 1000) < MOST_GROWTH


def test_quadratic_repeated_fields() -> None:
    """Ten times as many lines of one name take ten times as long, to parse and to access."""
    assert (
        grows(lambda size: count_events(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * size + b"\r\n"), 2000)
        < MOST_GROWTH
    )
    pairs = [("x", "a")] * 20_000
    assert grows(lambda size: Headers(pairs[:size]).get_all("x"), 2000) < MOST_GROWTH


def test_quadratic_chunks() -> None:
    """Many tiny chunks take time in proportion to their bytes, however they are split."""
    assert grows(lambda size: count_events(HEAD + b"1\r\na\r\n" * size), 2000) < MOST_GROWTH
    assert grows(lambda size: count_events(HEAD + b"1\r\na\r\n" * size, piece=7), 500) < MOST_GROWTH


def test_quadratic_heads() -> None:
    """A head that comes byte by byte is not parsed again for each byte."""
    assert (
        grows(lambda size: count_events(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * size, piece=1), 2000) < MOST_GROWTH
    )


def test_quadratic_content() -> None:
    """Content in small pieces is joined once."""
    data = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
    assert grows(lambda size: count_events(data + b"a" * size, piece=10), 10_000) < MOST_GROWTH


def test_backtracking_on_a_control_byte() -> None:
    """A value of spaces with a control byte after them is refused in one pass."""

    def refused(size: int) -> None:
        with pytest.raises(Exception, match="control"):
            count_events(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b" \t" * size + b"\x01\r\n\r\n")

    assert grows(refused, 5000) < MOST_GROWTH


def test_too_many_fields(statuses: Statuses) -> None:
    """A head has at most a hundred fields, which bounds the cost of a table of names."""
    assert statuses(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"x%d: a\r\n" % n for n in range(200)) + b"\r\n") == [
        431
    ]


def test_too_many_query_arguments(get: Get) -> None:
    """A query has at most a thousand fields."""
    assert get("/query?" + "&" * 1001)[0] == 413


def test_too_many_form_fields(get: Get) -> None:
    """An urlencoded form has at most a thousand fields, and is refused before they are decoded."""
    kind = "Content-Type: application/x-www-form-urlencoded"
    assert get("/form", kind, method="POST", content=b"a=b&" * 100_000)[0] == 413
    assert grows(lambda size: read_urlencoded("&".join(["a=b"] * (size - 1)), FormLimits()), 99) < MOST_GROWTH


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


MULTIPART = "Content-Type: multipart/form-data; boundary=b"
FIELD = b'Content-Disposition: form-data; name="a"\r\n\r\n'
FILE = b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'


def test_unlimited_parts(get: Get) -> None:
    """A multipart form has at most a thousand fields and a hundred files, counted while it is parsed."""
    assert get("/form", MULTIPART, method="POST", content=multipart(*[FIELD + b"x"] * 2000))[0] == 413
    assert get("/form", MULTIPART, method="POST", content=multipart(*[FILE + b"x"] * 200))[0] == 413


def test_unlimited_part_heads(get: Get) -> None:
    """The head of a part has a limit of its own."""
    long = b'Content-Disposition: form-data; name="a"\r\nX: ' + b"y" * 100_000 + b"\r\n\r\nx"
    assert get("/form", MULTIPART, method="POST", content=multipart(long))[0] in (400, 413, 431)


def test_an_unlimited_field(get: Get) -> None:
    """A field that is not a file is kept in memory up to its limit, and refused above it."""
    assert get("/form", MULTIPART, method="POST", content=multipart(FIELD + b"x" * (2 * MIB)))[0] == 413


@pytest.mark.parametrize(
    "content",
    [
        b"--b",
        b"--b\r\n",
        b"--b\r\nContent-Disposition: form-data",
        b"--b\r\n\r\n\r\n",
        b"--b\r\n" + FIELD + b"x",
        b"--c\r\n" + FIELD + b"x\r\n--c--\r\n",
        b"\r\n" * 1000,
        multipart(b"Content-Disposition: form-data\r\n\r\nx"),
        b"--b\r\n" + FIELD + b"x\r\n--b\r\n",
    ],
)
def test_a_malformed_form_ends(get: Get, content: bytes) -> None:
    """A multipart form that is malformed, or truncated, is refused: no endless loop, and no 500."""
    assert get("/form", MULTIPART, method="POST", content=content)[0] in (400, 422)


def test_a_preamble_and_an_epilogue(get: Get) -> None:
    """The text before the first part and after the last is skipped at the speed of all content, or refused."""
    content = b"\r\n" * MIB + multipart(FIELD + b"x") + b"\r\n" * (MIB // 2)
    began = time.process_time()
    assert get("/form", MULTIPART, method="POST", content=content)[0] in (200, 400)
    assert time.process_time() - began < seconds(10)


def test_a_file_that_begins_with_line_ends(get: Get) -> None:
    """A file of line ends is parsed as fast as any other."""
    content = multipart(FILE + b"\r\n" * MIB)
    began = time.process_time()
    status, _, received = get("/upload", MULTIPART, method="POST", content=content)
    assert (status, json.loads(received)["size"]) == (200, 2 * MIB)
    assert time.process_time() - began < seconds(10)


@pytest.mark.parametrize(
    "value", ["multipart/form-data; " + "a;" * 5000, 'multipart/form-data; boundary="' + "\\" * 8000]
)
def test_parameters_of_a_media_type(get: Get, value: str) -> None:
    """A Content-Type of many parameters, or of backslashes, is parsed, or refused, at once."""
    began = time.process_time()
    assert get("/form", f"Content-Type: {value}", method="POST", content=b"x")[0] in (400, 415, 422)
    assert time.process_time() - began < seconds(5)


def test_a_log_storm(get: Get, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed form, or a hundred malformed cookies, are not a log record each."""
    with caplog.at_level(logging.INFO):
        get("/form", MULTIPART, method="POST", content=b"\r\n".join(b"--b\r\nbad\r\n" for _ in range(500)))
        get("/cookies", "Cookie: " + "; ".join(f"\x80{number}==;=" for number in range(100)))
    assert len([each for each in caplog.records if each.name.startswith("fanlight")]) <= 1


def test_unlimited_trailers(statuses: Statuses) -> None:
    """Trailers have a limit."""
    assert statuses(HEAD + b"0\r\n" + b"x: y\r\n" * 10_000 + b"\r\n") == [431]


def test_unlimited_pipelining(site: LiveServer) -> None:
    """From a client that sends requests and reads nothing, no more is read than for one response."""
    requests = b"GET /fields HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
    sent = 0
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        quiet = time.monotonic() + 1
        while time.monotonic() < quiet and sent < 64 * MIB:
            try:
                sent += client.send(requests)
                quiet = time.monotonic() + 1
            except BlockingIOError:
                time.sleep(0.01)
            except ConnectionError:
                break
    assert sent < 32 * MIB


def test_memory_of_unknown_routes(site: LiveServer, get: Get) -> None:
    """Paths, methods, fields and cookies that occur once take no memory afterwards."""

    def send_all(number: int) -> None:
        get(f"/no/{number}", f"X-{number}: {number}", f"Cookie: c{number}={number}", method="PUT")

    for number in range(400):
        send_all(number)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1000, 1400):
            send_all(number)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(2000, 3000):
            send_all(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 400_000
    assert site.hub.table.connections is not None


def test_hash_flooding() -> None:
    """Names that a client chooses are keys of dicts with a secret hash (PEP 456), and their number is bounded."""
    assert os.environ.get("PYTHONHASHSEED", "random") == "random"
    assert hash("a") != 0


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_decompression_bomb(get: Get, coding: str) -> None:
    """Content is never decompressed: a view gets the bytes as sent, and a compressed form is refused."""
    bomb = zlib.compress(b"a" * 10_000_000)
    status, _, content = get("/", f"Content-Encoding: {coding}", method="POST", content=bomb)
    assert status in (200, 415)
    assert len(content) < 100_000


def test_a_half_open_client(site: LiveServer, get: Get) -> None:
    """A client that has closed one direction, or has reset the connection, costs no processor time from then on."""
    clients = [socket.create_connection(("127.0.0.1", site.port), PATIENCE) for _ in range(50)]
    for each in clients:
        each.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        each.shutdown(socket.SHUT_WR)
    before = time.process_time()
    time.sleep(1)  # nothing must happen in this time
    spent = time.process_time() - before
    for each in clients:
        each.close()
    assert spent < 0.5
    assert get("/secret")[0] == 200


def test_a_socket_closed_under_the_poller(site: LiveServer, get: Get) -> None:
    """Clients that reset their connection at any moment affect no other client."""
    for number in range(100):
        client = socket.create_connection(("127.0.0.1", site.port), PATIENCE)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.sendall(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"[: 10 + number % 60])
        client.close()
    assert get("/secret")[0] == 200


def test_files_of_clients_that_leave(site: LiveServer, get: Get) -> None:
    """An upload that is cut off leaves no open file."""
    folder = Path("/proc/self/fd")
    before = len(list(folder.iterdir()))
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", site.port), PATIENCE)
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"a" * 300_000)
        client.close()
    until = time.monotonic() + 20
    while len(list(folder.iterdir())) > before + 2 and time.monotonic() < until:
        assert get("/secret")[0] == 200
    assert len(list(folder.iterdir())) <= before + 2


def test_a_big_upload_blocks_no_other_request(site: LiveServer, get: Get) -> None:
    """While one client uploads, others get responses."""
    with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
        for _ in range(30):
            client.sendall(b"a" * 100_000)
            began = time.perf_counter()
            assert get("/secret")[0] == 200
            assert time.perf_counter() - began < seconds(2)


def test_an_error_early_in_a_request(site: LiveServer) -> None:
    """A request that fails before its view is found gets its status, and the connection is kept or closed with it."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
    connection.request("GET", "/segment/%ff")
    response: Any = connection.getresponse()
    assert response.status in (400, 404)
    response.read()
    connection.close()
