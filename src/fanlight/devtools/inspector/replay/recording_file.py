"""A file of recorded exchanges, to be sent again later: JSON Lines, made to be read in a diff.

In: exchanges. Out: lines; and from the lines again `Recorded` requests with their responses. The first line names the
format, and has the rules for what may differ. Credentials are left out unless asked for; their names stay.
Raises InvalidRecording for a file that is no recording.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest, method_and_target
from fanlight.devtools.inspector.replay.response_reader import BadResponse, ReadResponse, read_response
from fanlight.devtools.secrets import MAX_TEXT, mask, mask_text
from fanlight.errors import FanlightError
from fanlight.server.recording.redact import is_secret_name, redact

FORMAT, VERSION = "fanlight recording", 1
MAX_CONTENT_BYTES = 1024 * 1024
_CREDENTIALS = ("authorization", "proxy-authorization", "cookie")
_PART_NAME = re.compile(r'name="([^"\r\n]{1,100})"')


class InvalidRecording(FanlightError):
    """A file is no recording; the message has its line."""


class Recorded(Struct, frozen=True, kw_only=True):
    """A request, and the response that it had."""

    id: str
    request: RawRequest
    response: ReadResponse
    left_out: tuple[str, ...] = ()  # credentials, without which the response is another one


class Recording(Struct, frozen=True):
    """What a file holds."""

    exchanges: tuple[Recorded, ...]
    rules: tuple[str, ...]


class _Head(Struct, omit_defaults=True, forbid_unknown_fields=True):
    format: str
    version: int
    may_differ: list[str] = []


class _Bytes(Struct, omit_defaults=True, forbid_unknown_fields=True):
    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, data: bytes) -> _Bytes:
        try:
            return cls(text=data.decode())
        except UnicodeDecodeError:
            return cls(base64=base64.b64encode(data).decode())

    def data(self) -> bytes:
        return base64.b64decode(self.base64, validate=True) if self.base64 is not None else (self.text or "").encode()


class _Response(Struct, omit_defaults=True, forbid_unknown_fields=True):
    status: int
    fields: list[tuple[str, str]] = []
    content: _Bytes | None = None
    ended: str = ""


class _Line(Struct, omit_defaults=True, forbid_unknown_fields=True):
    id: str
    request: _Bytes
    response: _Response
    left_out: list[str] = []


def response_of(exchange: Exchange) -> ReadResponse | None:
    """Return the response of an exchange as its client has received it; None if it had none."""
    data = b"".join(piece.data for piece in exchange.sent)
    if not data:
        return None
    try:
        response = read_response(data, exchange.method, MAX_CONTENT_BYTES, is_whole=exchange.sent_bytes == len(data))
    except BadResponse:
        return None
    if not response.is_complete and exchange.response_content:
        # Its bytes were cut; what was kept of its content is longer, and not compressed.
        response = msgspec.structs.replace(response, content=exchange.response_content)
    return response


def record(exchange: Exchange, *, has_secrets: bool = False) -> Recorded:
    """Return an exchange as it is recorded. Raises CannotReplay where not all of it was kept."""
    request, response = RawRequest.of(exchange), response_of(exchange)
    if response is None:
        raise CannotReplay(f"exchange {exchange.id} has no response")
    if has_secrets:
        return Recorded(id=exchange.id, request=request, response=response)
    request, left_out = without_secrets(request)
    fields = tuple((name, mask(name, value) if name == "set-cookie" else value) for name, value in response.fields)
    return Recorded(
        id=exchange.id,
        request=request,
        response=msgspec.structs.replace(response, fields=fields),
        left_out=left_out,
    )


def without_secrets(request: RawRequest) -> tuple[RawRequest, tuple[str, ...]]:
    """Return a request without credentials, secret parameters and passwords, and what was left out of it."""
    head, end, content = request.data.partition(b"\r\n\r\n")
    lines, left_out = [], []
    first, *fields = head.split(b"\r\n")
    for line in fields:
        name = line.partition(b":")[0].decode("latin-1").lower()
        if name in _CREDENTIALS or is_secret_name(name[:100]):
            left_out.append(name)
        else:
            lines.append(line)
    if (target := redact(request.target)) != request.target:
        left_out.append("secret in the URL")
        first = first.replace(request.target.encode("latin-1"), target.encode("latin-1"))
    if _has_secrets(content):
        left_out.append("secret content")
        content = b""
    data = b"\r\n".join([first, *lines]) + end + content
    return RawRequest(data, request.method, target), tuple(left_out)


def _has_secrets(content: bytes) -> bool:
    """Return whether content has a password or a token in it: in a form, a document, or a part of a form."""
    text = content[:MAX_TEXT].decode("latin-1")
    return any(map(is_secret_name, _PART_NAME.findall(text))) or mask_text(f"?{text}") != f"?{text}"


def write_head(path: Path, rules: Sequence[str], *, has_secrets: bool) -> None:
    """Begin a file. Raises InvalidRecording if it exists, or can't be written."""
    head = _Head(FORMAT, VERSION, list(rules))
    try:
        mode = 0o600 if has_secrets else 0o666
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(msgspec.json.encode(head) + b"\n")
    except FileExistsError:
        raise InvalidRecording(f"{path} exists; give another name, or remove it") from None
    except OSError as error:
        raise InvalidRecording(f"{path} can't be written: {error.strerror}") from None


def append(path: Path, recorded: Recorded) -> None:
    """Add one exchange to a file."""
    response = recorded.response
    content = response.content
    line = _Line(
        id=recorded.id,
        request=_Bytes.of(recorded.request.data),
        response=_Response(
            response.status, list(response.fields), _Bytes.of(content) if content else None, response.ended
        ),
        left_out=list(recorded.left_out),
    )
    with path.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


def read(path: Path) -> Recording:
    """Return what a file holds. Raises InvalidRecording."""
    try:
        first, *lines = path.read_bytes().splitlines() or [b""]
    except OSError as error:
        raise InvalidRecording(f"{path} can't be read: {error.strerror}") from None
    try:
        head = msgspec.json.decode(first, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        head = _Head("", 0)
    if head.format != FORMAT or head.version != VERSION:
        raise InvalidRecording(f"{path} is no recording of version {VERSION}; `fanlight record {path.name}` makes one")
    found = [_read_line(line, f"{path}:{number}") for number, line in enumerate(lines, 2) if line.strip()]
    return Recording(tuple(found), tuple(head.may_differ))


def _read_line(line: bytes, place: str) -> Recorded:
    try:
        each = msgspec.json.decode(line, type=_Line)
        data, content = each.request.data(), each.response.content
        response = ReadResponse(
            status=each.response.status,
            fields=tuple((name, value) for name, value in each.response.fields),
            content=content.data() if content is not None else b"",
            is_complete=not each.response.ended,
            ended=each.response.ended,
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidRecording(f"{place} is no recorded exchange: {error}") from None
    request = RawRequest(data, *method_and_target(data))
    return Recorded(id=each.id, request=request, response=response, left_out=tuple(each.left_out))
