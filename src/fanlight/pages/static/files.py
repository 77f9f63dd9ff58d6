"""Respond with the files of a folder.

In: a request, and the path below the folder that it names. Out: the file with its caching headers, or a side file that
the client accepts; a response that is shared by many requests, so code that changes it must copy it first. Raises
NotFound, alike for a file that does not exist and for one that is not served. Files are cached and checked at every
request: a changed file is served as it is now.

A fingerprinted URL gets `immutable` only if the fingerprint matches the current content. Otherwise the current file is
sent with `no-cache`: an old page gets the current style sheet, and no cache keeps that under the old address.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from time import monotonic
from urllib.parse import quote

from fanlight.compression.codecs import CODECS
from fanlight.compression.negotiation import acceptable_encodings, is_compressible
from fanlight.errors import NotFound, ServiceUnavailable
from fanlight.message.conditional import apply_conditions, has_conditions, is_plain_revalidation
from fanlight.message.file_content import FileContent, Span
from fanlight.message.request import Request
from fanlight.message.response import Response, redirect
from fanlight.pages.static.file_cache import FileCache
from fanlight.pages.static.file_names import WELL_KNOWN, segments_of, with_hash, without_hash
from fanlight.pages.static.folder import NotServed, StaticFolder
from fanlight.pages.static.folder_rules import SITE_FILES, FolderRules
from fanlight.pages.static.representation import Representation, Resource, fields_of
from fanlight.pages.static.static import CACHE_BYTES
from fanlight.pages.static.versions import Stamp, Version, stamp_at, stamp_of

log = logging.getLogger("fanlight.static")

SIDE_FILE_ENDINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}  # by coding, preferred first
SIDE_FILE_CODINGS = tuple(SIDE_FILE_ENDINGS)
INDEX = "index.html"
RECHECK_SECONDS = 2.0  # after so long, links and side files are resolved again
YEAR_SECONDS = 31_536_000
MIN_COMPRESSED_BYTES = 1024  # smaller files fit into one packet anyway
MAX_COMPRESSED_RATIO = 0.95  # a larger result is not worth decoding
MAX_ASSETS = 4096  # whose URLs are remembered
_TRIES = 3
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_IN_A_PATH = "/!$&'()*+,;=:@"  # what RFC 3986 allows in a path, beside letters, digits and -._~


class StaticFiles:
    """The files of one folder, at one prefix in `URLS`.

    `path_of(request)` is the path below the folder. `is_private` makes responses `private`, for files behind
    middleware that may restrict access. `compresses`: small files without side files are compressed in memory, once.
    `rules` are those of the site's own files, or of uploaded ones.
    """

    def __init__(  # noqa: PLR0913 - given by name, for each folder
        self,
        folder: StaticFolder,
        path_of: Callable[[Request], str],
        *,
        prefix: str = "",
        is_private: bool = False,
        compresses: bool = False,
        rules: FolderRules = SITE_FILES,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._rules = rules
        self._compresses = compresses
        self.folder = folder
        self.prefix = prefix
        self._path_of = path_of
        self.cache = FileCache(cache_bytes)
        self._assets: dict[str, tuple[float, str, Stamp, str]] = {}
        self._last_logged = float("-inf")
        self._immutable = f"{'private' if is_private else 'public'}, max-age={YEAR_SECONDS}, immutable"
        self._no_cache = "private, no-cache" if is_private else "no-cache"

    # --- a request --------------------------------------------------------------------------------

    def respond(self, request: Request) -> Response:
        """Return the response to a request. Raises NotFound, or ServiceUnavailable if no more files can be opened."""
        try:
            # PERF: benchmarks/static.py: a repeated request costs one lookup and one `stat`
            resource = self.cache.resource(request.head.path)
            if resource is not None and resource.expires_at > monotonic():
                response = self._response(resource, request)
                if response is not None:
                    return response
            for _ in range(_TRIES):
                resolved = self._resolve(request, resource)
                if isinstance(resolved, Response):
                    return resolved
                response = self._response(resolved, request)
                if response is not None:
                    return response
        except NotServed:
            raise NotFound from None
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._log_exhausted(error)
            raise ServiceUnavailable("This site has too many files open just now. Try again in a moment.") from None
        raise ServiceUnavailable("This file is being changed just now. Try again in a moment.")

    def _log_exhausted(self, error: OSError) -> None:
        """Log that no more files can be opened, once a minute: it affects every request."""
        if self._last_logged < monotonic() - 60:
            self._last_logged = monotonic()
            log.error("files of %r can't be opened: %s", self.folder.root, error.strerror)

    def _response(self, resource: Resource, request: Request) -> Response | None:
        """Return the response, None if the file has changed since the resource was resolved."""
        values = request.head.values
        chosen = plain = resource.plain
        if resource.side_files or (resource.compressed is not None and "range" not in values):
            chosen = self._negotiate(resource, values.get("accept-encoding", ""))
        # A side file is valid only for the file that it was made of.
        if chosen.version is not plain.version and not plain.version.is_current():
            return None
        if has_conditions(values):
            return self._conditional_response(chosen, request)
        if chosen.whole is not None:
            return chosen.whole if chosen.version.is_current() else None
        content = self._open(chosen.version)
        return None if content is None else chosen.response(content)

    def _conditional_response(self, chosen: Representation, request: Request) -> Response | None:
        version, values = chosen.version, request.head.values
        if is_plain_revalidation(values, chosen.etag):
            return chosen.not_modified if version.is_current() else None
        if chosen.whole is None or ("range" in values and version.is_stable):
            content = self._open(version)
            response = None if content is None else chosen.response(content)
        else:
            response = chosen.whole.copy() if version.is_current() else None
        return None if response is None else apply_conditions(response, request)

    def _negotiate(self, resource: Resource, accept_encoding: str) -> Representation:
        """Return the representation that a client prefers: a side file, one compressed in memory, or the file."""
        for coding in acceptable_encodings(accept_encoding, SIDE_FILE_CODINGS):
            if resource.compressed is None:
                chosen = resource.side_files.get(coding)
            else:
                chosen = self._compressed(resource.plain, resource.compressed, coding)
            if chosen is not None:
                return chosen
        return resource.plain

    def _compressed(
        self, plain: Representation, known: dict[str, Representation], coding: str
    ) -> Representation | None:
        """Return a small file compressed in memory, None if it gets hardly smaller."""
        if coding in known or coding not in CODECS:
            return known.get(coding)
        content = plain.version.compressed.get(coding)
        if content is None:
            whole = plain.version.content or b""
            codec = CODECS[coding]
            content = codec.encode(whole, codec.cached_level, b"")
            content = content if len(content) < len(whole) * MAX_COMPRESSED_RATIO else b""
            self.cache.add_compressed(plain.version, coding, content)
        if not content:
            return None
        made = known[coding] = plain.compressed(coding, content)
        return made

    def _open(self, version: Version) -> FileContent | None:
        """Open the file of a version, None if it has changed."""
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

    # --- from a path to a resource ------------------------------------------------------------------

    def _resolve(self, request: Request, before: Resource | None) -> Resource | Response:
        """Return the resource of a request, or a redirect to a folder. Raises NotServed or OSError.

        `before` is what it was at the last time; as long as its files are the same, it goes on.
        """
        raw = request.head.path
        path = self._path_of(request)
        names = self._names_of(path)
        try:
            resource, is_cacheable = self._find(names, before)
        except NotServed as error:
            if error.is_folder and self._rules.has_indexes and names[-1] != INDEX and self._has(f"{path}/{INDEX}"):
                return _redirect_to_folder(names[-1], request.head.query)
            resource, is_cacheable = self._find_hashed(path, before)
        # Only the canonical spelling of a path is cached: a client can invent any number of others.
        if is_cacheable and ("%" not in raw or raw == self.prefix + quote(path, safe=_IN_A_PATH)):
            self.cache.keep(raw, resource)
        return resource

    def _find_hashed(self, path: str, before: Resource | None = None) -> tuple[Resource, bool]:
        split = without_hash(path) if self._rules.has_fingerprints else None
        if split is None:
            raise NotServed
        return self._find(self._names_of(split[0]), before, wanted_hash=split[1])

    def _find(
        self, names: list[str], before: Resource | None = None, *, wanted_hash: str = ""
    ) -> tuple[Resource, bool]:
        """Return the resource of a file, whose URL may contain a hash, and whether it may be cached."""
        opened = self.folder.open(names)
        try:
            plain = self.cache.version(opened)
            is_match = bool(wanted_hash) and plain.is_exact and plain.hash_of(opened.descriptor) == wanted_hash
        finally:
            os.close(opened.descriptor)
        side_files = self._side_files(names, plain) if self._rules.has_side_files else {}
        expires_at = monotonic() + RECHECK_SECONDS
        if before is not None and before.is_of(plain, side_files):
            before.renew(expires_at)
            return before, True
        cache_control = self._immutable if is_match else self._no_cache
        media_type = self._rules.media_type(names[-1])
        more = self._rules.fields(media_type, names[-1])
        is_compressed = not side_files and self._is_worth_compressing(plain, media_type)

        def representation(version: Version, coding: str = "") -> Representation:
            fields = fields_of(version, media_type, cache_control, coding, varies=bool(side_files) or is_compressed)
            return Representation(version, media_type, (*fields, *more), version.content)

        forms = {coding: representation(each, coding) for coding, each in side_files.items()}
        resource = Resource(expires_at, representation(plain), forms, {} if is_compressed else None)
        return resource, is_match or not wanted_hash

    def _is_worth_compressing(self, version: Version, media_type: str) -> bool:
        return (
            self._compresses
            and version.is_stable
            and version.content is not None
            and version.size >= MIN_COMPRESSED_BYTES
            and is_compressible(media_type)
        )

    def _side_files(self, names: list[str], plain: Version) -> dict[str, Version]:
        """Return the side files that are not older than their file, by their content codings."""
        found = {}
        path = self.folder.path_of(names)
        for coding, ending in SIDE_FILE_ENDINGS.items():
            if os.access(path + ending, os.F_OK):  # to open it finds out whether it is served
                side_names = [*names[:-1], names[-1] + ending]
                with suppress(NotServed, OSError), self._opened_version(side_names) as (side, _):
                    if side.stamp[1] >= plain.stamp[1]:
                        found[coding] = side
        return found

    @contextmanager
    def _opened_version(self, names: list[str]) -> Iterator[tuple[Version, int]]:
        """Open a file; give its current version and its descriptor. Raises NotServed or OSError."""
        opened = self.folder.open(names)
        try:
            yield self.cache.version(opened), opened.descriptor
        finally:
            os.close(opened.descriptor)

    def _names_of(self, path: str) -> list[str]:
        """Return the folders and the name of a file; the path of a folder names its index. Raises NotServed."""
        names = segments_of(path)
        if names is None or (not self._rules.has_indexes and (not names[-1] or WELL_KNOWN in names)):
            raise NotServed
        return names if names[-1] else [*names[:-1], INDEX]

    def _has(self, path: str) -> bool:
        try:
            os.close(self.folder.open(self._names_of(path)).descriptor)
        except (NotServed, OSError):
            return False
        return True

    # --- URLs of files ------------------------------------------------------------------------------

    def asset(self, path: str) -> str | None:
        """Return the fingerprinted URL of a file, None if there is no such file. Raises OSError."""
        known = self._assets.get(path)
        if known is not None and known[0] > monotonic() and known[2] == stamp_at(known[1]):
            return known[3]
        try:
            if not path or path.endswith("/"):
                return None
            with self._opened_version(self._names_of(path)) as (version, descriptor):
                hash_digits = version.hash_of(descriptor)
        except NotServed:
            return None
        url = self.prefix + quote(with_hash(path, hash_digits), safe=_IN_A_PATH)
        if version.is_stable:
            if len(self._assets) >= MAX_ASSETS:
                self._assets.clear()
            self._assets[path] = monotonic() + RECHECK_SECONDS, version.path, version.stamp, url
        return url

    def explain(self, path: str) -> str:
        """Return in words what is served for a path below the folder."""
        try:
            names = self._names_of(path)
            found, _ = self._find(names) if self._has(path) else self._find_hashed(path)
        except NotServed:
            return "404: there is no such file, or it is not served"
        except OSError as error:
            return f"500: {error.strerror}"
        plain, version = found.plain, found.plain.version
        cache_control = dict(plain.fields)["cache-control"]
        text = f"{version.path} ({version.size} bytes, {plain.media_type}; cache-control: {cache_control})"
        return "; ".join([text, *(f"{coding}: {each.size} bytes" for coding, each in found.side_files.items())])


def _redirect_to_folder(name: str, query: str) -> Response:
    """Redirect to the same path with a slash at its end, so that relative links in the index work."""
    # SECURITY: tests/app/test_static.py: a relative location can lead to no other site
    return redirect(f"./{quote(name, safe='')}/{f'?{query}' if query else ''}", permanent=True)
