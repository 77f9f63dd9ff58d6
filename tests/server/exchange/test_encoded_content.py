"""Requests with a content coding are refused."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight import App
from fanlight.message.content import ContentStream
from fanlight.message.request import Request
from fanlight.testing import Client

POST = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"


def echo(request: Request) -> bytes:
    return request.content


async def stream(content: ContentStream) -> bytes:
    return b"".join([piece async for piece in content])


@pytest.mark.parametrize("view", [echo, stream])
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "GZIP", "gzip, identity", "nonsense"])
def test_compressed_content_is_refused(view: Any, coding: str) -> None:
    """A request with encoded content gets 415, with `accept-encoding: identity` and an explanation."""
    with Client(App({"POST /": view})) as client:
        answer = client.send(f"{POST}content-encoding: {coding}\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 415 Unsupported Media Type\r\n")
    assert b"\r\naccept-encoding: identity\r\n" in answer
    assert f"send the content as it is, not as {coding}: nothing is decoded here".encode() in answer


@pytest.mark.parametrize("coding", ["identity", "", "Identity"])
def test_identity_is_accepted(coding: str) -> None:
    """`content-encoding: identity` means that the content is not encoded."""
    with Client(App({"POST /": echo})) as client:
        answer = client.send(f"{POST}content-encoding: {coding}\r\nconnection: close\r\n\r\nhello".encode())
    assert answer.endswith(b"\r\n\r\nhello")


def test_encoded_content_is_refused_in_place_of_100_continue() -> None:
    """A client that expects 100-continue gets the 415 before it sends the content."""
    with Client(App({"POST /": echo})) as client:
        answer = client.send(f"{POST}content-encoding: gzip\r\nexpect: 100-continue\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 415 ")


def test_encoded_content_that_is_not_read_is_discarded() -> None:
    """Where the response does not depend on the content (here a 405), it is discarded, encoded or not."""
    with Client(App({"/": "hello"})) as client:
        answer = client.send(f"{POST}content-encoding: gzip\r\nconnection: close\r\n\r\nhello".encode())
    assert answer.startswith(b"HTTP/1.1 405 ")
