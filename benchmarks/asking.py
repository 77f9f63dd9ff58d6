"""Ask a server one request on a plain socket, and judge the answer.

In: a port and a head. Out: nothing, or a `CannotRunError` that says what is wrong. It sends the very heads that
wrk sends: both read shapes/*.txt. Knows only answers with a content-length, which every peer gives.
"""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

from peers import Peer
from serving import CannotRunError

SHAPES = Path(__file__).parent / "shapes"
# The same values as in shapes/tally.lua.
STILL = {"major": "138", "version": "138.0.0.0", "session": "5f0c9a7be2d14c3fa6b80d7e91c42a33"}


def head(file: str, path: str, value: str = "") -> bytes:
    """Return a head of shapes/ for a path; `value` is a form, or what else its {value} stands for."""
    text = (SHAPES / file).read_text().replace("{path}", path)
    for name, filled in (STILL | {"length": str(len(value)), "value": value}).items():
        text = text.replace(f"{{{name}}}", filled)
    return text.replace("\n", "\r\n").encode()


def receive(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Return status, fields and content of the next answer on a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    top, _, content = data.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(fields["content-length"])
    while len(content) < length:
        content += _more(connection)
    return int(first.split()[1]), fields, content


def check(peer: Peer, port: int) -> None:
    """Refuse a server whose answers are not those that we mean to measure."""
    with _connected(peer, port) as connection:
        for file in ("tiny.txt", "browser.txt"):
            for number in ("42", "100007"):
                connection.sendall(head(file, f"{peer.path}/{number}"))
                try:
                    status, fields, content = receive(connection)
                except (OSError, KeyError, ValueError) as error:
                    raise CannotRunError(f"wrong answer to {file}: {error!r}") from None
                _judge(peer, number, status, fields, content)


def _connected(peer: Peer, port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    if peer.scheme == "http":
        return connection
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its certificate is of our own making
    return context.wrap_socket(connection)


def check_slow(peer: Peer, port: int) -> None:
    """Refuse a server whose blocking view does not answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head("tiny.txt", peer.slow_path))
        status, _, content = receive(connection)
    if (status, content) != (200, b"slow"):
        raise CannotRunError(f"wrong answer from {peer.slow_path}: {status} {content[:80]!r}")


def _judge(peer: Peer, number: str, status: int, fields: dict[str, str], content: bytes) -> None:
    wanted = f"<h1>user {number if peer.answers_id else '42'}</h1>"
    found = re.search(r"<h1>.*</h1>", content.decode(errors="replace"))
    if status != 200 or found is None or found[0] != wanted:
        raise CannotRunError(f"wrong answer: {status} {content[:80]!r}, wanted {wanted}")
    if not fields.get("content-type", "").startswith("text/html"):
        raise CannotRunError(f"wrong answer: content-type {fields.get('content-type')!r}")


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data
