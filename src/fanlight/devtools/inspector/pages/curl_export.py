"""A request as a command for a shell, which sends it again.

In: an exchange. Out: text for `sh`: a `curl` command, or for a message that no client would send, `printf` and `nc`.
Every byte is quoted: what is not printable ASCII is written in octal for `printf`, so the text can be copied anywhere.
The command sends the same method, target, fields and content; the order of the fields is curl's.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.marking import content_of, fields_of
from fanlight.devtools.inspector.marks import marks, read_head

MAX_CONTENT_BYTES = 64 * 1024  # a command line has its limits
_PLAIN = re.compile(rb"[\x20-\x7e]*").fullmatch
_PLAIN_TEXT = re.compile(rb"[\x20-\x7e\n\t]*").fullmatch
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+").fullmatch
_TARGET = re.compile(r"/[A-Za-z0-9_@%+=:,./?&;~!$'()*-]*").fullmatch
_DOTS = re.compile(r"/\.{1,2}(?:/|$|\?)")
_LENGTHS = {b"content-length", b"transfer-encoding"}
# What curl sends by itself unless it is left out; Host it always sends, also where a request of HTTP/1.0 had none.
_OWN = (b"user-agent", b"accept")
_OWN_WITH_CONTENT = (*_OWN, b"content-type", b"expect")


def to_curl(exchange: Exchange, origin: str) -> str:
    """Return the command; `origin` is where the server is: "http://localhost:8000"."""
    data = b"".join(piece.data for piece in exchange.received)
    head = read_head(data, is_secured=bool(exchange.connection.tls))
    if head is None or exchange.refusal is not None:
        return _raw(data, origin)
    found = marks(data, exchange)
    fields, content = fields_of(found, data), content_of(found, data)[:MAX_CONTENT_BYTES]
    # A length of 0 is sent as well: for a server it is not the same as no length.
    has_content = bool(content) or not _LENGTHS.isdisjoint(name.lower() for name, _ in fields)
    words = ["curl --include", *_method(head.method, has_content=has_content), *_target(head.target, origin)]
    if exchange.version == "HTTP/1.0":
        words.append("--http1.0")
    words += _fields(fields, origin, has_content=has_content)
    if not has_content:
        return _lines(words)
    if _PLAIN_TEXT(content):
        return _lines([*words, f"--data-raw {quote(content.decode())}"])
    return f"{_printf(content)} |\n{_lines([*words, '--data-binary @-'])}"


def _lines(words: list[str]) -> str:
    """Join words, one option a line."""
    return " \\\n  ".join(words)


def _method(method: str, *, has_content: bool) -> list[str]:
    if method == "HEAD":
        # curl would wait for the content of a response to HEAD unless it knows that there is none.
        return ["--request HEAD --max-time 5"] if has_content else ["--head"]
    usual = "POST" if has_content else "GET"
    return [] if method == usual else [f"--request {quote(method)}"]


def _target(target: str, origin: str) -> list[str]:
    if _TARGET(target) and not _DOTS.search(target):
        return [quote(origin + target)]
    return [f"--request-target {quote(target)}", quote(origin)]


def _fields(fields: list[tuple[bytes, bytes]], origin: str, *, has_content: bool) -> list[str]:
    names = {name.lower() for name, _ in fields}
    words = []
    for name, value in fields:
        lower = name.lower()
        if lower == b"content-length" or (lower == b"host" and value.decode("latin-1") == urlsplit(origin).netloc):
            continue
        words.append(f"--header {_quoted(name + b': ' + value if value else name + b';')}")
    absent = [name for name in (_OWN_WITH_CONTENT if has_content else _OWN) if name not in names]
    return words + [f"--header {quote(name.decode() + ':')}" for name in absent]


def _raw(data: bytes, origin: str) -> str:
    """Return the command for bytes that are no request."""
    server = urlsplit(origin)
    port = server.port or (443 if server.scheme == "https" else 80)
    return f"{_printf(data[:MAX_CONTENT_BYTES])} |\n  nc -w 5 {server.hostname or 'localhost'} {port}"


def quote(text: str) -> str:
    """Return text as one word of a shell."""
    return text if _SAFE(text) else "'" + text.replace("'", "'\\''") + "'"


def _quoted(data: bytes) -> str:
    """Return bytes as one word: what is not printable is made by `printf`."""
    return quote(data.decode()) if _PLAIN(data) else f'"$({_printf(data)})"'


def _printf(data: bytes) -> str:
    """Return a command that prints the bytes: `printf` of POSIX, which knows octal numbers."""
    text = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\%'\"" else "%%" if byte == ord("%") else f"\\{byte:03o}"
        for byte in data
    )
    return f"printf '{text}'"
