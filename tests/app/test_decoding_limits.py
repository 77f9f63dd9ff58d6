"""Limits of decoding: JSON, urlencoded forms, and each of their fields."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from fanlight import App, limits
from fanlight.errors import ContentTooLarge
from fanlight.message.body_policy import FormLimits
from fanlight.message.form import read_query, read_urlencoded
from fanlight.message.request import Request
from fanlight.testing import Client, LiveServer

MIB = 1024 * 1024


def fields(a: str = "", b: int = 0) -> str:
    return f"{len(a)} {b}"


@limits(json_bytes=3 * MIB, text_bytes=2 * MIB, field_bytes=2 * MIB)
def more(a: str = "") -> str:
    return str(len(a))


@limits(field_bytes=10, fields=3)
def less(a: str = "") -> str:
    return a


def by_hand(request: Request) -> str:
    return str(len(request.json if request.is_json else request.form))


def raw(request: Request) -> str:
    return str(len(request.content))


URLS = {
    "POST /fields": fields,
    "POST /more": more,
    "POST /less": less,
    "POST /by-hand": by_hand,
    "POST /raw": raw,
}
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(App(URLS)) as running:
        yield running


def json_of(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def form_of(size: int) -> bytes:
    return b"a=" + b"x" * (size - 2)


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "cap", "most"),
    [
        ("/fields", "json_bytes", MIB),
        ("/fields", "text_bytes", MIB),
        ("/more", "json_bytes", 3 * MIB),
        ("/more", "text_bytes", 2 * MIB),
        ("/by-hand", "json_bytes", MIB),
        ("/by-hand", "text_bytes", MIB),
    ],
)
def test_decoded_content_has_a_cap(client: Client, path: str, cap: str, most: int, *, is_chunked: bool) -> None:
    """Content up to its cap is decoded; above it the 413 names the cap, whether it has a length or is chunked."""
    make, kind = (json_of, JSON) if cap == "json_bytes" else (form_of, FORM)

    def send(size: int) -> Any:
        data = make(size)
        return client.post(path, content=iter([data[:100], data[100:]]) if is_chunked else data, headers=kind)

    assert send(most).status == 200
    refused = send(most + 1)
    assert refused.status == 413
    assert f"over {most} bytes" in refused.text
    assert "raise" not in refused.text  # the hint is for the author, in the log


def test_content_that_is_not_decoded_has_no_cap(client: Client) -> None:
    """A view that takes the raw content takes JSON of any size within the limit of content."""
    assert client.post("/raw", content=json_of(4 * MIB), headers=JSON).text == str(4 * MIB)


def test_a_cap_is_reported_before_the_content_is_sent() -> None:
    """JSON with too large a Content-Length is refused by its head alone."""
    with LiveServer(App(URLS)) as server, socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(
            b"POST /fields HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1048577\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a=12345678901", "a field of the form is over 10 bytes"),
        (b"a=%41%41%41%41%41%41%41%41%41%41%41", "a field of the form is over 10 bytes"),
        (b"12345678901=a", "a field of the form is over 10 bytes"),
        (b"a=%C3%BC%C3%BC%C3%BC%C3%BC%C3%BC%C3%BC", "a field of the form is over 10 bytes"),
        (b"a=1&a=2&a=3&a=4", "there are over 3 fields in the form"),
    ],
)
def test_the_caps_of_fields_hold_for_urlencoded_forms(client: Client, content: bytes, said: str) -> None:
    """The limit of a field applies to its decoded size, whatever the encoding of the form."""
    refused = client.post("/less", content=content, headers=FORM)
    assert refused.status == 413
    assert said in refused.text


@pytest.mark.parametrize(
    ("content", "value"), [(b"a=1234567890", "1234567890"), (b"a=" + b"%41" * 10, "A" * 10), (b"a=%zz+%", "%zz %")]
)
def test_a_field_at_its_cap_is_read(client: Client, content: bytes, value: str) -> None:
    """The size of a field is that after decoding."""
    assert client.post("/less", content=content, headers=FORM).text == value


def test_a_field_over_its_cap_is_not_decoded() -> None:
    """It is refused by its encoded length: decoding it first would take many times the memory."""
    tracemalloc.start()
    with pytest.raises(ContentTooLarge):
        read_urlencoded("a=" + "%41" * 100_000, FormLimits(field_bytes=1000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MIB


def test_decoding_percent_signs_takes_little_memory() -> None:
    """Decoding a text of percent signs takes about its own size, not fifty times that."""
    text = "a=" + "%41" * (MIB // 3)
    tracemalloc.start()
    ((_, value),) = read_urlencoded(text, FormLimits())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert value == "A" * (MIB // 3)
    assert peak < 4 * MIB


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("piece", ["%C3%BC", "%", "%4", "%zz", "xy%"])
def test_a_long_text_is_decoded_like_a_short_one(shift: int, piece: str) -> None:
    """The boundaries at which a long text is decoded in parts make no difference."""
    ((_, value),) = read_urlencoded("a=" + "x" * shift + piece * 20_000, FormLimits())
    ((_, short),) = read_urlencoded("a=" + piece, FormLimits())
    assert value == "x" * shift + short * 20_000


def test_a_query_of_too_many_fields_has_a_hint() -> None:
    """No setting allows more fields in a query, so the message names a form."""
    with pytest.raises(ContentTooLarge, match=r"over 1000 fields in the query; send a form, or JSON"):
        read_query("a&" * 1001)
