"""An exchange as a file: its raw bytes, JSON, and HAR 1.2.

In: exchanges, masked or not. Out: bytes. HAR is the format of browsers' network panels
(http://www.softwareishard.com/blog/har-12-spec/). It has no place for messages that never became a request, so these
are left out. Each file says whether its secrets are masked.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import json, to_builtins

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.marking import Mark, fields_of
from fanlight.devtools.inspector.marks import marks, response_marks
from fanlight.reason_phrases import REASON_PHRASES
from fanlight.version import VERSION

MASKED = "secrets are masked"
SHOWN = "with secrets: handle with care"
_UNKNOWN = -1  # HAR's word for a size or a time that is not known


def raw_request(exchange: Exchange, shows_secrets: bool) -> bytes:  # noqa: ARG001, FBT001 - all exports are called alike
    """Return the bytes as they came."""
    return b"".join(piece.data for piece in exchange.received)


def raw_response(exchange: Exchange, shows_secrets: bool) -> bytes:  # noqa: ARG001, FBT001 - as above
    """Return the bytes as they left."""
    return b"".join(piece.data for piece in exchange.sent)


def json_of(exchange: Exchange, shows_secrets: bool) -> bytes:  # noqa: FBT001 - as above
    """Return all that is recorded of an exchange; bytes are written in base64."""
    record = {"fanlight": SHOWN if shows_secrets else MASKED, **to_builtins(exchange)}
    return json.format(json.encode(record), indent=1)


def har(exchanges: Iterable[Exchange], *, shows_secrets: bool) -> bytes:
    """Return exchanges as a HAR 1.2 file."""
    entries = [_entry(each) for each in exchanges if each.method and each.refusal is None]
    creator = {"name": "Fanlight", "version": VERSION}
    log = {"version": "1.2", "creator": creator, "entries": entries, "comment": SHOWN if shows_secrets else MASKED}
    return json.format(json.encode({"log": log}), indent=1)


def _entry(exchange: Exchange) -> dict[str, Any]:
    received = raw_request(exchange, shows_secrets=True)
    sent = raw_response(exchange, shows_secrets=True)
    request_marks, sent_marks = marks(received, exchange), response_marks(sent, exchange.method)
    fields, response_fields = _pairs(request_marks, received), _pairs(sent_marks, sent)
    began = datetime.fromtimestamp(exchange.began_at, UTC).isoformat(timespec="milliseconds")
    timings = _timings(exchange)
    return {
        "startedDateTime": began.replace("+00:00", "Z"),
        "time": sum(each for each in timings.values() if each > 0),
        "request": _request(exchange, fields),
        "response": _response(exchange, response_fields, _head_size(sent_marks)),
        "cache": {},
        "timings": timings,
        "connection": str(exchange.connection.number),
        "comment": f"{exchange.id}, {exchange.outcome}",
    }


def _pairs(found: list[Mark], data: bytes) -> list[dict[str, str]]:
    return [
        {"name": name.decode("latin-1"), "value": value.decode("latin-1")} for name, value in fields_of(found, data)
    ]


def _head_size(found: list[Mark]) -> int:
    """Return where the content begins."""
    return next((mark.end for mark in reversed(found) if mark.label == "the end of the head"), _UNKNOWN)


def _values(fields: list[dict[str, str]], name: str) -> list[str]:
    return [each["value"] for each in fields if each["name"].lower() == name]


def _request(exchange: Exchange, fields: list[dict[str, str]]) -> dict[str, Any]:
    host = (_values(fields, "host") or ["localhost"])[0]
    scheme = "https" if exchange.connection.tls else "http"
    url = exchange.target if "://" in exchange.target else f"{scheme}://{host}{exchange.target}"
    pairs: list[tuple[str, str]] = []
    with contextlib.suppress(ValueError):
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=1000)
    cookies = [part.strip().partition("=") for line in _values(fields, "cookie") for part in line.split(";")]
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": url,
        "httpVersion": exchange.version or "HTTP/1.1",
        "cookies": [{"name": name, "value": value} for name, _, value in cookies if name],
        "headers": fields,
        "queryString": [{"name": name, "value": value} for name, value in pairs],
        "headersSize": exchange.head_end or _UNKNOWN,
        "bodySize": max(0, exchange.received_bytes - exchange.head_end),
    }
    if exchange.request_content:
        kind = (_values(fields, "content-type") or [""])[0]
        request["postData"] = {"mimeType": kind, "params": [], **_text(exchange.request_content, for_request=True)}
    return request


def _response(exchange: Exchange, fields: list[dict[str, str]], head_size: int) -> dict[str, Any]:
    kind = (_values(fields, "content-type") or ["x-unknown"])[0]
    content: dict[str, Any] = {"size": exchange.content_bytes or len(exchange.response_content), "mimeType": kind}
    if exchange.encoded_bytes:
        content["compression"] = exchange.content_bytes - exchange.encoded_bytes
    cookies = [line.partition(";")[0].partition("=") for line in _values(fields, "set-cookie")]
    return {
        "status": exchange.status,
        "statusText": REASON_PHRASES.get(exchange.status, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [{"name": name.strip(), "value": value} for name, _, value in cookies],
        "headers": fields,
        "content": content | _text(exchange.response_content),
        "redirectURL": (_values(fields, "location") or [""])[0],
        "headersSize": head_size,
        "bodySize": exchange.sent_bytes - head_size if head_size > 0 else _UNKNOWN,
    }


def _text(content: bytes, *, for_request: bool = False) -> dict[str, str]:
    """Return content as text; HAR has an encoding for that of responses, not for that of requests."""
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        if for_request:
            return {"text": content.decode("latin-1"), "comment": "not UTF-8: each character is one byte"}
        return {"text": base64.b64encode(content).decode(), "encoding": "base64"}


def _timings(exchange: Exchange) -> dict[str, float]:
    """Return the stages in milliseconds: received is `send`, the site's work `wait`, and sent `receive`."""
    received = exchange.content_at or (exchange.received[-1].at if exchange.received else 0.0)
    response_at = exchange.response_at or (exchange.sent[0].at if exchange.sent else exchange.seconds)
    return {
        "send": round(max(0.0, received) * 1000, 3),
        "wait": round(max(0.0, response_at - received) * 1000, 3),
        "receive": round(max(0.0, exchange.seconds - response_at) * 1000, 3),
    }
