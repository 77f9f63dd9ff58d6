"""Parse field lines (RFC 9112 section 5, RFC 9110 section 5).

In: the bytes between the request line and the empty line. Out: a `FieldBlock`: the fields, and the framing of the
message. Refuses every line that two implementations could parse differently: no colon, a space before it, folding, a
bare CR or LF, control characters.

Clients send the same lines again and again, so parsed lines are cached in `_KNOWN`, from the raw bytes to name and
value. A line is cached when it is received a second time (the first time only its hash is stored, in `_SEEN`), so that
unique lines do not evict the others. The cache is bounded in entries and bytes, and cleared when it is full: a client
that fills it costs others no more than parsing without a cache. Keys are hashed with Python's per-process secret, so a
client can't choose lines that collide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fanlight.errors import (
    BadMessage,
    ContentLimitExceeded,
    HeadTooLarge,
    UnsupportedExpectation,
    UnsupportedTransferCoding,
)

Pair = tuple[str, str]

TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VALUE_BYTES = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
# For `bytes.translate`, which returns a value as it is unless it has a control character. PERF:
# benchmarks/instructions.py: half of what `str.isprintable` takes; to delete VALUE_BYTES makes a table for each call
REPLACE_CONTROLS = bytes(byte if byte in VALUE_BYTES else ord("?") for byte in range(0x100))
# A host, with or without a port (RFC 9110 section 7.2), without the sub-delimiters and percent-encodings of RFC 3986
# section 3.2.2, which no host on the internet has. The port must be a valid number: code that parses the URL of a
# request would fail on any other.
_PORT = r"(?:[0-5]?[0-9]{0,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
is_host = re.compile(rf"(?:\[[0-9A-Fa-f:.]{{2,45}}\]|[0-9A-Za-z._~-]{{1,255}})(?::{_PORT})?").fullmatch

MAX_KNOWN_LINES = 4096
MAX_KNOWN_LINE_BYTES = 256
MAX_KNOWN_NAMES = 1024
MAX_SEEN = 8192
_SEEN = [0] * MAX_SEEN
_NAMES: dict[bytes, str] = {}

# Never cached: lines that are rarely repeated would evict the others, and secrets are not kept longer than needed.
UNIQUE = frozenset(
    "authorization content-length cookie if-match if-range if-unmodified-since last-event-id proxy-authorization"
    " range referer traceparent x-forwarded-for x-request-id".split()
)
_SINGLE = frozenset({"host", "content-length", "transfer-encoding", "content-type"})
_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_MAX_LENGTH_DIGITS = 18  # digits; more would be over any limit, and over 64 bits


class FieldBlock:
    """The fields of a head, and its framing; shared by all heads with the same bytes."""

    # PERF: benchmarks/run.py: the values of most heads are class attributes, so that setting them costs nothing.
    __slots__ = ("repeated", "values")

    content_length: int | None = 0
    is_chunked = False
    expects_continue = False
    wants_close = False
    wants_keep_alive = False
    is_plain = True  # has a Host and no content, expectation or `connection: close`

    def __init__(self, values: dict[str, str], repeated: list[Pair] | None = None) -> None:
        self.values = values
        self.repeated = repeated  # all fields, if a name is repeated

    @property
    def pairs(self) -> list[Pair]:
        """All fields in the order received."""
        return list(self.values.items()) if self.repeated is None else self.repeated


class FramedBlock(FieldBlock):
    """The fields of a head without Host, or with content, an expectation or a `connection` option."""

    __slots__ = ("content_length", "expects_continue", "is_chunked", "wants_close", "wants_keep_alive")

    is_plain = False

    def __init__(self, values: dict[str, str], repeated: list[Pair] | None = None) -> None:
        """Determine the framing (RFC 9112 section 6.3). Raises ProtocolError."""
        super().__init__(values, repeated)
        coding, length = values.get("transfer-encoding"), values.get("content-length")
        if coding is not None and length is not None:
            # RFC 9112 section 6.1 allows to drop Content-Length, or to refuse. A proxy in front may have used it, so
            # the message is refused. SECURITY: tests/wire/test_vectors.py, both lengths.
            raise BadMessage("Content-Length and Transfer-Encoding together are ambiguous; send only one of them")
        self.is_chunked = coding is not None and _is_chunked(coding)
        self.content_length = None if self.is_chunked else read_length(length)
        self.expects_continue = _expects_continue(values.get("expect"))
        options = {option.strip(" \t").lower() for option in values.get("connection", "").split(",")}
        self.wants_close = "close" in options
        self.wants_keep_alive = "keep-alive" in options


def read_block(block: bytes, max_fields: int) -> FieldBlock:
    """Return the fields of a head. Raises ProtocolError."""
    if not block:
        return FramedBlock({})
    lines = block.split(b"\r\n")
    if len(lines) > max_fields:
        raise HeadTooLarge(f"the request has over {max_fields} fields")
    pairs = list(map(_pair_of, lines))
    values = dict(pairs)
    return block_of(values) if len(values) == len(pairs) else block_of(join_repeated(pairs), pairs)


def block_of(values: dict[str, str], repeated: list[Pair] | None = None) -> FieldBlock:
    """Return the block of valid lines; `repeated`: all fields, if a name is repeated. Raises ProtocolError."""
    if (
        "host" not in values
        or "content-length" in values
        or "transfer-encoding" in values
        or "expect" in values
        or values.get("connection", "keep-alive") != "keep-alive"
    ):
        return FramedBlock(values, repeated)
    if "connection" in values:
        return _KeepAliveBlock(values, repeated)
    return FieldBlock(values, repeated)


class _KeepAliveBlock(FieldBlock):
    """The fields of a plain head with `connection: keep-alive`, as browsers send it."""

    __slots__ = ()
    wants_keep_alive = True


def read_line(line: bytes) -> Pair:
    """Return a field line's name, in lower case, and value. Raises BadMessage."""
    raw_name, colon, raw_value = line.partition(b":")
    name = _NAMES.get(raw_name)
    if name is None or not colon:
        name = _read_name(raw_name, line)
    raw_value = raw_value.strip(b" \t")
    if raw_value.translate(REPLACE_CONTROLS) != raw_value:
        raise BadMessage(f"the value of {name} contains a control character (or a line ends without CR LF)")
    value = raw_value.decode("latin-1")
    if name == "host" and not is_host(value):
        raise BadMessage("Host is not a name or an address, with or without a port")
    return name, value


class _KnownLines(dict[bytes, Pair]):
    """The pairs of known lines; a line that is looked up and not known is parsed. Raises BadMessage."""

    def __missing__(self, line: bytes) -> Pair:
        pair = read_line(line)
        if pair[0] not in UNIQUE and len(line) < MAX_KNOWN_LINE_BYTES:
            key = hash(line)
            place = key % MAX_SEEN
            if _SEEN[place] != key:
                _SEEN[place] = key
            else:
                if len(self) >= MAX_KNOWN_LINES:
                    self.clear()
                self[line] = pair
        return pair


_KNOWN = _KnownLines()
_pair_of = _KNOWN.__getitem__


def _read_name(raw_name: bytes, line: bytes) -> str:
    if line[:1] in (b" ", b"\t"):
        raise BadMessage("a field line starts with a space; line folding is obsolete and refused")
    if b":" not in line:
        raise BadMessage("a field line has no colon")
    if not raw_name or raw_name.translate(None, TOKEN_BYTES):
        raise BadMessage("a field name is empty or contains an invalid character (a space before the colon?)")
    name = raw_name.decode("ascii").lower()
    if len(_NAMES) < MAX_KNOWN_NAMES and len(raw_name) <= 64:
        _NAMES[raw_name] = name
    return name


def join_repeated(pairs: list[Pair]) -> dict[str, str]:
    """Join the values of repeated fields; refuse those that must not be repeated."""
    repeated: dict[str, list[str]] = {}
    for name, value in pairs:
        repeated.setdefault(name, []).append(value)
    for name, values in repeated.items():
        if len(values) > 1 and name in _SINGLE:
            raise BadMessage(f"{name} must not be sent more than once")
    return {name: ("; " if name == "cookie" else ", ").join(values) for name, values in repeated.items()}


def may_hide_content(method: str, values: Mapping[str, str]) -> bool:
    """Return whether content may follow a head that does not announce it.

    A request without a length has no content (RFC 9112 section 6.3), but some clients send it all the same.
    """
    return method in _WITH_CONTENT and values.keys().isdisjoint(_LENGTHS)


def _is_chunked(coding: str) -> bool:
    """Return True for `chunked`; every other coding is refused (RFC 9112 section 6.1)."""
    if coding.lower() == "chunked":
        return True
    codings = [each.strip(" \t").lower() for each in coding.split(",")]
    if codings[-1] != "chunked" or codings.count("chunked") > 1:
        # RFC 9112 section 6.3: without a final `chunked`, the end of the content can't be determined.
        raise BadMessage("Transfer-Encoding does not end with a single `chunked`")
    raise UnsupportedTransferCoding("the only supported transfer coding is `chunked`")


def read_length(length: str | None) -> int:
    """Return the value of Content-Length, 0 without one. Raises BadMessage, ContentLimitExceeded."""
    if length is None:
        return 0
    # SECURITY: tests/wire/test_vectors.py; isdigit() alone accepts digits of other scripts, int() also signs, spaces
    # and underscores.
    if not length.isascii() or not length.isdigit():
        raise BadMessage("Content-Length is not a number")
    digits = length.lstrip("0")  # RFC 9110 section 8.6 allows leading zeros, and int() fails at 4,301 digits
    if len(digits) > _MAX_LENGTH_DIGITS:
        raise ContentLimitExceeded("Content-Length exceeds every limit")
    return int(digits or "0")


def _expects_continue(expectation: str | None) -> bool:
    if expectation is None:
        return False
    members = {each.strip(" \t").lower() for each in expectation.split(",")} - {""}
    if members - {"100-continue"}:
        raise UnsupportedExpectation("the only supported expectation is 100-continue")
    return bool(members)
