"""The server side of an HTTP/1 connection, without I/O: bytes in, events out; responses in, bytes out.

In: received bytes, in pieces of any size. Out: `RequestHead`, then `Content` and `EndOfMessage` if there is content;
and the bytes of responses. Raises `ProtocolError` for every message that two implementations could parse differently,
because such messages are used for request smuggling. The next head is returned after the response is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from fanlight.errors import BadMessage, ContentLimitExceeded, InvalidResponse, ProtocolError
from fanlight.wire.http1.chunked import HINT, ChunkedReader, content_over
from fanlight.wire.http1.head_reader import read_plain_head
from fanlight.wire.http1.header_fields import FieldBlock, Pair, may_hide_content
from fanlight.wire.http1.known_blocks import read_block
from fanlight.wire.http1.request_line import read_request_line
from fanlight.wire.http1.response_writer import (
    known_ends,
    known_heads,
    write_early_hints,
    write_end,
    write_head,
    write_line,
    write_refusal,
)
from fanlight.wire.http1.states import NEXT, WireStateError
from fanlight.wire.http1.wire_events import Content, EndOfMessage, ParsedHead, RequestHead
from fanlight.wire.http1.wire_limits import MAX_BEGUN_BYTES, WireLimits, check_incomplete_head, check_size

Event = RequestHead | Content | EndOfMessage

_IDLE, _RECEIVING, _EARLY_RESPONSE, _AWAITING_RESPONSE, _SENDING, _CLOSED = range(6)
_HEAD, _HEAD_WITH_CONTENT, _CONTENT_ENDED, _RESPONSE_BEGAN, _RESPONSE_ENDED, _RESPONSE_SENT, _CLOSE = range(7)
_NO_BLOCK = read_block(b"", 0)
_READ_SECURED_LINE = partial(read_request_line, is_secured=True)  # one for all connections: an idle one has little
_FIRST_VISIBLE = 0x21
_EMPTY_LINES = 8  # bytes of CR LF before a request that are skipped (RFC 9112 section 2.2)
# Statuses without content, and their field lines about its length.
_WITHOUT_CONTENT = {204: b"", 205: b"content-length: 0\r\n", 304: b""}


class Http1Connection:
    """The state of one connection; see `states.py` for its transitions."""

    can_batch = True  # whether its responses may be sent together

    __slots__ = (
        "_block",
        "_chunked",
        "_head",
        "_is_last",
        "_last_block",
        "_left",
        "_limits",
        "_max_content",
        "_position",
        "_put_back",
        "_read_line",
        "_searched",
        "_send_left",
        "_sends_chunked",
        "_skipped",
        "_small_bytes",
        "buffer",
        "state",
    )

    def __init__(self, limits: WireLimits) -> None:
        self._limits = limits
        self._read_line: Callable[[bytes, FieldBlock], ParsedHead] = read_request_line
        self._small_bytes = min(limits.request_line_bytes, limits.head_bytes)  # within both limits
        self.buffer: bytes | bytearray = b""  # received bytes; empty if all of them have been read
        self._position = 0  # of the next unread byte in the buffer
        self._searched = 0  # no end of a head before this position, so that no byte is searched twice
        self._skipped = 0  # bytes of empty lines that were skipped, over all requests
        self.state = _IDLE
        self._is_last = False  # the connection is closed after the current response
        self._head: RequestHead | None = None
        self._put_back: RequestHead | None = None
        self._last_block, self._block = b"", _NO_BLOCK
        self._left, self._max_content = 0, 0  # bytes of content not received yet, and its limit
        self._chunked: ChunkedReader | None = None
        self._send_left: int | None = 0  # bytes of the response that were announced and not sent; None: unknown
        self._sends_chunked = False

    # --- receiving --------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Add received bytes. At most this piece, and an incomplete head within its limits, are kept."""
        if not self.buffer:
            self.buffer = data
            return
        if self.buffer.__class__ is bytes:
            self.buffer = bytearray(self.buffer)
        if self._position:
            del self.buffer[: self._position]  # type: ignore[union-attr]  # a bytearray, by the line above
            self._searched -= self._position
            self._position = 0
        self.buffer += data

    def next_event(self) -> Event | None:  # noqa: C901, PLR0912 - each head passes here: no calls
        """Return the next event, None if more bytes or a response are needed first. Raises ProtocolError."""
        if self.state != _IDLE:
            head, self._put_back = self._put_back, None
            return self._read_content() if head is None else head
        buffer, start = self.buffer, self._position
        if not buffer:
            return None
        if read_plain_head is not None:
            plain = read_plain_head(buffer, start, self._small_bytes, self._limits.field_count)
            if plain is not None:
                self._head, self._is_last, self.state = plain, False, _AWAITING_RESPONSE  # NEXT[IDLE][HEAD]
                self._advance(plain.end)
                return plain
        if buffer[start] < _FIRST_VISIBLE:
            return self._skip_empty_line()
        end = buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            check_incomplete_head(buffer, start, self._searched, self._limits)
            self._searched = max(start, len(buffer) - 3)
            return None
        if buffer.__class__ is not bytes:
            buffer = self.buffer = bytes(buffer)
        # PERF: benchmarks/stages.py: consecutive heads of a client mostly have identical field lines
        line, _, block = buffer[start:end].partition(b"\r\n")
        try:
            if end - start > self._small_bytes:
                check_size(len(line), len(block), self._limits)
            if block != self._last_block:
                self._block = read_block(block, self._limits.field_count)
                self._last_block = block
            fields = self._block
            read_line = self._read_line
            head = read_line(line, fields)
        except ProtocolError:
            # Prefer the error that the same bytes have when they are received one by one.
            check_incomplete_head(buffer[: end + 3], start, start, self._limits)
            raise
        if fields.is_plain and head.minor:
            self._is_last = False
            self.state = _AWAITING_RESPONSE  # NEXT[IDLE][HEAD]
        else:
            self._begin(head)
        self._head = head
        # As `_advance`. PERF: benchmarks/stages.py: without a call
        rest = end + 4
        if rest >= len(buffer):
            self.buffer, rest = b"", 0
        self._position = self._searched = rest
        return head

    def put_back(self, head: RequestHead) -> None:
        """Return this head, the last event, once more: the client must take the responses before it first."""
        self._put_back = head

    def _begin(self, head: ParsedHead) -> None:
        """Change the state for a head that is not plain, or refuse it."""
        fields = head.block
        if head.minor == 1:
            if "host" not in fields.values:
                raise BadMessage("Host is missing (RFC 9112 section 3.2)")
            self._is_last = fields.wants_close
        else:
            # SECURITY: tests/wire/test_vectors.py: an HTTP/1.0 proxy would frame it differently (RFC 9112 section 6.1)
            if fields.is_chunked:
                raise BadMessage("Transfer-Encoding is not allowed in HTTP/1.0")
            self._is_last = fields.wants_close or not fields.wants_keep_alive
        length = fields.content_length
        if length == 0:
            self.state = NEXT[_IDLE][_HEAD]
            return
        if length is None:
            self._chunked = ChunkedReader(self._limits)
        else:
            self._chunked, self._left, self._max_content = None, length, self._limits.content_bytes
        self.state = NEXT[_IDLE][_HEAD_WITH_CONTENT]

    def _skip_empty_line(self) -> Event | None:
        buffer, start = self.buffer, self._position
        first = buffer[start : start + 2]
        if first == b"\r\n":
            self._advance(start + 2)
            self._skipped += 2
            if self._skipped <= _EMPTY_LINES:
                return Http1Connection.next_event(self)  # a subclass has begun its own
        elif first == b"\r":
            return None
        elif first[:1] == b"\x16":
            raise BadMessage("this is TLS, but the port is for plain http")
        raise BadMessage("the request does not start with a method")

    def limit_content(self, max_bytes: int, hint: str) -> None:
        """Set the content limit for the current request. Raises ContentLimitExceeded; `hint`: how to raise it."""
        self._max_content = max_bytes
        if self._chunked is not None:
            self._chunked.limit(max_bytes, hint)
        elif self._left > max_bytes:
            raise ContentLimitExceeded(content_over(max_bytes, hint))

    def _read_content(self) -> Content | EndOfMessage | None:
        if self.state not in (_RECEIVING, _EARLY_RESPONSE):
            return None
        chunked = self._chunked
        if chunked is not None:
            if not chunked.is_done:
                data, position = chunked.read(self.buffer, self._position)
                self._advance(position)
                if data:
                    return Content(data)
            return self._end_content(chunked.trailers) if chunked.is_done else None
        if not self._left:
            return self._end_content([])
        if self._left > self._max_content:
            raise ContentLimitExceeded(content_over(self._max_content, HINT))
        if not self.buffer:
            return None
        end = min(len(self.buffer), self._position + self._left)
        piece = bytes(self.buffer[self._position : end])
        self._left -= len(piece)
        self._advance(end)
        return Content(piece)

    def _advance(self, position: int) -> None:
        """Move to a position in the buffer; release a buffer that was read, as the client may be idle from now on."""
        if position >= len(self.buffer):
            self.buffer, position = b"", 0
        self._position = self._searched = position

    def _end_content(self, trailers: list[Pair]) -> EndOfMessage:
        self._chunked = None
        self._move(_CONTENT_ENDED)
        return EndOfMessage(trailers)

    # --- responding ---------------------------------------------------------------------------

    def send_continue(self) -> bytes:
        """Return the interim response that requests the content (RFC 9110 section 15.2.1)."""
        if self.state != _RECEIVING:
            raise WireStateError(self.state, _RESPONSE_BEGAN)
        return b"HTTP/1.1 100 Continue\r\n\r\n"

    def send_early_hints(self, links: Sequence[str]) -> bytes:
        """Return an interim response with links (RFC 8297), b"" if it is too late for one. Raises InvalidResponse."""
        return write_early_hints(links) if self.state == _AWAITING_RESPONSE else b""

    def switch_protocol(self) -> bytes:
        """Return what was received of another protocol, to which the connection switches; this wire is done."""
        self._move(_RESPONSE_BEGAN)
        received, self.buffer = bytes(self.buffer[self._position :]), b""
        return received

    def send_response(self, status: int, fields: Sequence[Pair], content: bytes, standard: bytes) -> bytes:
        """Return a complete response. `standard` is field lines made by the caller, such as `date`.

        Raises InvalidResponse for what can't be sent; the state is then unchanged.
        """
        # PERF: benchmarks/stages.py: a plain page's fields are one shared tuple; formatting costs three times as much
        # as two known pieces and the content
        lines = (known_heads.get((status, fields)) if fields.__class__ is tuple else None) or write_head(status, fields)
        size, head = len(content), self._head
        end = known_ends.get(size) or write_end(size)
        if status in _WITHOUT_CONTENT:
            end, content = _WITHOUT_CONTENT[status] + b"\r\n", b""
        elif head is not None and head.method == "HEAD":
            content = b""
        state = NEXT[self.state][_RESPONSE_SENT]
        if state < 0:
            raise WireStateError(self.state, _RESPONSE_SENT)
        if self._is_last or state == _CLOSED:
            self.state = _CLOSED if state == _CLOSED else NEXT[self.state][_CLOSE]
            self._is_last = True
            return b"%b%bconnection: close\r\n%b%b" % (lines, standard, end, content)
        self.state = state
        if head is not None and not head.minor:
            return b"%b%bconnection: keep-alive\r\n%b%b" % (lines, standard, end, content)
        return lines + standard + end + content  # which is copied once

    def start_response(self, status: int, fields: Sequence[Pair], length: int | None, standard: bytes) -> bytes:
        """Return the head of a response whose content is sent in pieces; `length` is None if unknown."""
        lines = [write_head(status, fields), standard]
        head, self._sends_chunked = self._head, False
        if status in _WITHOUT_CONTENT:
            lines.append(_WITHOUT_CONTENT[status])
            self._send_left = 0
        elif length is not None:
            lines.append(b"content-length: %d\r\n" % length)
            self._send_left = length
        elif head is not None and head.minor:
            lines.append(b"transfer-encoding: chunked\r\n")
            self._send_left, self._sends_chunked = None, True
        else:  # HTTP/1.0: closing the connection ends the content
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
        """Return a piece of content with its framing. Raises InvalidResponse for more than was announced."""
        self.count_content(len(data))
        if self._head is not None and self._head.method == "HEAD":
            return b""
        if self._sends_chunked:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        return data

    def count_content(self, size: int) -> None:
        """Count content that the caller sends itself: a file. Raises InvalidResponse for more than was announced."""
        if self.state not in (_SENDING, _EARLY_RESPONSE):
            raise WireStateError(self.state, _RESPONSE_ENDED)
        if self._send_left is not None:
            if size > self._send_left:
                raise InvalidResponse("the content is longer than its announced length")
            self._send_left -= size

    def end_response(self, trailers: Sequence[Pair] = ()) -> bytes:
        """Return the bytes that end the content. Raises InvalidResponse if less was sent than announced."""
        is_head = self._head is not None and self._head.method == "HEAD"
        if self._send_left and not is_head:
            raise InvalidResponse("the content is shorter than its announced length")
        self._move(_CLOSE if self._is_last and self.state == _SENDING else _RESPONSE_ENDED)
        self._is_last = self._is_last or self.state == _CLOSED
        if not self._sends_chunked or is_head:
            return b""
        return b"0\r\n%b\r\n" % b"".join(map(write_line, trailers))

    def accept_https_targets(self) -> None:
        """Accept https URLs as targets: the connection is encrypted, or comes from a trusted proxy."""
        self._read_line = _READ_SECURED_LINE

    def close_after_response(self) -> None:
        """Close the connection after the next response, which gets `connection: close`."""
        self._is_last = True

    def refuse(self, error: ProtocolError, standard: bytes) -> bytes:
        """Return the response to a refused message, with its status and reason. The state is CLOSED then."""
        has_begun = self.state in (_SENDING, _EARLY_RESPONSE)
        if self.state == _IDLE:  # the head was refused, so it is still in the buffer
            is_head = self.buffer.startswith(b"HEAD ", self._position)
        else:
            is_head = self._head is not None and self._head.method == "HEAD"
        self.state = NEXT[self.state][_CLOSE]
        self._is_last = True
        self._chunked, self.buffer, self._position = None, b"", 0
        self.release_head()
        return b"" if has_begun else write_refusal(error, standard, is_head=is_head)

    # --- state for the server ---------------------------------------------------------------

    @property
    def must_close(self) -> bool:
        """Whether the last response is complete, so the connection must be closed."""
        return self.state == _CLOSED

    @property
    def is_request_unread(self) -> bool:
        """Whether the client may still be sending, so that closing at once could destroy the response."""
        is_more_announced = self._head is None or self._left > 0 or self._chunked is not None
        return self.state == _CLOSED and (is_more_announced or bool(self.buffer) or bool(self.unannounced))

    @property
    def is_idle(self) -> bool:
        """Whether nothing was received since the last response."""
        return self.state == _IDLE and not self.buffer

    @property
    def expected_bytes(self) -> int:
        """How many more bytes of content are announced: the rest of it, or of the current chunk."""
        return self._left if self._chunked is None else self._chunked.left

    @property
    def buffered_start(self) -> bytes:
        """The first unread bytes: of the next request, or of one that was refused."""
        return bytes(self.buffer[self._position : self._position + MAX_BEGUN_BYTES])

    @property
    def unannounced(self) -> str:
        """The method of the last request, if content may follow it that its head does not announce, else ""."""
        head = self._head
        return head.method if head is not None and may_hide_content(head.method, head.values) else ""

    def release_head(self) -> bool:
        """Free the memory of the last head, for an idle connection; return False if it was free."""
        is_kept = self._head is not None
        self._last_block, self._block, self._head = b"", _NO_BLOCK, None
        return is_kept

    def _move(self, transition: int) -> None:
        state = NEXT[self.state][transition]
        if state < 0:
            raise WireStateError(self.state, transition)
        self.state = state
