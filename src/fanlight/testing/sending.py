"""What a test sends, as a browser would send it: forms with files, and JSON.

In: plain values. Out: content and its media type. And what a browser keeps of a Set-Cookie.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

Sent = bytes | Iterable[bytes]
File = Any  # a Path, bytes, (name, bytes) or (name, bytes, media type)


def body_of(
    *,
    content: Sent | None = None,
    form: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    json: Any = None,
) -> tuple[Sent | None, str]:
    """Return the content and its media type; an iterable of bytes is sent in chunks."""
    if files is not None:
        return multipart_of(form or {}, files)
    if form is not None:
        return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return msgspec.json.encode(json), "application/json"
    return content, ""


def multipart_of(form: Mapping[str, Any], files: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return a form with files as multipart/form-data; a list is several values of one name."""
    boundary = f"fanlight-{secrets.token_hex(16)}"
    parts = []
    for name, value in _each(form):
        parts.append((f'form-data; name="{_quoted(name)}"', "", str(value).encode()))
    for name, value in _each(files):
        filename, data, kind = _file(value)
        parts.append((f'form-data; name="{_quoted(name)}"; filename="{_quoted(filename)}"', kind, data))
    pieces = []
    for disposition, kind, data in parts:
        said = f"content-type: {kind}\r\n" if kind else ""
        pieces.append(f"--{boundary}\r\ncontent-disposition: {disposition}\r\n{said}\r\n".encode() + data + b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def _each(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            yield name, each


def _file(value: File) -> tuple[str, bytes, str]:
    if isinstance(value, Path):
        value = (value.name, value.read_bytes())
    elif isinstance(value, bytes):
        value = ("file", value)
    name, data, *kind = value
    return name, data, kind[0] if kind else mimetypes.guess_type(name)[0] or "application/octet-stream"


def _quoted(name: str) -> str:
    """Return a name as browsers quote it (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def cookie_of(line: str) -> tuple[str, str | None]:
    """Return the name and value of a Set-Cookie, None as value for one that is to be forgotten."""
    pair, *attributes = line.split(";")
    name, _, value = pair.strip().partition("=")
    said = {key.strip().lower(): what.strip() for key, _, what in (each.partition("=") for each in attributes)}
    is_over = said.get("max-age") == "0" or "1970" in said.get("expires", "")
    return name, None if is_over else value
