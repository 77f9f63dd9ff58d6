"""The opening handshake of a WebSocket (RFC 6455 section 4)."""

from __future__ import annotations

import pytest

from fanlight.errors import BadRequest, HTTPError, UpgradeRequired
from fanlight.wire.websocket.websocket_handshake import accept_fields, read_offer

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
FIELDS = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": KEY}


def test_the_example_of_the_rfc_is_accepted() -> None:
    """RFC 6455 section 1.3: the key and its response."""
    fields = dict(accept_fields(read_offer("GET", 1, FIELDS), None))
    assert fields == {"sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}


@pytest.mark.parametrize(
    "fields",
    [
        {"upgrade": "WebSocket"},
        {"upgrade": "h2c, websocket"},
        {"connection": "keep-alive, Upgrade"},
        {"connection": "keep-alive,upgrade"},
        {"sec-websocket-extensions": "unknown"},
        {"sec-websocket-protocol": ""},
    ],
)
def test_a_handshake_may_be_written_in_other_ways(fields: dict[str, str]) -> None:
    """Names of protocols and options are in any case, and in lists; extensions that are unknown are not taken."""
    fields = dict(accept_fields(read_offer("GET", 1, {**FIELDS, **fields}), None))
    assert list(fields) == ["sec-websocket-accept"]


@pytest.mark.parametrize(
    ("fields", "method", "minor"),
    [
        ({}, "HEAD", 1),
        ({}, "POST", 1),
        ({}, "GET", 0),
        ({"upgrade": ""}, "GET", 1),
        ({"upgrade": "websockets"}, "GET", 1),
        ({"upgrade": "websocket/13"}, "GET", 1),
        ({"connection": ""}, "GET", 1),
        ({"connection": "keep-alive"}, "GET", 1),
        ({"sec-websocket-version": ""}, "GET", 1),
        ({"sec-websocket-version": "8"}, "GET", 1),
        ({"sec-websocket-version": "14"}, "GET", 1),
        ({"sec-websocket-version": "13, 8"}, "GET", 1),
    ],
)
def test_what_is_no_handshake_gets_a_426(fields: dict[str, str], method: str, minor: int) -> None:
    """With the version that we speak (RFC 6455 section 4.4)."""
    with pytest.raises(UpgradeRequired) as caught:
        read_offer(method, minor, {**FIELDS, **fields})
    assert caught.value.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize(
    "fields",
    [
        {"sec-websocket-key": ""},
        {"sec-websocket-key": "x"},
        {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ"},
        {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==="},
        {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZSE="},
        {"sec-websocket-key": "dGhlIHNhbXBsZSBub25j"},
        {"sec-websocket-key": f"{KEY}, {KEY}"},
        {"sec-websocket-key": "\xe9" * 24},
        {"sec-websocket-protocol": "a b"},
        {"sec-websocket-protocol": "a, b/c"},
        {"sec-websocket-protocol": "\xe9"},
        {"sec-websocket-protocol": "a, a"},
    ],
)
def test_a_malformed_handshake_is_a_bad_request(fields: dict[str, str]) -> None:
    """A key is 16 bytes in base64, subprotocols are tokens, each named once (RFC 6455 section 4.1)."""
    with pytest.raises(BadRequest):
        read_offer("GET", 1, {**FIELDS, **fields})


def test_a_version_is_refused_before_the_key() -> None:
    """Another version may have other fields."""
    with pytest.raises(HTTPError, match="version 13"):
        read_offer("GET", 1, {**FIELDS, "sec-websocket-version": "8", "sec-websocket-key": ""})


def test_subprotocols_are_in_the_order_of_the_client() -> None:
    """Which one is accepted is decided by the app."""
    offer = read_offer("GET", 1, {**FIELDS, "sec-websocket-protocol": "chat.v2,  chat"})
    assert offer.subprotocols == ("chat.v2", "chat")
    assert dict(accept_fields(offer, "chat"))["sec-websocket-protocol"] == "chat"


def test_an_extension_that_is_accepted_is_named() -> None:
    """With its parameters (RFC 6455 section 9.1)."""
    offer = read_offer("GET", 1, {**FIELDS, "sec-websocket-extensions": "permessage-deflate"})
    assert dict(accept_fields(offer, None))["sec-websocket-extensions"].startswith("permessage-deflate; server_no")
