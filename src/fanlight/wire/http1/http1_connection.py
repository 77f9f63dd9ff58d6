"""One client's HTTP/1 connection, seen from the server: bytes in, events out; answers in, bytes out.

In: what was received, in pieces of any size. Out: `RequestHead`, then, where there is content,
`Content` and `EndOfMessage`; and the bytes of our answers. Refuses, by raising a `ProtocolError`, every
message on which two readers could disagree, because that is how requests are smuggled. Never gives
a next head before the answer to this one is complete. Knows nothing of sockets and time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fanlight.errors import BadMessage, ContentLimitExceeded, InvalidResponse, ProtocolError
from fanlight.reason_phrases import reason_phrase
from fanlight.wire.http1.chunked import HINT, ChunkedReader, content_over
from fanlight.wire.http1.header_fields import FieldBlock, Pair, may_hide_content, read_block
from fanlight.wire.http1.request_line import read_request_line, read_secured_request_line
from fanlight.wire.http1.response_writer import known_heads, write_head, write_hints, write_line
from fanlight.wire.http1.states import NEXT, Transition, invalid_transition
from fanlight.wire.http1.wire_events import Content, EndOfMessage, RequestHead
from fanlight.wire.http1.wire_limits import MAX_BEGUN_BYTES, WireLimits, check_half_a_head, check_size

Event = RequestHead | Content | EndOfMessage

_IDLE, _RECEIVING, _EARLY_RESPONSE, _AWAITING_RESPONSE, _SENDING, _CLOSED = range(6)
_HEAD, _HEAD_WITH_CONTENT, _CONTENT_ENDED, _RESPONSE_BEGAN, _RESPONSE_ENDED, _RESPONSE_SENT, _CLOSE = map(
    int, Transition
)
_NO_BLOCK = read_block(b"", 0)
_FIRST_VISIBLE = 0x21
_EMPTY_LINES = 8  # bytes of CR LF before a request that are passed over (RFC 9112 section 2.2)
_BARE = {204: b"", 205: b"content-length: 0\r\n", 304: b""}  # no content, and what is said of its length


class Http1Connection:
    """The wire of one connection."""

    __slots__ = (
        "_block",
        "_buffer",
        "_chunked",
        "_head",
        "_is_last",
        "_last_block",
        "_left",
        "_limits",
        "_most",
        "_position",
        "_read_line",
        "_searched",
        "_send_left",
        "_sends_chunked",
        "_skipped",
        "_small_bytes",
        "state",
    )

    def __init__(self, limits: WireLimits) -> None:
        """Begin before the first request."""
        self._limits = limits
        self._read_line: Callable[[bytes, FieldBlock], RequestHead] = read_request_line
        self._small_bytes = min(limits.request_line_bytes, limits.head_bytes)  # a head of no more is within both
        self._buffer: bytes | bytearray = b""
        self._position = 0  # where in the buffer the next unread byte is
        self._searched = 0  # how far there is no end of a head: byte by byte, a head is searched once
        self._skipped = 0  # bytes of empty lines before the first request; later ones get no more
        self.state = _IDLE
        self._is_last = False  # no request after this one
        self._head: RequestHead | None = None
        self._last_block, self._block = b"", _NO_BLOCK
        self._left = 0  # bytes of content that are still to come
        self._most = 0  # how many there may be
        self._chunked: ChunkedReader | None = None
        self._send_left: int | None = 0  # bytes of our answer that were promised; None: until we end it
        self._sends_chunked = False

    # --- receiving --------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take what has come; the bound of what is kept is the caller's piece plus the limits of a head."""
        if self._position >= len(self._buffer):
            self._buffer, self._position = data, 0
            return
        if self._buffer.__class__ is bytes:
            self._buffer = bytearray(self._buffer)
        if self._position:
            del self._buffer[: self._position]  # type: ignore[union-attr]  # a bytearray, by the line above
            self._searched = max(0, self._searched - self._position)
            self._position = 0
        self._buffer += data

    def next_event(self) -> Event | None:
        """Return the next event; None if more must come, or if it is our turn. Raises ProtocolError."""
        state = self.state
        if state == _IDLE:
            return self._read_head()
        if state in (_RECEIVING, _EARLY_RESPONSE):
            return self._read_content()
        return None

    def _read_head(self) -> RequestHead | None:
        buffer, start = self._buffer, self._position
        if start >= len(buffer):
            return None
        if buffer[start] < _FIRST_VISIBLE:
            return self._skip_empty_line()
        searched = self._searched
        end = buffer.find(b"\r\n\r\n", searched if searched > start else start)  # noqa: FURB136 - max() is a call
        if end < 0:
            check_half_a_head(buffer, start, max(start, searched), self._limits)
            self._searched = len(buffer) - 3
            return None
        self._searched = 0
        if buffer.__class__ is not bytes:
            buffer = self._buffer = bytes(buffer)
        # PERF: benchmarks/stages.py: a client's next head mostly has the same fields, to the letter
        line, _, block = buffer[start:end].partition(b"\r\n")
        try:
            if end - start > self._small_bytes:
                check_size(len(line), len(block), self._limits)
            if block != self._last_block:
                self._block = read_block(block, self._limits.field_count)
                self._last_block = block
            fields = self._block
            read_line = self._read_line
            self._head = head = read_line(line, fields)
        except ProtocolError:
            check_half_a_head(buffer[: end + 3], start, start, self._limits)  # what comes byte by byte meets that first
            raise
        if fields.is_plain and head.minor:
            self._is_last = False
            self.state = _AWAITING_RESPONSE  # NEXT[IDLE][HEAD]
        else:
            self._begin(head)
        if end + 4 == len(buffer):
            self._buffer, self._position = b"", 0
        else:
            self._position = end + 4
        return head

    def _begin(self, head: RequestHead) -> None:
        """Take the step that a head with something special about it means, or refuse it."""
        fields = head.block
        if head.minor == 1:
            if "host" not in fields.values:
                raise BadMessage("Host is missing (RFC 9112 section 3.2)")
            self._is_last = fields.wants_close
        else:
            # SECURITY: tests/wire/test_vectors.py: readers of 1.0 would frame it differently (RFC 9112 section 6.1)
            if fields.is_chunked:
                raise BadMessage("HTTP/1.0 has no Transfer-Encoding")
            self._is_last = fields.wants_close or not fields.wants_keep_alive
        if fields.content_length == 0:
            self.state = NEXT[_IDLE][_HEAD]
        else:
            self._begin_content(fields)

    def _skip_empty_line(self) -> RequestHead | None:
        buffer, start = self._buffer, self._position
        first = buffer[start : start + 2]
        if first == b"\r\n":
            self._position += 2
            self._skipped += 2
            if self._skipped <= _EMPTY_LINES:
                return self._read_head()
        elif first == b"\r":
            return None
        elif first[:1] == b"\x16":
            raise BadMessage("this is TLS; this port speaks plain http")
        raise BadMessage("the request does not begin with a method")

    def _begin_content(self, fields: FieldBlock) -> None:
        length = fields.content_length
        if length is None:
            self._chunked = ChunkedReader(self._limits)
        else:
            self._chunked, self._left, self._most = None, length, self._limits.content_bytes
        self.state = NEXT[_IDLE][_HEAD_WITH_CONTENT]

    def limit_content(self, most: int, hint: str) -> None:
        """Take so much content of the message whose head is out, in place of what the limits say.

        Raises ContentLimitExceeded if more is announced; `hint` is told to whoever sends more.
        """
        self._most = most
        if self._chunked is not None:
            self._chunked.most, self._chunked.hint = most, hint
        elif self._left > most:
            raise ContentLimitExceeded(content_over(most, hint))

    def _read_content(self) -> Content | EndOfMessage | None:
        chunked = self._chunked
        if chunked is not None:
            if not chunked.is_done:
                data, position = chunked.read(self._buffer, self._position)
                self._pass(position)
                if data:
                    return Content(data)
            return self._end_content(chunked.trailers) if chunked.is_done else None
        if not self._left:
            return self._end_content([])
        if self._left > self._most:
            raise ContentLimitExceeded(content_over(self._most, HINT))
        if self._position >= len(self._buffer):
            return None
        end = min(len(self._buffer), self._position + self._left)
        piece = bytes(self._buffer[self._position : end])
        self._left -= len(piece)
        self._pass(end)
        return Content(piece)

    def _pass(self, position: int) -> None:
        """Go on to a place in the buffer; one that is read is let go, as its client may send no more for a while."""
        if position < len(self._buffer):
            self._position = position
        else:
            self._buffer, self._position = b"", 0

    def _end_content(self, trailers: list[Pair]) -> EndOfMessage:
        self._chunked = None
        self._move(_CONTENT_ENDED)
        return EndOfMessage(trailers)

    # --- answering ----------------------------------------------------------------------------

    def send_continue(self) -> bytes:
        """Return the interim answer that asks for the content (RFC 9110 section 15.2.1)."""
        if self.state != _RECEIVING:
            raise invalid_transition(self.state, _RESPONSE_BEGAN)
        return b"HTTP/1.1 100 Continue\r\n\r\n"

    def send_early_hints(self, links: Sequence[str]) -> bytes:
        """Return an interim answer with links (RFC 8297), b"" if it comes too late. Raises InvalidResponse."""
        return write_hints(links) if self.state == _AWAITING_RESPONSE else b""

    def send_response(self, status: int, fields: Sequence[Pair], content: bytes, standard: bytes) -> bytes:
        """Return a whole answer. `standard` is field lines made elsewhere (the wire has no clock).

        Raises InvalidResponse for what can't be sent; the wire is then as it was.
        """
        # PERF: benchmarks/stages.py: a plain page's fields are one shared tuple
        lines = (known_heads.get((status, fields)) if fields.__class__ is tuple else None) or write_head(status, fields)
        state = NEXT[self.state][_RESPONSE_SENT]
        if state < 0:
            raise invalid_transition(self.state, _RESPONSE_SENT)
        head = self._head
        if status in _BARE:
            rest = _BARE[status] + b"\r\n"
        elif head is not None and head.method == "HEAD":
            rest = b"content-length: %d\r\n\r\n" % len(content)
        else:
            rest = b"content-length: %d\r\n\r\n%b" % (len(content), content)
        if self._is_last or state == _CLOSED:
            self.state = _CLOSED if state == _CLOSED else NEXT[self.state][_CLOSE]
            self._is_last = True
            return b"%b%bconnection: close\r\n%b" % (lines, standard, rest)
        self.state = state
        if head is not None and not head.minor:
            return b"%b%bconnection: keep-alive\r\n%b" % (lines, standard, rest)
        return lines + standard + rest

    def start_response(self, status: int, fields: Sequence[Pair], length: int | None, standard: bytes) -> bytes:
        """Return the head of an answer whose content comes piece by piece; `length` None if unknown."""
        lines = [write_head(status, fields), standard]
        head = self._head
        self._sends_chunked = False
        if status in _BARE:
            lines.append(_BARE[status])
            self._send_left = 0
        elif length is not None:
            lines.append(b"content-length: %d\r\n" % length)
            self._send_left = length
        elif head is not None and head.minor:
            lines.append(b"transfer-encoding: chunked\r\n")
            self._send_left, self._sends_chunked = None, True
        else:  # HTTP/1.0: the end of the connection is the end of the content
            self._send_left, self._is_last = None, True
        if self.state == _RECEIVING:
            self._is_last = True
        self._move(_RESPONSE_BEGAN)
        if self._is_last:
            lines.append(b"connection: close\r\n")
        elif head is not None and not head.minor:
            lines.append(b"connection: keep-alive\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def send_content(self, data: bytes) -> bytes:
        """Return a piece of the content in its framing. Raises InvalidResponse for more than was promised."""
        self.count_content(len(data))
        if self._head is not None and self._head.method == "HEAD":
            return b""
        if self._sends_chunked:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return data

    def count_content(self, size: int) -> None:
        """Count content that is sent as it is, past the wire: a file. Raises InvalidResponse for too much."""
        if self.state not in (_SENDING, _EARLY_RESPONSE):
            raise invalid_transition(self.state, _RESPONSE_ENDED)
        if self._send_left is not None:
            if size > self._send_left:
                raise InvalidResponse("the content is longer than its announced length")
            self._send_left -= size

    def end_response(self, trailers: Sequence[Pair] = ()) -> bytes:
        """Return what ends the content. Raises InvalidResponse if less came than was promised."""
        is_head = self._head is not None and self._head.method == "HEAD"
        if self._send_left and not is_head:
            raise InvalidResponse("the content is shorter than its announced length")
        self._move(_CLOSE if self._is_last and self.state == _SENDING else _RESPONSE_ENDED)
        self._is_last = self._is_last or self.state == _CLOSED
        if not self._sends_chunked or is_head:
            return b""
        return b"0\r\n%b\r\n" % b"".join(map(write_line, trailers))

    def accept_https_targets(self) -> None:
        """Take URLs with https for targets too: the connection is secured, or a gateway speaks that is trusted."""
        self._read_line = read_secured_request_line

    def close_after_response(self) -> None:
        """Have the next answer be the last: it carries `connection: close`."""
        self._is_last = True

    def refuse(self, refusal: ProtocolError, standard: bytes) -> bytes:
        """Return the answer to a refused message: its status, and the reason as text. The wire is closed then."""
        content = f"{refusal}\n".encode()
        has_begun = self.state in (_SENDING, _EARLY_RESPONSE)
        if self.state == _IDLE:  # nobody has heard of this head: it is still at its place
            is_head = self._buffer.startswith(b"HEAD ", self._position)
        else:
            is_head = self._head is not None and self._head.method == "HEAD"
        self.state = NEXT[self.state][_CLOSE]
        self._is_last = True
        self._chunked = None
        self._buffer, self._position = b"", 0
        self.forget()
        if has_begun:
            return b""
        return b"HTTP/1.1 %d %b\r\n%bcontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n" % (
            refusal.status,
            reason_phrase(refusal.status).encode(),
            standard + refusal.lines,
        ) + b"content-length: %d\r\n\r\n%b" % (len(content), b"" if is_head else content)

    # --- what the server asks ---------------------------------------------------------------

    @property
    def must_close(self) -> bool:
        """Whether the connection ends here: our last answer is complete."""
        return self.state == _CLOSED

    @property
    def is_request_unread(self) -> bool:
        """Whether the client may still be sending what nobody will read: then we must linger over the close."""
        if self.state != _CLOSED:
            return False
        head = self._head
        if head is None or self._left > 0 or self._chunked is not None or self.has_buffered:
            return True
        return may_hide_content(head.method, head.values)

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come since the last answer."""
        return self.state == _IDLE and self._position >= len(self._buffer)

    @property
    def expected_bytes(self) -> int:
        """How many bytes of content are sure to come: the rest of it, or of a chunk."""
        return self._left if self._chunked is None else self._chunked.expected_bytes

    @property
    def has_buffered(self) -> bool:
        """Whether bytes of a next message wait."""
        return self._position < len(self._buffer)

    @property
    def buffered_start(self) -> bytes:
        """The first bytes that wait of a next message, or of one that can't be read."""
        return bytes(self._buffer[self._position : self._position + MAX_BEGUN_BYTES])

    def forget(self) -> bool:
        """Give back the memory of the last head, after an idle while; False where that was done before."""
        is_kept = self._head is not None
        self._last_block, self._block, self._head = b"", _NO_BLOCK, None
        return is_kept

    def _move(self, transition: int) -> None:
        state = NEXT[self.state][transition]
        if state < 0:
            raise invalid_transition(self.state, transition)
        self.state = state
