"""A response with prebuilt header fields, for content that is served again and again.

In: content, and a tuple of fields that is the same object each time, so that the wire finds its cached lines by it.
Out: a file response, which can be read and changed like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.message.file_content import FileContent
from fanlight.message.file_response import FileResponse
from fanlight.message.headers import MutableHeaders, Pair


class PrebuiltResponse(FileResponse):
    """A response with shared fields, which are copied when `headers` is accessed."""

    # PERF: benchmarks/run.py: neither checks its fields again nor makes an object for them.
    __slots__ = ("_prebuilt",)

    def __init__(
        self,
        content: bytes | FileContent,
        prebuilt: tuple[Pair, ...],
        *,
        media_type: str,
        length: int,
        modified: int,
        status: int = 200,
    ) -> None:
        """Make a response of content with `length` bytes, and fields that were checked before."""
        self.content = content
        self.status = status
        self.media_type = media_type
        self._length = length
        self.modified = modified
        self._headers: MutableHeaders | None = None
        self._prebuilt = prebuilt

    @property
    def headers(self) -> MutableHeaders:
        """The header fields, which can be changed."""
        if self._headers is None:
            self._headers = MutableHeaders()
            self._headers.load_checked(self._prebuilt)
        return self._headers

    def fields(self) -> Sequence[Pair]:
        """Return the fields for the wire."""
        return self._prebuilt if self._headers is None else self._headers.pairs()
