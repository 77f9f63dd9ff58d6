"""The opening handshake (RFC 6455 section 4): a request to go on as a WebSocket, and the response that agrees.

In: the head of a request. Out: an `Offer`, and the bytes that accept it. Refuses a handshake that is incomplete, or
for another version, with an HTTPError. Knows nothing of origins: which pages may connect is decided by the app.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from fanlight.errors import BadRequest, UpgradeRequired
from fanlight.wire.http1.header_fields import TOKEN_BYTES
from fanlight.wire.websocket.deflate import Deflate, choose_deflate

VERSION = "13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16


class Offer(Struct, frozen=True, kw_only=True):
    """What a client offers: the key that the response proves to have read, its subprotocols, and compression."""

    key: str
    subprotocols: tuple[str, ...]
    deflate: Deflate | None


def asks_for_websocket(values: Mapping[str, str]) -> bool:
    """Return whether a request asks for the protocol `websocket` (RFC 9110 section 7.8)."""
    return "websocket" in _members(values.get("upgrade", "")) and "upgrade" in _members(values.get("connection", ""))


def read_offer(method: str, minor: int, values: Mapping[str, str]) -> Offer:
    """Return what a client offers (RFC 6455 section 4.2.1).

    Raises UpgradeRequired (426) for a request without `Upgrade: websocket` or with another version, BadRequest for a
    handshake that is malformed.
    """
    if method != "GET" or not minor or not asks_for_websocket(values):
        raise UpgradeRequired("this address is a WebSocket; connect to it with a WebSocket client")
    version = values.get("sec-websocket-version", "")
    if version != VERSION:
        raise UpgradeRequired(f"this server speaks version {VERSION} of WebSocket, and no other")
    key = values.get("sec-websocket-key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise BadRequest("Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 section 4.1)")
    subprotocols = tuple(each.strip() for each in values.get("sec-websocket-protocol", "").split(",") if each.strip())
    if any(each.encode("latin-1").translate(None, TOKEN_BYTES) for each in subprotocols):
        raise BadRequest("Sec-WebSocket-Protocol has a name that is no token (RFC 6455 section 4.1)")
    if len(set(subprotocols)) < len(subprotocols):
        raise BadRequest("Sec-WebSocket-Protocol has a name twice (RFC 6455 section 4.1)")
    return Offer(key=key, subprotocols=subprotocols, deflate=choose_deflate(values.get("sec-websocket-extensions", "")))


def accept_fields(offer: Offer, subprotocol: str | None) -> list[tuple[str, str]]:
    """Return the fields that accept an offer, besides `upgrade` and `connection` (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1(offer.key.encode() + _GUID, usedforsecurity=False).digest()
    fields = [("sec-websocket-accept", base64.b64encode(digest).decode())]
    if subprotocol is not None:
        fields.append(("sec-websocket-protocol", subprotocol))
    if offer.deflate is not None:
        fields.append(("sec-websocket-extensions", offer.deflate.response))
    return fields


def _members(value: str) -> Sequence[str]:
    return [each.strip(" \t").lower() for each in value.split(",")]
