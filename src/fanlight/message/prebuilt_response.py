"""An answer whose fields were all written before: what is served again and again as it is.

In: content, and a tuple of fields that stays the same object, so that the wire knows its lines by it. Out: a
response of a file, which can be asked and changed like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanlight.message.file_content import FileContent
from fanlight.message.file_response import FileResponse
from fanlight.message.headers import MutableHeaders, Pair


class PrebuiltResponse(FileResponse):
    """An answer with fields that are shared until somebody asks to change them."""

    # PERF: benchmarks/run.py: neither checks its fields again nor makes an object for them.
    __slots__ = ("_known",)

    def __init__(
        self,
        content: bytes | FileContent,
        known: tuple[Pair, ...],
        *,
        media_type: str,
        length: int,
        modified: int,
        status: int = 200,
    ) -> None:
        """Take content of so many bytes, and fields that are right."""
        self.content = content
        self.status = status
        self.media_type = media_type
        self._length = length
        self.modified = modified
        self._headers: MutableHeaders | None = None
        self._known = known

    @property
    def headers(self) -> MutableHeaders:
        """The fields, to be read and set."""
        if self._headers is None:
            self._headers = MutableHeaders()
            self._headers.adopt(self._known)
        return self._headers

    def fields(self) -> Sequence[Pair]:
        """Return the fields as the wire takes them."""
        return self._known if self._headers is None else self._headers.pairs()
