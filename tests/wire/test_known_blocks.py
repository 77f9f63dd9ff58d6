"""Blocks of field lines that are recognised by a pattern have the fields that parsing them line by line gives."""

from collections.abc import Callable, Iterator

import pytest

from fanlight.errors import ProtocolError
from fanlight.wire.http1 import known_blocks
from fanlight.wire.http1.header_fields import FieldBlock
from fanlight.wire.http1.header_fields import read_block as read_lines
from fanlight.wire.http1.known_blocks import read_block

BROWSER = (
    b"Host: example.org\r\nConnection: keep-alive\r\n"
    b'sec-ch-ua: "Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"\r\nsec-ch-ua-mobile: ?0\r\n'
    b'sec-ch-ua-platform: "Linux"\r\nUpgrade-Insecure-Requests: 1\r\n'
    b"User-Agent: Mozilla/5.0 (X11)\r\nAccept: */*\r\n"
    b"Referer: \t http://example.org/ \r\nAccept-Language: en\r\nCookie: session=%b"
)
FORM = (
    b"user-agent: curl/8\r\nhost: example.org\r\ncontent-type: text/plain\r\ncontent-length: %b\r\nexpect: 100-continue"
)
FIELDS = 16


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without patterns."""
    monkeypatch.setattr(known_blocks, "_PATTERNS", {})
    monkeypatch.setattr(known_blocks, "_SEEN", [0] * 1024)


def outcome(read: Callable[[bytes, int], FieldBlock], block: bytes, max_fields: int = FIELDS) -> object:
    """Return all that a block means, in order, or why it is refused."""
    try:
        fields = read(block, max_fields)
    except ProtocolError as error:
        return type(error), str(error)
    framing = fields.content_length, fields.is_chunked, fields.expects_continue, fields.wants_close, fields.is_plain
    return fields.pairs, list(fields.values.items()), framing, fields.wants_keep_alive, type(fields)


def learn(block: bytes) -> None:
    """Have a block come until it is known."""
    for _ in range(3):
        read_block(block, FIELDS)
    assert known_blocks._find(block) is not None


def changed(block: bytes) -> Iterator[bytes]:
    """Yield blocks that differ from one in a byte, in what is put between two bytes, or in a byte that is gone."""
    parts = (
        b"\r",
        b"\n",
        b"\0",
        b"\t",
        b" ",
        b":",
        b",",
        b"\x7f",
        b"\xff",
        b"a",
        b"\r\n",
        b"\r\n ",
        b"\r\nCookie: b=2",
    )
    for place in range(len(block) + 1):
        yield block[:place] + block[place + 1 :]
        yield block[:place]
        for part in (*parts, b"\r\nHost: b", b"\r\nX: y"):
            yield block[:place] + part + block[place:]
            yield block[:place] + part + block[place + 1 :]


@pytest.mark.parametrize(("block", "value"), [(BROWSER, b"abcdef"), (FORM, b"12")])
def test_a_recognised_block_means_what_its_lines_mean(block: bytes, value: bytes) -> None:
    """Whatever changes in a known block, it has the same fields, framing and refusal as without patterns."""
    learn(block % value)
    for each in changed(block % value):
        assert outcome(read_block, each) == outcome(read_lines, each), each


def test_a_block_with_other_values_is_recognised() -> None:
    """Only the values that vary may differ, and each is read as from its line."""
    learn(BROWSER % b"1")
    other = (BROWSER % b"caf\xe9").replace(b"Mozilla/5.0 (X11)", b"\tother ")
    assert known_blocks._find(other) == read_lines(other, FIELDS).values
    assert known_blocks._find(other.replace(b"*/*", b"text/html")) is None


def test_the_limit_of_fields_holds_for_known_blocks() -> None:
    """A block with too many fields is refused, also if another connection allows as many."""
    learn(BROWSER % b"1")
    assert outcome(read_block, BROWSER % b"1", 3) == outcome(read_lines, BROWSER % b"1", 3)


def test_no_value_that_varies_is_kept() -> None:
    """A pattern has no cookies, whatever the case of the name, and whether or not it is the first line."""
    for block in (BROWSER % b"secret", b"COOKIE: secret\r\nHost: a\r\nAuthorization: secret\r\nX-Request-Id: secret"):
        learn(block)
    assert known_blocks._PATTERNS
    assert "secret" not in repr(known_blocks._PATTERNS)


def test_patterns_are_bounded() -> None:
    """However many blocks come, and however long they are, no more than the bounds are kept."""
    for number in range(known_blocks.MAX_BEGINNINGS * 3):
        for _ in range(2):
            read_block(b"Host: h%d" % number, FIELDS)
            read_block(b"Host: a\r\nX: %b\r\nY: %d" % (b"x" * 200, number), FIELDS)
    long = b"Host: a\r\nZ: %b" % (b"z" * known_blocks.MAX_PATTERN_BYTES)
    for _ in range(3):
        read_block(long, FIELDS)
    assert known_blocks._find(long) is None
    assert 0 < len(known_blocks._PATTERNS) <= known_blocks.MAX_BEGINNINGS
    assert max(map(len, known_blocks._PATTERNS.values())) <= known_blocks.MAX_ALIKE
