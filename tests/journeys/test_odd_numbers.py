"""Odd numbers, wherever a client can send one: the response is never a 500."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight.app.application import Application
from fanlight.binding.markers import Cookie, Header
from fanlight.message.file_response import file_response
from fanlight.message.request import Request
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

ODD = [
    "9" * 5000,
    "0" * 5000 + "1",
    "-" + "9" * 5000,
    "%C2%B2",
    "%D9%A3",
    "1_0",
    "1e999",
    "nan",
    "inf",
    "0x10",
    "+1",
    "",
]


def number(n: int) -> str:
    return str(n % 7)


def numbers(a: float = 0, b: Decimal = Decimal(0), c: bool = False) -> dict[str, Any]:
    return {"a": str(a), "b": str(b)[:10], "c": c}


def sent(n: int, m: float = 0.0) -> str:
    return f"{n % 7} {m}"


def marks(count: Cookie[int] = 0, x_count: Header[int] = 0) -> str:
    return f"{count % 7} {x_count % 7}"


def where(request: Request) -> dict[str, Any]:
    return {"client": request.client, "url": request.url, "accepts": request.accepts("text/html", "application/json")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("site")
    file = folder / "file.txt"
    file.write_text("x" * 1000)

    urls = {
        "/path/{n:int}": number,
        "/numbers": numbers,
        "POST /sent": sent,
        "/marks": marks,
        "/where": where,
        "/file": lambda: file_response(file),
    }
    options = Options(bind=("127.0.0.1:0",), access_log=False, trusted_proxies=("127.0.0.1",))
    with LiveServer(Application(urls, folder=folder), options=options) as server:
        yield server


def status_of(server: LiveServer, data: bytes) -> int:
    """Send the data; return the status of the response."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        received = read_all(sock)
    assert received.startswith(b"HTTP/1.1 "), f"no response: {received[:100]!r}"
    return int(received[9:12])


def get(target: str, *fields: str) -> bytes:
    return "".join(f"{each}\r\n" for each in (f"GET {target} HTTP/1.1", "Host: localhost", *fields, "")).encode(
        "latin-1"
    )


def post(kind: str, content: bytes) -> bytes:
    head = f"POST /sent HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


@pytest.mark.parametrize("odd", ODD, ids=lambda text: text[:8] or "nothing")
def test_an_odd_number_in_a_request_is_never_a_500(server: LiveServer, odd: str) -> None:
    """In path, query, form, JSON, cookie, fields, ranges, weights and ports: 200, or a 4xx."""
    plain = odd.replace("%C2%B2", "\xb2").replace("%D9%A3", "3")
    part = f'--b\r\nContent-Disposition: form-data; name="n"\r\nContent-Length: {plain}\r\n\r\n1\r\n--b--\r\n'
    requests = {
        "path": get(f"/path/{odd}"),
        "query": get(f"/numbers?a={odd}&b={odd}&c={odd}"),
        "form": post("application/x-www-form-urlencoded", f"n={odd}&m={odd}".encode()),
        "JSON": post("application/json", f'{{"n": {odd}, "m": {odd}}}'.encode()),
        "JSON text": post("application/json", json.dumps({"n": odd}).encode()),
        "multipart": post("multipart/form-data; boundary=b", part.encode("latin-1")),
        "cookie": get("/marks", f"Cookie: count={odd}"),
        "field": get("/marks", f"X-Count: {plain}"),
        "range": get("/file", f"Range: bytes={plain}-{plain},0-{plain}"),
        "weight": get("/where", f"Accept: text/html;q={plain}", f"Accept-Encoding: gzip;q={plain}"),
        "dates": get("/file", f"If-Modified-Since: Sun, {plain} Nov {plain} 08:49:37 GMT"),
        "port": get("/where", f"X-Forwarded-For: 192.0.2.1:{plain}", f"X-Forwarded-Host: a:{plain}"),
        "id": get("/where", f"Last-Event-ID: {plain}", f"Max-Forwards: {plain}"),
        "length": get("/where", f"Content-Length: {plain}") + b"xxx",
        "host": get("/where").replace(b"Host: localhost", f"Host: localhost:{plain}".encode("latin-1")),
    }
    statuses = {name: status_of(server, data) for name, data in requests.items()}
    assert {name: status for name, status in statuses.items() if status >= 500} == {}


def test_a_length_may_have_thousands_of_leading_zeros(server: LiveServer) -> None:
    """A length with leading zeros is that length: its content is read."""
    data = post("application/x-www-form-urlencoded", b"n=8")
    data = data.replace(b"Content-Length: ", b"Content-Length: " + b"0" * 6000)
    assert status_of(server, data + get("/where")) == 200
