"""Fuzzing the wire: structure by hypothesis, bytes by atheris; each bounded in time."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.speed import PATIENCE
from tests.wire.feeding import LIMITS

from fanlight.errors import InvalidResponse, ProtocolError
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead

pytestmark = pytest.mark.usefixtures("reader")

EXAMPLES = settings().max_examples  # of the profile
TOKEN = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30).filter(
    lambda text: text == text.strip() and all(letter >= "\xa0" or letter < "\x7f" for letter in text)
)
TARGET = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) not in "#?"], max_size=30).map(
    lambda text: "/" + text
)
FRAMING = {"host", "content-length", "transfer-encoding", "connection", "expect", "cookie"}
FIELDS = st.lists(st.tuples(TOKEN.filter(lambda name: name.lower() not in FRAMING), VALUE), max_size=8)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, str, list[tuple[str, str]], bytes]:
    """Draw a valid request: its bytes, target, fields and content."""
    target, fields, content = draw(TARGET), draw(FIELDS), draw(st.binary(max_size=60))
    lines = [("Host", "example.org"), *fields]
    if draw(st.booleans()):
        sizes, rest, body = draw(st.lists(st.integers(1, 20), max_size=8)), content, b""
        for size in sizes:
            piece, rest = rest[:size], rest[size:]
            body += b"%X\r\n%b\r\n" % (len(piece), piece) if piece else b""
        body += b"%x;last=1\r\n%b\r\n" % (len(rest), rest) if rest else b""
        lines.append(("Transfer-Encoding", "chunked"))
        body += b"0\r\n\r\n"
    else:
        lines.append(("Content-Length", str(len(content))))
        body = content
    head = f"POST {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    return head.encode("latin-1") + body, target, [(name.lower(), value) for name, value in lines], content


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut data into pieces at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


def served(pieces: list[bytes]) -> list[tuple[str, list[tuple[str, str]], bytes]]:
    """Return every request that a connection sees."""
    wire, seen, content = Http1Connection(LIMITS), [], b""
    for piece in pieces:
        wire.receive(piece)
        while (event := wire.next_event()) is not None:
            if isinstance(event, Content):
                content += event.data
                continue
            if isinstance(event, RequestHead):
                head, content = event, b""
            if isinstance(event, EndOfMessage) or head.content_length == 0:
                seen.append((head.target, head.fields, content))
                wire.send_response(200, (), b"", b"")
    return seen


@settings(max_examples=4 * EXAMPLES)
@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 10_000), max_size=12))
def test_valid_requests_are_understood_however_they_are_cut(
    drawn: list[tuple[bytes, str, list[tuple[str, str]], bytes]], places: list[int]
) -> None:
    """Several requests on one connection, in pieces of any size, come out as they went in."""
    data = b"".join(each[0] for each in drawn)
    assert served(cut(data, places)) == [(target, fields, content) for _, target, fields, content in drawn]


@settings(max_examples=6 * EXAMPLES, suppress_health_check=[HealthCheck.filter_too_much])
@given(requests(), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=3)), min_size=1, max_size=4))
def test_a_spoilt_request_is_refused_or_understood_alike(
    drawn: tuple[bytes, str, list[tuple[str, str]], bytes], spoils: list[tuple[int, bytes]]
) -> None:
    """Whatever is overwritten, only a ProtocolError is raised, and cutting does not change what is understood."""
    data = bytearray(drawn[0])
    for place, new in spoils:
        start = place % len(data)
        data[start : start + max(1, len(new))] = new
    outcomes: list[object] = []
    for pieces in ([bytes(data)], [bytes([byte]) for byte in data]):
        try:
            outcomes.append(served(pieces))
        except ProtocolError:
            outcomes.append(None)
    if None not in outcomes:
        assert outcomes[0] == outcomes[1]
    elif outcomes[1] is not None:
        raise AssertionError("refused whole, and taken byte by byte")


@settings(max_examples=3 * EXAMPLES)
@example(204, [], b"a")
@example(205, [], b"a")
@example(304, [], b"a")
@given(
    st.integers(-5, 1200),
    st.lists(st.tuples(st.text(max_size=12), st.text(max_size=20)), max_size=5),
    st.binary(max_size=50),
)
def test_the_output_is_one_response_or_nothing(status: int, fields: list[tuple[str, str]], content: bytes) -> None:
    """No status, name or value results in a response that can be parsed as two, or as another one."""
    wire = Http1Connection(LIMITS)
    wire.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    wire.next_event()
    try:
        data = wire.send_response(status, fields, content, b"server: fanlight\r\n")
    except InvalidResponse:
        return
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 [2-9][0-9]{2} [ -~]*", first)
    assert all(re.fullmatch(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: ?[\t\x20-\x7e\x80-\xff]*", line) for line in lines)
    assert b"\r" not in head.replace(b"\r\n", b"")
    lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
    sent = b"" if status in (204, 205, 304) else content  # RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5
    assert lengths == ([] if status in (204, 304) else [b"content-length: %d" % len(sent)])
    assert body == sent


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="atheris has no build for other systems")
@pytest.mark.skipif(EXAMPLES < 100, reason="random bytes take time: `make thorough` and `make fuzz` try them")
def test_random_bytes_find_nothing(tmp_path: Path) -> None:
    """Coverage-guided fuzzing, for some seconds, ends without a finding; `make fuzz` takes ten minutes."""
    program = Path(__file__).with_name("wire_atheris.py")
    command = [sys.executable, str(program), f"-max_total_time={EXAMPLES // 10}", "-timeout=5", "-rss_limit_mb=2048"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"Done [0-9]+ runs", done.stderr), done.stderr[-500:]
