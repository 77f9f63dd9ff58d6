"""Begin a response: adapt it to its request, or begin one that is too big for one send, or is a file.

In: a connection and its response. Out: the head with as much content as fits behind it, and what follows. Raises
InvalidResponse, or TypeError, for what can't be sent; a file is closed then. In its place, a 500 is begun.
"""

from __future__ import annotations

import logging

from fanlight.errors import InvalidResponse
from fanlight.message.file_content import FileContent
from fanlight.message.response import Response
from fanlight.server.connection.connection import NOTHING, Connection, Rest
from fanlight.server.connection.file_sender import FileSender

JOINED_BYTES = 64 * 1024  # content up to this size is copied behind its head, so that both are one send
FIRST_BYTES = 16 * 1024  # of a bigger response: one record of TLS
NO_CONTENT = frozenset({204, 205, 304})

log = logging.getLogger("fanlight.server")


def apply_request_context(connection: Connection, response: Response) -> None:
    """Add `Secure` to cookies set over https; drop our own header fields that the response sets itself."""
    if connection.request.scheme == "https":
        response.secure_cookies()
    if connection.extra_headers and not response.has_shared_fields:
        own = response.headers
        ours = (line for line in connection.extra_headers.split(b"\r\n") if line)
        kept = (line for line in ours if line.partition(b":")[0].decode() not in own)
        connection.extra_headers = b"".join([line + b"\r\n" for line in kept])


def begin_response(connection: Connection, response: Response, standard: bytes) -> tuple[bytes, Rest]:
    """Return the first bytes of a response, and its rest; nothing is sent yet."""
    content = response.content
    if isinstance(content, FileContent):
        try:
            return _begin_file_response(connection, response, content, standard)
        except BaseException:
            content.close()
            raise
    assert isinstance(content, bytes)
    opening = connection.wire.start_response(response.status, response.fields(), len(content), standard)
    if has_no_body(connection, response.status):
        content = b""
    connection.wire.send_content(content)
    connection.wire.end_response()
    # A view, not a copy: a thousand slow readers of the same content hold it once.
    first = max(0, FIRST_BYTES - len(opening))
    return opening + content[:first], memoryview(content)[first:]


def begin_error(connection: Connection, error: BaseException, response: Response, standard: bytes) -> bytes:
    """Return a small response in the place of one that can't be sent because of an error, which is logged."""
    # A mistake in the response is logged by its message; an error of the app's own code, with its traceback.
    trace = None if isinstance(error, InvalidResponse | TypeError) else error
    log.error("the response of %s can't be sent: %s", connection.call.name, "" if trace else error, exc_info=trace)
    connection.status = response.status
    assert isinstance(response.content, bytes)
    standard += connection.extra_headers
    return connection.wire.send_response(response.status, response.fields(), response.content, standard)


def _begin_file_response(
    connection: Connection, response: Response, content: FileContent, standard: bytes
) -> tuple[bytes, Rest]:
    wire, length = connection.wire, content.length
    opening = wire.start_response(response.status, response.fields(), length, standard)
    if has_no_body(connection, response.status):
        wire.end_response()
        content.close()
        return opening, NOTHING
    wire.count_content(length)
    wire.end_response()
    sender = FileSender(content)
    first = length if length <= JOINED_BYTES else max(0, FIRST_BYTES - len(opening))
    if length:
        opening += sender.read(first)
    else:
        content.close()
    return opening, sender if len(sender) else NOTHING


def has_no_body(connection: Connection, status: int) -> bool:
    """Return whether a response has no body, whatever its content is (RFC 9110 section 6.4.1)."""
    return connection.request.head.method == "HEAD" or status in NO_CONTENT
