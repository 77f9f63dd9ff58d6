"""The forms of a file, each with its responses, which are made once and sent again and again.

In: the version of a file, its media type, its fields. Out: a `Representation`; those of one URL are a `Resource`.
Touches no disk.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from fanlight.message.conditional import not_modified_fields
from fanlight.message.file_content import FileContent
from fanlight.message.file_response import PrebuiltFields, PrebuiltResponse
from fanlight.message.headers import REPLACEABLE, Pair
from fanlight.message.http_date import write_date
from fanlight.pages.static.versions import Version, etag_of


class Representation:
    """One form of a file: as it is, a side file, or compressed in memory (RFC 9110 section 3.2).

    `whole` is the response with its content, None if that is sent from the file. It is shared by all requests, as is
    the 304, so they must not be changed.
    """

    __slots__ = ("_not_modified", "_replaces", "etag", "fields", "media_type", "size", "version", "whole")

    def __init__(self, version: Version, media_type: str, fields: tuple[Pair, ...], content: bytes | None) -> None:
        """Make its responses; without `content` it is sent from the file."""
        self.version, self.media_type, self.fields = version, media_type, PrebuiltFields(fields)
        names = dict(fields)
        self.etag = names["etag"]
        self.size = version.size if content is None else len(content)
        self._replaces = not REPLACEABLE.isdisjoint(names)
        self.whole = None if content is None else self.response(content)
        self._not_modified: PrebuiltResponse | None = None

    @property
    def not_modified(self) -> PrebuiltResponse:
        """The 304."""
        made = self._not_modified
        if made is None:
            made = self._not_modified = PrebuiltResponse(
                b"",
                PrebuiltFields(not_modified_fields(self.fields)),
                media_type=self.media_type,
                length=0,
                modified=self.version.modified,
                status=304,
                replaces=self._replaces,
            )
        return made

    def response(self, content: bytes | FileContent) -> PrebuiltResponse:
        """Return a new response with this content."""
        return PrebuiltResponse(
            content,
            self.fields,
            media_type=self.media_type,
            length=self.size,
            modified=self.version.modified,
            replaces=self._replaces,
        )

    def compressed(self, coding: str, content: bytes) -> Representation:
        """Return the same, compressed: under a tag of its own."""
        etag = etag_of(content)
        fields = ((name, etag if name == "etag" else value) for name, value in self.fields)
        return Representation(self.version, self.media_type, (*fields, ("content-encoding", coding)), content)


class Resource(Struct):
    """The representations of one path, valid for a while."""

    expires_at: float
    plain: Representation
    side_files: dict[str, Representation]  # by content coding
    compressed: dict[str, Representation] | None  # the same, made when first requested; None: not to be compressed

    @property
    def versions(self) -> list[Version]:
        """The versions of its files, first that of the plain one."""
        return [self.plain.version, *[each.version for each in self.side_files.values()]]

    def is_of(self, plain: Version, side_files: Mapping[str, Version]) -> bool:
        """Return whether it was made of these versions."""
        mine = self.side_files
        return self.plain.version is plain and {coding: each.version for coding, each in mine.items()} == side_files

    def renew(self, expires_at: float) -> None:
        """Be valid for longer."""
        self.expires_at = expires_at


def fields_of(version: Version, media_type: str, cache_control: str, coding: str, *, varies: bool) -> list[Pair]:
    """Return the fields of a representation; `coding` is that of a side file, "" for the plain file."""
    fields = [
        ("content-type", media_type),
        ("etag", f'{version.etag[:-1]}-{coding}"' if coding else version.etag),
        ("last-modified", write_date(version.modified)),
        ("cache-control", cache_control),
        ("accept-ranges", "bytes"),
    ]
    if coding:
        fields.append(("content-encoding", coding))
    if varies:
        fields.append(("vary", "accept-encoding"))
    return fields
