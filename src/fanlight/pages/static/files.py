"""Answer with the files of a folder.

In: a request, and the path below the folder that it names. Out: the file, with all that a cache needs to know; its
side file, where the client takes that. Raises NotFound for what is not there, or not to be seen, alike. What was
found is remembered, and looked at again at every request: a changed file is served as it is now.

A URL with a hash in it is served as immutable only if the content that is sent has this hash. With another one
the file is served as without: who has an old page gets the style of today, and no cache keeps it for that of old.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import FileIO
from time import monotonic
from urllib.parse import quote

from fanlight.compression.codecs import CODECS
from fanlight.compression.negotiation import is_compressible
from fanlight.errors import NotFound, ServiceUnavailable
from fanlight.message.conditional import apply_conditions, is_plain_revalidation, not_modified_fields
from fanlight.message.file_content import FileContent, Span
from fanlight.message.headers import Pair
from fanlight.message.http_date import write_date
from fanlight.message.media_types import media_type_by_name
from fanlight.message.prebuilt_response import PrebuiltResponse
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.static.file_names import segments_of, with_hash, without_hash
from fanlight.pages.static.folder import NotServed, StaticFolder
from fanlight.pages.static.side_files import ENDINGS, codings_for
from fanlight.pages.static.versions import MOST_VERSIONS, Version, Versions, etag_of, stamp_of

log = logging.getLogger("fanlight.static")

INDEX = "index.html"
RECHECK_SECONDS = 2.0  # so often all is looked at anew: whether there are side files, and where links lead
YEAR_SECONDS = 31_536_000
LEAST_COMPRESSED_BYTES = 1024  # smaller files fit into one packet anyway
MOST_COMPRESSED_RATIO = 0.95  # a compressed form that is bigger than this is not worth decoding
_TRIES = 3
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_IN_A_PATH = "/!$&'()*+,;=:@"  # what RFC 3986 allows in a path, beside letters, digits and -._~


@dataclass(slots=True, frozen=True)
class Representation:
    """One form of a file that can be sent."""

    version: Version
    media_type: str
    fields: tuple[Pair, ...]
    content: bytes | None  # None: it is sent from its file
    size: int
    etag: str
    not_modified_fields: tuple[Pair, ...]


@dataclass(slots=True, frozen=True)
class Resource:
    """What a path has led to, for a while."""

    until: float
    plain: Representation
    others: dict[str, Representation]  # by their coding: side files
    packed: dict[str, Representation] | None  # the same, made in memory as clients come; None: not to be made


class StaticFiles:
    """The files of one folder, at one place in URLS.

    `path_of(request)` is the path below the folder. `is_private` makes responses `private`, for files behind
    middleware that may restrict access. `compresses`: small files without side files are compressed in memory, once.
    """

    def __init__(
        self,
        folder: StaticFolder,
        path_of: Callable[[Request], str],
        *,
        prefix: str = "",
        is_private: bool = False,
        compresses: bool = False,
    ) -> None:
        """Serve a folder whose URLs begin with `prefix`."""
        self._compresses = compresses
        self.folder = folder
        self.prefix = prefix
        self._path_of = path_of
        self._versions = Versions()
        self._found: dict[str, Resource] = {}
        self._assets: dict[str, tuple[float, Version, str]] = {}
        self._told_at = float("-inf")
        self._kept = "private" if is_private else "public"
        self._short = "private, no-cache" if is_private else "no-cache"

    # --- a request --------------------------------------------------------------------------------

    def respond(self, request: Request) -> Response:
        """Return the answer to a request. Raises NotFound, or ServiceUnavailable when the system has no more files."""
        try:
            # PERF: benchmarks/run.py: what is asked again costs a look into the table, and one at the file
            found = self._found.get(request.head.path)
            if found is not None and found.until > monotonic():
                response = self._send(found, request)
                if response is not None:
                    return response
            for _ in range(_TRIES):
                looked = self._look(request)
                if isinstance(looked, Response):
                    return looked
                response = self._send(looked, request)
                if response is not None:
                    return response
        except NotServed:
            raise NotFound from None
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._tell_exhausted(error)
            raise ServiceUnavailable("This site has too many files open just now. Try again in a moment.") from None
        raise ServiceUnavailable("This file is being changed just now. Try again in a moment.")

    def _tell_exhausted(self, error: OSError) -> None:
        """Log that the system has no more files; once a minute, as it is so for every request then."""
        if self._told_at < monotonic() - 60:
            self._told_at = monotonic()
            log.error("files of %r can't be opened: %s", self.folder.root, error.strerror)

    def _send(self, found: Resource, request: Request) -> Response | None:
        """Return the answer, None where the file is no longer what was found."""
        values = request.head.values
        has_range = "range" in values
        offer = found.plain
        if found.others or (found.packed is not None and not has_range):
            offer = self._chosen(found, codings_for(values.get("accept-encoding", "")))
        version = offer.version
        if is_plain_revalidation(values, offer.etag) and version.is_current() and found.plain.version.is_current():
            return PrebuiltResponse(
                b"",
                offer.not_modified_fields,
                media_type=offer.media_type,
                length=0,
                modified=version.modified,
                status=304,
            )
        # A side file is nothing without the file that it stands for.
        if version is not found.plain.version and not found.plain.version.is_current():
            return None
        content: bytes | FileContent | None = offer.content
        if content is None or (has_range and version.is_stable):
            content = self._opened(version)
            if content is None:
                return None
        elif not version.is_current():
            return None
        response = PrebuiltResponse(
            content, offer.fields, media_type=offer.media_type, length=offer.size, modified=version.modified
        )
        return apply_conditions(response, request)

    def _chosen(self, found: Resource, codings: Iterable[str]) -> Representation:
        """Return the form that a client takes: a side file, else one that is made, else the file."""
        for coding in codings:
            offer = found.others.get(coding) if found.packed is None else self._packed(found, found.packed, coding)
            if offer is not None:
                return offer
        return found.plain

    def _packed(self, found: Resource, packed: dict[str, Representation], coding: str) -> Representation | None:
        """Return a small file compressed in memory, None where that is no gain."""
        known = packed.get(coding)
        if known is not None or coding not in CODECS:
            return known
        plain = found.plain
        content = plain.version.packed.get(coding)
        if content is None:
            whole = plain.version.content or b""
            codec = CODECS[coding]
            content = codec.encode(whole, codec.cached_level, b"")
            is_worth_it = len(content) < len(whole) * MOST_COMPRESSED_RATIO
            content = plain.version.packed[coding] = content if is_worth_it else b""
        if not content:
            return None
        told = {"etag": etag_of(content)}
        fields = (*((name, told.get(name, value)) for name, value in plain.fields), ("content-encoding", coding))
        offer = packed[coding] = _representation(plain.version, plain.media_type, fields, content, len(content))
        return offer

    def _opened(self, version: Version) -> FileContent | None:
        """Open a version's file, None if it is another one now."""
        try:
            opened = self.folder.reopen(version.path)
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise
            return None
        except NotServed:
            return None
        if stamp_of(opened.status) != version.stamp:
            os.close(opened.descriptor)
            return None
        return FileContent(FileIO(opened.descriptor), (Span(0, version.size),))

    # --- what a path leads to ---------------------------------------------------------------------

    def _look(self, request: Request) -> Resource | Response:
        """Find the file that a request means. Raises NotServed, or OSError."""
        raw = request.head.path
        path = self._path_of(request)
        names = _names_of(path)
        try:
            found, is_kept = self._find(names)
        except NotServed as absent:
            if absent.is_folder and names[-1] != INDEX and self._has(f"{path}/{INDEX}"):
                return _to_the_folder(names[-1], request.head.query)
            found, is_kept = self._find_hashed(path)
        # Only the spelling that is ours is kept: there are as many others as somebody likes to invent.
        if is_kept and "%" not in raw:
            if len(self._found) >= MOST_VERSIONS:
                self._found.clear()
            self._found[raw] = found
        return found

    def _find_hashed(self, path: str) -> tuple[Resource, bool]:
        split = without_hash(path)
        if split is None:
            raise NotServed
        return self._find(_names_of(split[0]), digits=split[1])

    def _find(self, names: list[str], *, digits: str = "") -> tuple[Resource, bool]:
        """Return what names lead to, and whether it may be kept; `digits` are those of the hash that was asked for."""
        plain, is_that = self._version(names, digits)
        cache = f"{self._kept}, max-age={YEAR_SECONDS}, immutable" if is_that else self._short
        others = dict(self._sides(names, plain))
        media_type = media_type_by_name(names[-1])
        is_packed = not others and self._is_to_be_packed(plain, media_type)
        offers = {}
        for coding, each in (("", plain), *others.items()):
            fields = _fields(each, media_type, cache, coding, varies=bool(others) or is_packed)
            offers[coding] = _representation(each, media_type, fields, each.content, each.size)
        found = Resource(monotonic() + RECHECK_SECONDS, offers.pop(""), offers, {} if is_packed else None)
        are_settled = all(each.is_stable for each in (plain, *others.values()))
        return found, are_settled and (is_that or not digits)

    def _is_to_be_packed(self, version: Version, media_type: str) -> bool:
        return (
            self._compresses
            and version.is_stable
            and version.content is not None
            and version.size >= LEAST_COMPRESSED_BYTES
            and is_compressible(media_type)
        )

    def _sides(self, names: list[str], plain: Version) -> list[tuple[str, Version]]:
        """Return the side files that are not older than their file."""
        sides = []
        for coding, ending in ENDINGS.items():
            try:
                side, _ = self._version([*names[:-1], names[-1] + ending])
            except (NotServed, OSError):
                continue
            if side.stamp[1] >= plain.stamp[1]:
                sides.append((coding, side))
        return sides

    def _version(self, names: list[str], digits: str = "") -> tuple[Version, bool]:
        """Return the version that is there, and whether it surely has this hash. Raises NotServed, or OSError."""
        opened = self.folder.open(names)
        try:
            version = self._versions.of(opened)
            return version, bool(digits) and version.is_exact and version.hash_of(opened.descriptor) == digits
        finally:
            os.close(opened.descriptor)

    def _hashed(self, names: list[str]) -> tuple[Version, str]:
        opened = self.folder.open(names)
        try:
            version = self._versions.of(opened)
            return version, version.hash_of(opened.descriptor)
        finally:
            os.close(opened.descriptor)

    def _has(self, path: str) -> bool:
        try:
            os.close(self.folder.open(_names_of(path)).descriptor)
        except (NotServed, OSError):
            return False
        return True

    # --- URLs of files ------------------------------------------------------------------------------

    def asset(self, path: str) -> str | None:
        """Return the URL of a file that may be kept for ever, None if there is no such file. Raises OSError."""
        known = self._assets.get(path)
        if known is not None and known[0] > monotonic() and known[1].is_current():
            return known[2]
        try:
            if not path or path.endswith("/"):
                return None
            version, digits = self._hashed(_names_of(path))
        except NotServed:
            return None
        url = self.prefix + quote(with_hash(path, digits), safe=_IN_A_PATH)
        if version.is_stable:
            if len(self._assets) >= MOST_VERSIONS:
                self._assets.clear()
            self._assets[path] = monotonic() + RECHECK_SECONDS, version, url
        return url

    def explain(self, path: str) -> str:
        """Return in words what is served for a path below the folder."""
        try:
            names = _names_of(path)
            found, _ = self._find(names) if self._has(path) else self._find_hashed(path)
        except NotServed:
            return "404: there is no such file, or none that is served"
        except OSError as error:
            return f"500: {error.strerror}"
        version, fields = found.plain.version, dict(found.plain.fields)
        told = (
            f"{version.path} ({version.size} bytes, {found.plain.media_type}; cache-control: {fields['cache-control']})"
        )
        return "; ".join([told, *(f"{coding}: {each.version.size} bytes" for coding, each in found.others.items())])


def _representation(
    version: Version, media_type: str, fields: tuple[Pair, ...], content: bytes | None, size: int
) -> Representation:
    return Representation(version, media_type, fields, content, size, dict(fields)["etag"], not_modified_fields(fields))


def _names_of(path: str) -> list[str]:
    """Return the names on the way to a file; that of a folder is its index. Raises NotServed."""
    names = segments_of(path)
    if names is None:
        raise NotServed
    return names if names[-1] else [*names[:-1], INDEX]


def _fields(version: Version, media_type: str, cache: str, coding: str, *, varies: bool) -> tuple[Pair, ...]:
    etag = f'{version.etag[:-1]}-{coding}"' if coding else version.etag
    fields = [
        ("content-type", media_type),
        ("etag", etag),
        ("last-modified", write_date(version.modified)),
        ("cache-control", cache),
        ("accept-ranges", "bytes"),
        # A file is what its type says: no browser is to find a page in a picture.
        ("x-content-type-options", "nosniff"),
    ]
    if coding:
        fields.append(("content-encoding", coding))
    if varies:
        fields.append(("vary", "accept-encoding"))
    return tuple(fields)


def _to_the_folder(name: str, query: str) -> Response:
    """Send a client to the same address with a slash at its end, so that links in the index mean what they say."""
    # SECURITY: tests/app/test_static.py: relative to where the client is, it can lead to no other site
    return redirect(f"./{quote(name, safe='')}/{f'?{query}' if query else ''}", permanent=True)
