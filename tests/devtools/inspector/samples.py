# ruff: noqa: D401, E501, Q003 - a sample is a picture: its lines are as long as those that it shows
"""Exchanges made by hand: what a development server records of common requests, and of hostile ones."""

from __future__ import annotations

import gzip
import time
from typing import Any

from fanlight.devtools.inspector.exchange_record import (
    Candidate,
    ConnectionInfo,
    ErrorReport,
    Exchange,
    FieldOrigin,
    Frame,
    LogLine,
    Parameter,
    Piece,
    Refusal,
    Run,
    Span,
)

PASSWORD = "correct-horse-battery"
SCRIPT = "<script>window.ran = true</script>"
IMAGE = "<img src=x onerror='window.ran = true'>"
BIDI = "\u202egpj.exe\u2066"
BROWSER = (
    b"Host: localhost:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0\r\n"
    b"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-GB,en\r\nAccept-Encoding: gzip, br\r\n"
    b"Cookie: theme=dark; session=0d1f7c52b6a94e0f\r\nConnection: keep-alive\r\n"
)


def pieces(*parts: tuple[float, bytes]) -> list[Piece]:
    return [Piece(at, data, len(data)) for at, data in parts]


def exchange(number: int, received: list[Piece], sent: list[Piece], **facts: Any) -> Exchange:
    """Return an exchange of these bytes, with what follows from them."""
    data = b"".join(piece.data for piece in received)
    line = data.lstrip(b"\r\n").split(b"\r\n")[0].decode("latin-1").split(" ")
    head_end = data.find(b"\r\n\r\n") + 4
    response = b"".join(piece.data for piece in sent)
    status = int(response[9:12]) if response.startswith(b"HTTP/1.1 ") else 0
    made: dict[str, Any] = {
        "began_at": time.time() - 600 + number,
        "connection": ConnectionInfo(number, "127.0.0.1:50432", number % 4, age=1.5 * (number % 4)),
        "outcome": "done",
        "method": line[0],
        "target": line[1] if len(line) > 1 else "",
        "version": line[2] if len(line) > 2 else "",
        "status": status,
        "generation": 3,
        "received": received,
        "received_bytes": sum(piece.size for piece in received),
        "sent": sent,
        "sent_bytes": sum(piece.size for piece in sent),
        "head_end": head_end if head_end > 3 else 0,
        "request_content": data[head_end:] if head_end > 3 else b"",
        "response_content": response.partition(b"\r\n\r\n")[2],
        "seconds": sent[-1].at if sent else 0.0,
    }
    return Exchange(id=f"003-{number:05}", **(made | facts))


def page() -> Exchange:
    """A page with middleware, a dependency, queries and templates, compressed."""
    html = (
        b"<!doctype html>\n<title>Snow</title>\n<h1>Snow</h1>\n"
        + b"<p>It fell all night, and the house was still.</p>\n" * 40
    )
    body = gzip.compress(html)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nserver-timing: app;dur=6.1\r\n"
        b"x-request-id: 7f3a9c\r\ncontent-encoding: gzip\r\nvary: accept-encoding\r\ndate: Sun, 29 Nov 2026 20:00:00 GMT\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )
    select = "SELECT id, author, text FROM comments WHERE post = ? ORDER BY id"
    return exchange(
        1,
        pieces((0.0, b"GET /posts/snow?page=2 HTTP/1.1\r\n" + BROWSER + b"\r\n")),
        [Piece(0.0081, head + body, len(head + body), len(head + body))],
        route="GET /posts/{slug}",
        view="main.post",
        view_place="main.py:12",
        request_id="7f3a9c",
        head_at=0.00008,
        content_at=0.00008,
        response_at=0.0071,
        response_content=html,
        content_bytes=len(html),
        encoded_bytes=len(body),
        candidates=[
            Candidate("GET", "/posts/{slug}", "main.post", "main.py:40", "the path and the method match", is_chosen=True),
            Candidate("POST", "/posts/{slug}", "main.save", "main.py:41", "the path matches, the method does not"),
            Candidate("GET", "/posts/{year:int}", "main.archive", "main.py:42", "'snow' is not an int"),
        ],
        parameters=[
            Parameter("slug", "path", "str", "snow", "'snow'"),
            Parameter("page", "query", "int", "2", "2"),
            Parameter("db", "dependency", "Database", None, "<Database posts.sqlite>"),
            Parameter("theme", "cookie", "str", "dark", "'dark'"),
        ],
        run=Run("inline", "a plain view, fast so far", "MainThread", 0.00003, 0.0002, 0.0069, 0.0058),
        spans=[
            Span("middleware", "timing", 0.0002, 0.0075, (0.00035, 0.0072), "main.py:20"),
            Span("middleware", "request_id", 0.00035, 0.0072, (0.0005, 0.0071), "main.py:28"),
            Span("dependency", "database", 0.0005, 0.0071, (0.0011, 0.0069), "main.py:5"),
            Span("arguments", "arguments", 0.0011, 0.00118),
            Span("view", "post", 0.0012, 0.0041, place="main.py:12"),
            Span("query", "SELECT", 0.0013, 0.0019, place="main.py:14", detail={"sql": "SELECT * FROM posts WHERE slug = ?", "rows": "1"}),
            Span("query", "SELECT", 0.0020, 0.0026, place="main.py:16", detail={"sql": select, "rows": "3"}),
            Span("query", "SELECT", 0.0027, 0.0030, place="main.py:16", detail={"sql": select, "rows": "0"}),
            Span("query", "SELECT", 0.0031, 0.0036, place="main.py:16", detail={"sql": select, "rows": "8"}),
            Span("template", "posts/post.html", 0.0042, 0.0068, place="templates/posts/post.html", detail={"post": "Post, 4 fields", "comments": "list, 11 items", "title": "str, 4 characters"}),
            Span("template", "base.html", 0.0043, 0.0067, place="templates/base.html"),
            Span("template", "posts/_comment.html", 0.0052, 0.0061, place="templates/posts/_comment.html", detail={"comment": "Comment, 3 fields"}),
            Span("compression", "gzip", 0.0076, 0.0079),
        ],
        logs=[LogLine(0.0014, "INFO", "site", "post snow is read by anna"), LogLine(0.0037, "WARNING", "site", "comments are loaded one page at a time")],
        response_fields=[
            FieldOrigin("content-type", "text/html; charset=utf-8", "Fanlight: the media type of posts/post.html"),
            FieldOrigin("server-timing", "app;dur=6.1", "middleware timing"),
            FieldOrigin("x-request-id", "7f3a9c", "middleware request_id"),
            FieldOrigin("content-encoding", "gzip", "Fanlight: compression"),
            FieldOrigin("vary", "accept-encoding", "Fanlight: compression"),
            FieldOrigin("date", "Sun, 29 Nov 2026 20:00:00 GMT", "server"),
            FieldOrigin("content-length", str(len(body)), "wire"),
        ],
    )  # fmt: skip


def login() -> Exchange:
    """A form with a password in it, in two pieces, and a cookie that is set."""
    content = f"name=anna&password={PASSWORD}&next=/posts".encode()
    head = b"POST /login HTTP/1.1\r\n" + BROWSER + b"Content-Type: application/x-www-form-urlencoded\r\n"
    sent = b"HTTP/1.1 303 See Other\r\nlocation: /posts\r\nset-cookie: session=8b1d00c7a9e24f55; HttpOnly; Path=/\r\ncontent-length: 0\r\n\r\n"
    return exchange(
        2,
        pieces((0.0, head + b"Content-Length: %d\r\n\r\n" % len(content)), (0.0124, content)),
        pieces((0.0141, sent)),
        route="POST /login",
        view="main.login",
        view_place="main.py:30",
        head_at=0.0002,
        content_at=0.0125,
        response_at=0.0139,
        parameters=[
            Parameter("name", "form", "str", "anna", "'anna'"),
            Parameter("password", "form", "str", PASSWORD, repr(PASSWORD)),
        ],
        run=Run("thread", "slow at times: it waits for something", "fanlight-2", 0.0002, 0.0127, 0.0012, 0.0011),
        spans=[Span("view", "login", 0.0127, 0.0139, place="main.py:30")],
        response_fields=[
            FieldOrigin("location", "/posts", "view"),
            FieldOrigin("set-cookie", "session=8b1d00c7a9e24f55; HttpOnly; Path=/", "view"),
            FieldOrigin("content-length", "0", "wire"),
        ],
        logs=[LogLine(0.0130, "DEBUG", "site", f"login with password={PASSWORD}")],
    )  # fmt: skip


def chunked() -> Exchange:
    """JSON in chunks with an extension and a trailer, and a complaint about a field of it."""
    received = pieces(
        (0.0, b"POST /api/posts HTTP/1.1\r\nHost: localhost:8000\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (0.0102, b"c;part=one\r\n{\"title\": \"S\r\n"),
        (0.0208, b"17\r\nnow\", \"year\":   \"soon\"}\r\n0\r\nX-Sum: 4711\r\n\r\n"),
    )  # fmt: skip
    body = b'{"status":422,"errors":[{"name":"year","message":"not a whole number"}]}'
    sent = (
        b"HTTP/1.1 422 Unprocessable Content\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n\r\n"
        % len(body)
        + body
    )
    return exchange(
        3,
        received,
        pieces((0.0214, sent)),
        route="POST /api/posts",
        view="main.add",
        view_place="main.py:50",
        request_content=b'{"title": "Snow", "year":   "soon"}',
        head_at=0.0001,
        content_at=0.0209,
        response_at=0.0213,
        parameters=[
            Parameter("title", "JSON body", "str", "Snow", "'Snow'"),
            Parameter("year", "JSON body", "int", "soon", "", "not a whole number"),
        ],
        run=Run("inline", "a plain view, fast so far", "MainThread", 0.0001, 0.0210, 0.0003, 0.0003),
        note="422: the field `year` is not a whole number",
    )


def refused() -> Exchange:
    """A space before a colon: refused, and the next request behind it is not read."""
    data = b"GET /posts HTTP/1.1\r\nHost: localhost:8000\r\nX-Forwarded-For : 10.0.0.1\r\nAccept: */*\r\n\r\n"
    rule = "a field name is empty or contains an invalid character (a space before the colon?)"
    return exchange(
        4,
        pieces((0.0, data)),
        pieces((0.0004, b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 84\r\n\r\n" + rule.encode() + b".\n")),
        outcome="refused",
        refusal=Refusal(400, rule, "RFC 9112 section 5.1"),
        note="The space before the colon: a proxy may read another field name than this server.",
    )  # fmt: skip


def no_http() -> Exchange:
    """A TLS greeting on a plain port."""
    data = bytes.fromhex("16030100c8010000c40303") + bytes(range(64)) + b"\x00\x0alocalhost" + bytes(40)
    return exchange(
        5,
        pieces((0.0, data)),
        pieces(
            (
                0.0003,
                b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nthis is TLS, but the port is for plain http\n",
            )
        ),
        outcome="refused",
        method="",
        target="",
        version="",
        refusal=Refusal(400, "this is TLS, but the port is for plain http"),
    )


def cut_off() -> Exchange:
    """A client that has disconnected in the middle of its content."""
    return exchange(
        6,
        pieces((0.0, b"POST /upload HTTP/1.1\r\nHost: localhost:8000\r\nContent-Length: 5000000\r\n\r\n" + bytes(900)), (0.81, bytes(1400))),
        [],
        outcome="cut off",
        route="POST /upload",
        head_at=0.0001,
        seconds=1.2,
        note="The client has closed the connection; 2,300 of 5,000,000 bytes of content had come.",
    )  # fmt: skip


def timed_out() -> Exchange:
    """A head that never became complete."""
    return exchange(
        7,
        pieces((0.0, b"GET /slow HTTP/1.1\r\nHo"), (4.2, b"st: local")),
        pieces((10.0, b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")),
        outcome="timed out",
        refusal=Refusal(408, "the head was not complete within 10 s (Limits.head_seconds)", "RFC 9110 section 15.5.9"),
    )


def failed() -> Exchange:
    """A view that blocked for a while, then raised."""
    text = "main.py:61 in report\n    total = sum(row[\"price\"] for row in rows)\nKeyError: 'price'\n(5 frames of fanlight)"
    body = b"<!doctype html><title>500</title><p>KeyError: 'price'"
    return exchange(
        8,
        pieces((0.0, b"GET /report HTTP/1.1\r\n" + BROWSER + b"\r\n")),
        pieces((0.4412, b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: %d\r\n\r\n" % len(body) + body)),
        outcome="failed",
        route="GET /report",
        view="main.report",
        view_place="main.py:58",
        head_at=0.0001,
        content_at=0.0001,
        response_at=0.4410,
        run=Run("inline", "rescued: it blocked for 440 ms, so the next ones run in a thread", "MainThread", 0.0001, 0.0003, 0.4402, 0.0021, stacks=['main.py:59 in report\n    rows = fetch("https://prices.example/today")\nurllib/request.py:1351 in do_open']),
        spans=[Span("view", "report", 0.0003, 0.4405, place="main.py:58", error="KeyError: 'price'")],
        error=ErrorReport("KeyError", "'price'", text),
    )  # fmt: skip


def not_found() -> Exchange:
    """No route: each candidate with its reason."""
    body = b"<!doctype html><title>404</title>"
    return exchange(
        9,
        pieces((0.0, b"GET /post/snow HTTP/1.1\r\n" + BROWSER + b"\r\n")),
        pieces((0.0006, b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: %d\r\n\r\n" % len(body) + body)),
        head_at=0.0001,
        content_at=0.0001,
        response_at=0.0005,
        candidates=[
            Candidate("GET", "/posts/{slug}", "main.post", "main.py:40", "'post' is not 'posts'"),
            Candidate("GET", "/", "main.home", "main.py:39", "the path is longer"),
        ],
        note="404: the nearest route is /posts/{slug}",
    )  # fmt: skip


def streamed() -> Exchange:
    """A stream that is still open."""
    return exchange(
        10,
        pieces((0.0, b"GET /news HTTP/1.1\r\n" + BROWSER + b"\r\n")),
        pieces(
            (0.001, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n"),
            (0.0012, b"c\r\ndata: first\n\r\n"),
            (1.0021, b"d\r\ndata: second\n\r\n"),
        ),
        outcome="open",
        route="GET /news",
        view="main.news",
        view_place="main.py:70",
        response_content=b"data: first\ndata: second\n",
        run=Run("task", "an async view", "MainThread", 0.0001, 0.0002, 0.0004),
        spans=[Span("view", "news", 0.0002, -1.0, place="main.py:70")],
        seconds=2.4,
    )  # fmt: skip


def hostile(number: int = 11) -> Exchange:
    """Markup, control characters, bidirectional overrides and broken UTF-8 in every place that a page shows."""
    bad = f"{SCRIPT}{IMAGE}{BIDI}\x00\x1b[31m\r\n'\"&amp;${{7*7}}{{{{7*7}}}}"
    raw = bad.encode() + b"\xff\xfe\xc3"
    data = (
        b"GET<script>window.ran=true</script> /"
        + raw
        + b" HTTP/1.1"
        + raw
        + b"\r\n<script>x: "
        + raw
        + b"\r\nA: b\r\n\r\n"
        + raw
    )
    return exchange(
        number,
        pieces((0.0, data[:30]), (0.001, data[30:])),
        pieces((0.002, b"HTTP/1.1 200 " + raw + b"\r\ncontent-type: text/html\r\nx: " + raw + b"\r\n\r\n" + raw)),
        method=bad,
        target=bad,
        version=bad,
        status=200,
        outcome="done",
        route=bad,
        view=bad,
        view_place=bad,
        request_id=bad,
        request_content=raw,
        response_content=raw,
        connection=ConnectionInfo(1, bad, 0, tls=bad),
        refusal=Refusal(400, bad, bad),
        candidates=[Candidate(bad, bad, bad, bad, bad, is_chosen=True), Candidate(bad, bad, bad, bad, bad)],
        parameters=[Parameter(bad, bad, bad, bad, bad, bad)],
        run=Run(bad, bad, bad, stacks=[bad]),
        spans=[
            Span(kind, bad, 0.0, 0.001, (0.0002, 0.0008) if kind == "middleware" else None, bad, {bad: bad, "sql": bad}, bad)
            for kind in ("middleware", "dependency", "arguments", "view", "template", "query", "compression", bad)
        ],
        logs=[LogLine(0.001, bad, bad, bad)],
        frames=[Frame(0.001, True, bad, 5, bad), Frame(0.002, False, bad, 5, bad)],
        response_fields=[FieldOrigin(bad, bad, bad)],
        error=ErrorReport(bad, bad, bad),
        note=bad,
    )  # fmt: skip


def huge(number: int = 12) -> Exchange:
    """A request and a response of as many bytes as are kept, in thousands of pieces, and cut."""
    content = bytes(range(256)) * 800
    received = [
        Piece(0.001 * index, content[at : at + 128], 128) for index, at in enumerate(range(0, len(content), 128))
    ]
    head = b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
    sent = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"1\r\nx\r\n" * 30_000
    )
    return exchange(
        number,
        [Piece(0.0, head, len(head)), *received],
        [Piece(2.0, sent, len(sent) + 5_000_000, 5_000_000)],
        request_content=content,
        received_bytes=9_000_070,
        is_cut=True,
        spans=[Span("query", "SELECT", 0.001 * n, 0.001 * n + 0.0002, detail={"sql": "SELECT 1"}) for n in range(500)],
        logs=[LogLine(0.001 * n, "INFO", "site", "a line " * 100) for n in range(200)],
        frames=[Frame(0.001 * n, n % 2 == 0, "text", 10_000, "x" * 200) for n in range(500)],
    )


REALISTIC = (page, login, chunked, refused, no_http, cut_off, timed_out, failed, not_found, streamed)


def realistic() -> list[Exchange]:
    """Return one of each common kind."""
    return [make() for make in REALISTIC]
