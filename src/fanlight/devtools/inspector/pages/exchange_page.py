"""The page of one exchange: what its template is given.

In: an exchange, and whether its secrets are shown. Out: a context for `exchange.html`. All text in it is visible text
(`visible_text.py`), all bytes are runs (`byte_view.py`); the template escapes both.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from fanlight.devtools.inspector.exchange_record import Exchange, Piece
from fanlight.devtools.inspector.marks import marks, response_marks
from fanlight.devtools.inspector.masked_exchange import masked
from fanlight.devtools.inspector.pages import corridor
from fanlight.devtools.inspector.pages.byte_view import ByteView, as_text, byte_view
from fanlight.devtools.inspector.pages.curl_export import to_curl
from fanlight.devtools.inspector.pages.figures import clock, duration, size
from fanlight.devtools.inspector.pages.source_excerpt import source_excerpt
from fanlight.devtools.inspector.pages.visible_text import visible_record
from fanlight.devtools.inspector.pages.waterfall import waterfall

MAX_PREVIEW_BYTES = 16 * 1024
MAX_IMAGE_BYTES = 256 * 1024
# Pictures that a browser draws without running anything; SVG is text.
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_SECTION = re.compile(r"RFC (\d{4}),? sections? ([0-9.]*[0-9])")


def exchange_page(exchange: Exchange, *, shows_secrets: bool, folder: Path | None, origin: str) -> dict[str, Any]:
    """Return the context of the page."""
    shown = exchange if shows_secrets else masked(exchange)
    received = byte_view(shown.received, marks(_joined(shown.received), shown))
    sent = byte_view(shown.sent, response_marks(_joined(shown.sent), shown.method))
    curl = to_curl(shown, origin)
    record = visible_record(shown)
    return {
        "exchange": record,
        "received": received,
        "sent": sent,
        "source": source_excerpt(folder, exchange.view_place, exchange.began_at, shows_secrets=shows_secrets),
        "curl": curl,
        "wraps": corridor.wraps(record),
        "templates": corridor.templates(record),
        "was_called": _was_called(exchange),
        "statements": corridor.statements(record),
        "error_views": corridor.others(record, "error view"),
        "arguments": corridor.others(record, "arguments"),
        "compression": corridor.others(record, "compression"),
        "background": corridor.others(record, "background task"),
        "waterfall": waterfall(record),
        "fault": _fault(shown),
        "rule_url": _rule_url(shown),
        "preview": as_text(shown.response_content, MAX_PREVIEW_BYTES).replace("\\n\n", "\n").replace("\\r\n", "\n"),
        "picture": _picture(shown.response_content),
        "is_masked": not shows_secrets,
        "has_secrets": not shows_secrets and shown != exchange,
        "is_waiting": exchange.outcome == "open",
        "reached": _reached(shown),
        "parameter_parts": [_part_of(each.source, each.name, received) for each in shown.parameters],
        "field_parts": _field_parts([each.name for each in shown.response_fields], sent),
        "in_site": lambda place: place.removeprefix(f"{folder}/"),
        "duration": duration,
        "size": size,
        "clock": clock,
    }


def _was_called(exchange: Exchange) -> bool:
    """Return whether the view has run, as far as is known: an error or a response before it may have prevented it."""
    is_known = exchange.outcome != "open" and not exchange.is_cut
    return not is_known or any(span.kind == "view" for span in exchange.spans)


def _joined(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces)


def _part_of(source: str, name: str, received: ByteView) -> str:
    """Return the part of the received bytes that a parameter's value came from, "" if it is none of them."""
    names = {part.name.lower(): part.key for part in reversed(received.parts)}
    kind = source.partition(" ")[0].lower()
    if kind in ("path", "query"):
        return names.get("target", "")
    if kind in ("header", "cookie"):
        return names.get("cookie" if kind == "cookie" else name.lower().replace("_", "-"), "")
    return names.get("content", names.get("chunk 1", "")) if kind in ("form", "json", "body", "upload") else ""


def _field_parts(names: list[str], sent: ByteView) -> list[str]:
    """Return for each field of the response its part of the sent bytes, "" if it is not among those shown."""
    left = [(part.name.lower(), part.key) for part in sent.parts if part.key.startswith("field-")]
    found = []
    for name in names:
        key = next((key for each, key in left if each == name.lower()), "")
        left = [pair for pair in left if pair[1] != key]
        found.append(key)
    return found


def _fault(exchange: Exchange) -> str:
    """Return the bytes at fault as text, with their place."""
    if exchange.refusal is None:
        return ""
    found = next((mark for mark in marks(_joined(exchange.received), exchange) if mark.kind == "fault"), None)
    if found is None:
        return ""
    data = _joined(exchange.received)[found.start : found.end]
    name = f"byte {found.start}" if len(data) == 1 else f"bytes {found.start} to {found.end - 1}"
    return f"{name}, '{as_text(data, 60)}'".replace("\n", "")


def _rule_url(exchange: Exchange) -> str:
    """Return the address of the section of the RFC that a message violates, "" if none is named."""
    if exchange.refusal is None:
        return ""
    found = _SECTION.search(f"{exchange.refusal.source} {exchange.refusal.rule}")
    return f"https://www.rfc-editor.org/rfc/rfc{found[1]}#section-{found[2]}" if found else ""


def _picture(content: bytes) -> str:
    """Return a picture as the address of an image, "" if it is none or too big."""
    kind = next((kind for start, kind in _PICTURES.items() if content.startswith(start)), "")
    if not kind or len(content) > MAX_IMAGE_BYTES:
        return ""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _reached(exchange: Exchange) -> str:
    """Return how far an exchange came: "bytes", "head", "route" or "view"."""
    if exchange.view or any(span.kind == "view" for span in exchange.spans) or exchange.run is not None:
        return "view"
    if exchange.route or exchange.candidates:
        return "route"
    return "head" if exchange.head_end and exchange.refusal is None else "bytes"
