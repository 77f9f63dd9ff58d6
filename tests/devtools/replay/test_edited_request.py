"""A request as text that is edited, without its secrets, and back."""

from __future__ import annotations

import pytest

from fanlight.devtools.inspector.exchange_record import ConnectionInfo, Exchange, Piece
from fanlight.devtools.inspector.replay.edited_request import RequestText, edited_request, shown_request
from fanlight.devtools.inspector.replay.raw_request import CannotReplay

CONTENT = b"name=ada&password=geheim"
DATA = (
    b"POST /in?token=geheim HTTP/1.1\r\nHost: x\r\nCookie: id=geheim\r\nX-Name: \xff\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 24\r\n\r\n" + CONTENT
)


def exchange(data: bytes = DATA, content: bytes = CONTENT) -> Exchange:
    return Exchange(
        "000001",
        0.0,
        ConnectionInfo(1, "127.0.0.1", 0),
        outcome="done",
        method="POST",
        target="/in?token=geheim",
        received=[Piece(0.0, data, len(data))],
        received_bytes=len(data),
        head_end=data.index(b"\r\n\r\n") + 4,
        request_content=content,
    )


def from_form(text: RequestText) -> RequestText:
    """Return a text as a browser sends it back: with CRLF, in text areas that drop the first line end."""
    return RequestText(text.head.replace("\n", "\r\n"), text.content.replace("\n", "\r\n"))


def test_secrets_are_not_in_the_text() -> None:
    """What is shown for editing has no secret in it."""
    shown = shown_request(exchange())
    assert "geheim" not in shown.head + shown.content
    assert "Cookie: id=***" in shown.head


@pytest.mark.parametrize("has_secrets", [False, True])
def test_a_text_that_was_not_edited_is_the_request_itself(*, has_secrets: bool) -> None:
    """Sent back as it was shown, the text means the same bytes, secrets and broken encoding included."""
    shown = shown_request(exchange(), has_secrets=has_secrets)
    assert edited_request(exchange(), from_form(shown), is_exact=False).data == DATA


def test_an_edited_text_keeps_the_secrets_that_were_left_alone() -> None:
    """With one line edited, the others are what they were; the length of the content is set again."""
    shown = shown_request(exchange())
    edited = from_form(RequestText(shown.head.replace("Host: x", "Host: y"), shown.content))
    assert edited_request(exchange(), edited, is_exact=False).data == DATA.replace(b"Host: x", b"Host: y").replace(
        b"Content-Length: 24\r\n", b""
    ).replace(b"\r\n\r\nname", b"\r\ncontent-length: 24\r\n\r\nname")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Cookie: id=***", "Cookie: other=***"),
        ("Cookie: id=******", "Cookie: id=*"),
        ("POST /in?token=", "POST /out?token="),
    ],
)
def test_a_masked_value_that_was_edited_is_refused(old: str, new: str) -> None:
    """Asterisks are never sent in the place of a secret."""
    shown = shown_request(exchange())
    assert old in shown.head
    with pytest.raises(CannotReplay, match="masked value"):
        edited_request(exchange(), RequestText(shown.head.replace(old, new), shown.content), is_exact=False)


def test_masked_content_that_was_edited_is_refused() -> None:
    """A password that is masked can't be restored in a content that was edited."""
    shown = shown_request(exchange())
    with pytest.raises(CannotReplay, match="masked values"):
        edited_request(exchange(), RequestText(shown.head, f"x={shown.content}"), is_exact=False)


def test_content_can_be_edited() -> None:
    """Content without secrets is what was written."""
    shown = shown_request(exchange())
    raw = edited_request(exchange(), RequestText(shown.head, "name=bob&password=other"), is_exact=False)
    assert raw.data.endswith(b"content-length: 23\r\n\r\nname=bob&password=other")
