"""Read a response from the bytes of a connection (RFC 9112), as far as they have come.

In: bytes, piece by piece, and the method of the request. Out: the response with its content, decoded from its framing
and its content coding. Interim responses (1xx) are skipped. Raises BadResponse for bytes that are no response of HTTP.
Knows nothing of sockets.
"""

from __future__ import annotations

import re

from msgspec import Struct

from fanlight.compression.codecs import decode_content
from fanlight.errors import FanlightError

MAX_HEAD_BYTES = 256 * 1024
_WITHOUT_CONTENT = (204, 304)
_STATUS, _LENGTH = re.compile(r"[0-9]{3}"), re.compile(r"[0-9]{1,18}")


class BadResponse(FanlightError):
    """What a server has sent is no response."""


class ReadResponse(Struct, frozen=True, kw_only=True):
    """A response as it was received; `content` is decoded."""

    status: int
    fields: tuple[tuple[str, str], ...] = ()  # names in lower case
    content: bytes = b""
    is_complete: bool = True  # False: it was cut off, or is longer than what is kept
    ended: str = ""  # why it is not complete, for people

    def get(self, name: str) -> str:
        """Return the value of a field, "" if there is none."""
        return next((value for each, value in self.fields if each == name), "")


class ResponseReader:
    """Reads one response."""

    def __init__(self, method: str, max_bytes: int) -> None:
        """Prepare for the response to a request with this method; at most `max_bytes` of content are kept."""
        self._method, self._max_bytes = method, max_bytes
        self._buffer = bytearray()
        self._status = 0
        self._fields: tuple[tuple[str, str], ...] = ()
        self._content = bytearray()
        self._left: int | None = 0  # bytes of the content, or of the chunk, still to come; None: until the end
        self._is_chunked = self._is_done = False

    @property
    def is_done(self) -> bool:
        """Whether the response is complete, or as long as what is kept."""
        return self._is_done or len(self._content) >= self._max_bytes

    @property
    def has_begun(self) -> bool:
        """Whether the head of the final response has come."""
        return bool(self._status)

    def feed(self, data: bytes) -> None:
        """Read more bytes. Raises BadResponse."""
        self._buffer += data
        while not self._status:
            if not self._read_head():
                return
        self._read_content()

    def end(self) -> bool:
        """Note that the server has closed the connection; return whether the response is complete."""
        if self._status and self._left is None:  # the content had no other end
            self._is_done = True
        return self._is_done

    def response(self, ended: str = "") -> ReadResponse:
        """Return the response; `ended` says why nothing more comes, if it is not complete. Raises BadResponse."""
        if not self._status:
            raise BadResponse(f"no response came: {ended or 'the connection was closed'}")
        content, is_complete = bytes(self._content[: self._max_bytes]), self._is_done
        if not is_complete and not ended:
            ended = f"only its first {len(content)} bytes are kept"
        if is_complete and content:
            coding = next((value for name, value in self._fields if name == "content-encoding"), "")
            try:
                content = decode_content(content, coding)
            except Exception as error:  # noqa: BLE001 - each codec has errors of its own
                is_complete, ended = False, f"its {coding} content can't be decoded: {error}"
        return ReadResponse(
            status=self._status,
            fields=self._fields,
            content=content,
            is_complete=is_complete,
            ended="" if is_complete else ended,
        )

    def _read_head(self) -> bool:
        """Read a head; False if it has not come yet. An interim one leaves the status at 0."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadResponse(f"the head of the response is over {MAX_HEAD_BYTES} bytes")
            return False
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or _STATUS.fullmatch(code) is None:
            raise BadResponse(f"the response begins with {first[:80]!r}, which is no status line")
        status = int(code)
        if 100 <= status < 200 and status != 101:
            return True
        pairs = (line.partition(":") for line in lines)
        self._fields = tuple((name.lower(), value.strip(" \t")) for name, _, value in pairs)
        self._status = status
        self._choose_framing()
        return True

    def _choose_framing(self) -> None:
        """Decide how the content ends (RFC 9112 section 6.3)."""
        fields = dict(self._fields)
        if self._method == "HEAD" or self._status in _WITHOUT_CONTENT:
            self._is_done = True
        elif fields.get("transfer-encoding", "").lower() == "chunked":
            self._is_chunked = True
        elif "content-length" in fields:
            if _LENGTH.fullmatch(fields["content-length"]) is None:
                raise BadResponse(f"content-length is {fields['content-length'][:40]!r}")
            self._left = int(fields["content-length"])
            self._is_done = not self._left
        else:
            self._left = None

    def _read_content(self) -> None:
        while not self._is_done and (self._buffer or self._left == 0):
            if self._is_chunked and not self._left and not self._read_chunk_size():
                return
            if self._is_done:
                return
            take = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
            if not take:
                return
            self._content += self._buffer[:take]
            del self._buffer[:take]
            if self._left is not None:
                self._left -= take
                self._is_done = not self._is_chunked and not self._left

    def _read_chunk_size(self) -> bool:
        """Read the line in front of a chunk; False if it has not come yet."""
        if self._buffer.startswith(b"\r\n"):  # behind the chunk before
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise BadResponse(f"a chunk has the size {line[:40]!r}") from None
        if size == 0:
            if self._buffer.find(b"\r\n\r\n", end) < 0:
                return False
            self._is_done = True
            return True
        del self._buffer[: end + 2]
        self._left = size
        return True


def read_response(data: bytes, method: str, max_bytes: int, *, is_whole: bool = True) -> ReadResponse:
    """Return the response in these bytes; `is_whole`: nothing was sent behind them. Raises BadResponse."""
    reader = ResponseReader(method, max_bytes)
    reader.feed(data)
    if is_whole:
        reader.end()
    return reader.response("it was cut off")
