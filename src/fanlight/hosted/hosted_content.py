"""The content of a request under another server: kept until it is whole, or read by the view as a stream.

In: pieces of content, as the other server has received them. Out: the request has its content; or the call that
responds to content that is refused. The limits are those of the route, as under our own server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fanlight.errors import (
    BadMessage,
    BadRequest,
    ContentLimitExceeded,
    ProtocolError,
    StorageFull,
    UnsupportedContentEncoding,
)
from fanlight.hosted.hosted_app import Found
from fanlight.message.body_policy import BodyMode
from fanlight.message.content import STREAMED_CONTENT, ContentStream, RefusedContent, SpooledContent
from fanlight.message.request import Request
from fanlight.message.threads import run_in_thread
from fanlight.server.exchange.body_spool import kept
from fanlight.server.exchange.request_body import content_for, http_error_of
from fanlight.settings.limits import Limits
from fanlight.wire.http1.chunked import content_over
from fanlight.wire.http1.header_fields import read_length

Pieces = AsyncIterator[bytes]


class HostedStream(ContentStream):
    """Content that a view reads as a stream."""

    __slots__ = ("_hint", "_left", "_most", "_pieces")

    def __init__(self, pieces: Pieces, length: int | None, most: int, hint: str) -> None:
        super().__init__(length)
        self._pieces, self._left, self._most, self._hint = pieces, most, most, hint

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        self._left -= len(piece)
        if self._left < 0:
            raise http_error_of(ContentLimitExceeded(content_over(self._most, self._hint)))
        return piece


async def attach_content(found: Found, pieces: Pieces, limits: Limits) -> Found:
    """Give a request the content that its call wants; return what responds. Raises HTTPError, ClientDisconnected."""
    request, call = found.request, found.call
    if not call.reads_content:
        return found
    content: SpooledContent | None = None
    try:
        most, hint, length = _limits_of(found, limits)
        policy = call.body_policy
        if policy.body_mode is BodyMode.STREAM:
            request.attach_content(STREAMED_CONTENT)
            request.cache_value("content_stream", HostedStream(pieces, length, most, hint))
            return found
        content = content_for(request, policy)
        received = 0
        async for piece in pieces:
            received += len(piece)
            if received > most:
                raise ContentLimitExceeded(content_over(most, hint))  # noqa: TRY301 - one way out
            if content.exceeds_memory(len(piece)):
                is_enough = await run_in_thread(lambda spool=content, data=piece: kept(spool, (data,)))  # type: ignore[misc]
            else:
                is_enough = kept(content, (piece,))
            if is_enough:
                break
    except (ContentLimitExceeded, UnsupportedContentEncoding, StorageFull) as refusal:
        if content is not None:
            content.close()
        return _refused(found, refusal)
    except BadMessage as error:
        raise BadRequest(str(error)) from None
    except BaseException:
        if content is not None:
            content.close()
        raise
    request.attach_content(content)
    return found


def announced_length(request: Request) -> int | None:
    """Return the length of the content as the client announces it, None if it does not. Raises ProtocolError."""
    length = request.head.values.get("content-length")
    return None if length is None else read_length(length)


def _limits_of(found: Found, limits: Limits) -> tuple[int, str, int | None]:
    """Return how much content is taken, what to raise for more, and how much is announced. Raises ProtocolError."""
    request, policy = found.request, found.call.body_policy
    encoding = request.head.values.get("content-encoding", "").strip()
    if encoding and encoding.lower() != "identity":
        raise UnsupportedContentEncoding(f"send the content as it is, not as {encoding}: nothing is decoded here")
    most, hint = policy.max_content(request.decoded_size_limit, limits.content_bytes)
    length = announced_length(request)
    if length is not None and length > most:
        raise ContentLimitExceeded(content_over(most, hint))
    return most, hint, length


def _refused(found: Found, refusal: ProtocolError) -> Found:
    """Return the call that responds to refused content. Raises HTTPError if there is none."""
    error = http_error_of(refusal)
    if found.call.refused is None:
        raise error
    found.request.attach_content(RefusedContent(error))
    return Found(found.request, found.call.refused)
