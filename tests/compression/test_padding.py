"""Padding: the length of a compressed response reveals nothing of the secrets in it (the BREACH attack)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fanlight import App
from fanlight.compression.codecs import CODINGS
from fanlight.compression.compression_settings import Compression
from fanlight.testing import Client

TEXT = "".join(f"<p>line {number} of a page that is worth it</p>\n" for number in range(100))
BIG = TEXT * 60
ALL = {"accept-encoding": "gzip, deflate, br, zstd"}
COOKIE = {"cookie": "session=secret"}


def lines() -> Iterator[str]:
    for number in range(3):
        yield f"line {number}\n"


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("headers", [COOKIE, {"authorization": "Basic YTpi"}])
@pytest.mark.parametrize("content", [TEXT, BIG])
def test_the_length_varies_for_clients_with_credentials(coding: str, headers: dict[str, str], content: str) -> None:
    """The same page has another length each time and the same content, so lengths can't be compared."""
    with Client(App({"/": lambda: content})) as client:
        asked = headers | {"accept-encoding": coding}
        answers = [client.get("/", headers=asked) for _ in range(20)]
        plain = [client.get("/", headers={"accept-encoding": coding}) for _ in range(3)]
    assert {answer.text for answer in answers} == {content}
    lengths = {len(answer.raw_content) for answer in answers}
    assert len(lengths) > 5
    assert max(lengths) - min(lengths) < 100
    assert len({answer.raw_content for answer in plain}) == 1


@pytest.mark.parametrize("content", [TEXT, BIG])
def test_head_has_no_length_where_get_varies(content: str) -> None:
    """Each GET has another length, so HEAD has none; the other fields are the same."""
    with Client(App({"/": lambda: content})) as client:
        get, head = client.get("/", headers=ALL | COOKIE), client.head("/", headers=ALL | COOKIE)
    assert "content-length" not in head.headers
    framing = {"date", "content-length", "transfer-encoding"}
    assert {pair for pair in head.headers.pairs() if pair[0] not in framing} == {
        pair for pair in get.headers.pairs() if pair[0] not in framing
    }


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
def test_the_padding_has_a_bound(most: int) -> None:
    """A response grows by at most `padding_bytes` and their header, and the page stays the same."""
    with Client(App({"/": lambda: TEXT}, compression=Compression(padding_bytes=most))) as client:
        for coding in CODINGS:
            bare = len(client.get("/", headers={"accept-encoding": coding}).raw_content)
            for _ in range(10):
                answer = client.get("/", headers=COOKIE | {"accept-encoding": coding})
                assert answer.text == TEXT
                assert 0 < len(answer.raw_content) - bare <= most + 16


def test_big_padded_content_is_one_piece() -> None:
    """The length of each piece would be visible by itself, so there is only one."""
    with Client(App({"/": lambda: BIG})) as client:
        head = "GET / HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\nconnection: close\r\n"
        padded = client.send(f"{head}cookie: a=b\r\n\r\n".encode())
        plain = client.send(f"{head}\r\n".encode())
    assert _chunks(padded) == 1
    assert _chunks(plain) > 1


def test_a_stream_for_a_client_with_credentials_is_not_compressed() -> None:
    """The length of each piece would be visible, so a stream to a client with cookies is sent as it is, with `vary`."""
    with Client(App({"/": lines})) as client:
        answer = client.get("/", headers=ALL | COOKIE)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.text == "line 0\nline 1\nline 2\n"


def test_padding_is_a_setting() -> None:
    """Without padding, responses are the same for all clients, and streams are compressed for all."""
    setting = Compression(padding_bytes=0)
    with Client(App({"/": lambda: TEXT, "/lines": lines}, compression=setting)) as client:
        assert len({client.get("/", headers=headers).raw_content for headers in (ALL, ALL | COOKIE)}) == 1
        assert client.get("/lines", headers=ALL | COOKIE).headers["content-encoding"] == "zstd"


def _chunks(answer: bytes) -> int:
    """Return the number of chunks, without the last, empty one."""
    count, rest = 0, answer.partition(b"\r\n\r\n")[2]
    while (size := int(rest.partition(b"\r\n")[0], 16)) > 0:
        count, rest = count + 1, rest.partition(b"\r\n")[2][size + 2 :]
    return count
