"""Put the script of the tools into the pages of a site, so that they refresh themselves.

In: a response of the site that is about to be sent. Out: the same response, or a copy of it with a `<script>` in its
head, and a content security policy that lets it run. HTML that is no complete document, such as "<h1>Hello</h1>", gets
it only where a browser shows it as a page of its own (`Sec-Fetch-Dest: document`); a fragment that a script fetches is
left alone. So are downloads, parts of files, and responses without content.

A page with the script must not come from a cache: it would take itself for an older one. So it has no validators.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from fanlight.devtools.dev_context import PREFIX
from fanlight.devtools.reload.content_policy import admit
from fanlight.message.file_content import FileContent
from fanlight.message.headers import MutableHeaders, Pair
from fanlight.message.media_types import charset_of, essence_of
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.stream import stream_of

SCRIPT = f"{PREFIX}/static/reload.js"
MAX_FILE_BYTES = 8 * 1024 * 1024  # a larger file of HTML is sent as it is
_WITHOUT_CONTENT = frozenset({204, 205, 206, 304})
_ASCII_LIKE = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252"})
# A document begins with its type or its root, perhaps behind blanks and comments; the script goes into the head if it
# comes first, or else behind what was there.
_COMMENTS = rb"(?:<!--(?>.*?-->)\s*)*+"  # without a second try: each comment ends at its first end
_BEFORE = rb"(?:\xef\xbb\xbf)?\s*" + _COMMENTS
_DOCUMENT = re.compile(_BEFORE + rb"(?:<!doctype\s+html|<html[\s>])", re.IGNORECASE | re.DOTALL)
_HEAD = re.compile(
    _BEFORE
    + rb"(?:<!doctype[^>]*>)?\s*"
    + _COMMENTS
    + rb"(?:<html(?:\s[^>]*)?>)?\s*"
    + _COMMENTS
    + rb"(?:<head(?:\s[^>]*)?>)?",
    re.IGNORECASE | re.DOTALL,
)
# What may be the beginning of the type, of the root, of the head, or of a comment in front of them.
_UNFINISHED = re.compile(
    rb"\s*(?:<(?:!(?:-(?:-.*)?|[a-z][^>]*)?|h(?:t(?:m(?:l(?:\s[^>]*)?)?)?|e(?:a(?:d(?:\s[^>]*)?)?)?)?)?)?",
    re.IGNORECASE | re.DOTALL,
)
_FRONT = re.compile(_BEFORE, re.DOTALL)
_BEGINNINGS = (b"<!doctype html", b"<html", b"<!--")
_SEARCHED = 16 * 1024  # bytes of a stream in which the head is looked for
_FORGOTTEN = frozenset(
    {
        "etag",
        "last-modified",
        "expires",
        "age",
        "content-digest",
        "repr-digest",
        "content-md5",
        "accept-ranges",
    }
)


def with_script(response: Response, request: Request, version: str, policies: Sequence[Pair] = ()) -> Response:
    """Return a response whose page refreshes itself, or the same response.

    `policies` are the fields with content security policies that the server would add to the response.
    """
    kind = response.media_type if response.has_shared_fields else response.headers.get("content-type")
    if response.status in _WITHOUT_CONTENT or not _is_html(kind):
        return response
    if not response.has_shared_fields and _is_not_shown(response.headers):
        return response
    is_page = request.head.values.get("sec-fetch-dest") == "document"
    content: Any = response.content
    if isinstance(content, FileContent):
        if content.length > MAX_FILE_BYTES:
            return response
        content = b"".join(content)
        response = _with_content(response.copy(), content)
    if not isinstance(content, bytes):
        changed = response.copy()
        injector = Injector(_tag(changed, request, version, policies), is_page=is_page)
        return _without_validators(_with_content(changed, stream_of(content, encoder=injector)))
    at = position(content, is_page=is_page)
    if at is None:
        return response
    changed = response.copy()
    tag = _tag(changed, request, version, policies)
    return _without_validators(_with_content(changed, content[:at] + tag + content[at:]))


@lru_cache(256)  # PERF: benchmarks/inspector.py: most responses have one of few types
def _is_html(kind: str) -> bool:
    return essence_of(kind) == "text/html" and charset_of(kind) in _ASCII_LIKE


def _is_not_shown(fields: MutableHeaders) -> bool:
    return "content-encoding" in fields or fields.get("content-disposition").lower().startswith("attachment")


def position(content: bytes, *, is_page: bool = False) -> int | None:
    """Return where the script goes in a document; None if it is none, and is not shown as a page either."""
    found = _HEAD.match(content) if _DOCUMENT.match(content) is not None else None
    if found is not None:
        return found.end()
    if not is_page:
        return None
    return len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0


class Injector:
    """Puts the script into a document that comes in pieces; used in the place of an encoder of the stream."""

    def __init__(self, tag: bytes, *, is_page: bool = False) -> None:
        self._tag, self._is_page, self._held, self._is_done = tag, is_page, b"", False

    def encode(self, piece: bytes, /) -> bytes:
        """Return the next bytes to send: none while the beginning of the document is incomplete."""
        if self._is_done:
            return piece
        self._held += piece
        return self.finish() if len(self._held) >= _SEARCHED or _is_decided(self._held) else b""

    def finish(self) -> bytes:
        """Return what is left."""
        if self._is_done:
            return b""
        held, self._held, self._is_done = self._held, b"", True
        at = position(held, is_page=self._is_page)
        return held if at is None else held[:at] + self._tag + held[at:]


def _is_decided(held: bytes) -> bool:
    """Return whether the beginning of a stream is enough to find the place for the script, or that there is none."""
    found = _HEAD.match(held) if _DOCUMENT.match(held) is not None else None
    if found is not None:
        return _UNFINISHED.fullmatch(held, found.end()) is None
    start = _FRONT.sub(b"", held, count=1).lower()
    return bool(start) and not any(each.startswith(start[: len(each)]) for each in _BEGINNINGS)


def _tag(response: Response, request: Request, version: str, policies: Sequence[Pair]) -> bytes:
    """Return the script's element, and let it run."""
    nonce = ""
    for name, policy in policies:
        if name not in response.headers.replaced:
            response.headers[name] = policy
    if not response.has_shared_fields:
        nonce = admit(response.headers, f"{request.scheme}://{request.head.authority}{PREFIX}/")
    return _element(version, nonce, is_form=request.head.method not in ("GET", "HEAD"))


@lru_cache(16)
def _element(version: str, nonce: str, *, is_form: bool) -> bytes:
    attributes = [f'src="{SCRIPT}"', f'data-version="{version}"']
    if is_form:
        attributes.append('data-form="true"')  # a refresh would send it again
    if nonce:
        attributes.append(f'nonce="{nonce}"')
    return f"<script async {' '.join(attributes)}></script>".encode()


def _with_content(response: Response, content: Any) -> Response:
    response.content, response.length = content, None
    return response


def _without_validators(response: Response) -> Response:
    if not response.has_shared_fields:
        for name in _FORGOTTEN & set(response.headers):
            del response.headers[name]
    response.headers["cache-control"] = "no-store"
    return response
