"""Which requests may reach the tools."""

from __future__ import annotations

import pytest

from fanlight.devtools.access import refusal
from fanlight.message.request import Request
from fanlight.testing import FakeHead

ADMITTED: list[dict[str, str]] = [
    {"host": "localhost:8000"},
    {"host": "LOCALHOST"},
    {"host": "127.0.0.1:8000"},
    {"host": "[::1]:8000"},
    {"host": "app.localhost:8000"},
    {"host": "localhost:8000", "sec-fetch-site": "none"},
    {"host": "localhost:8000", "sec-fetch-site": "same-origin", "origin": "http://localhost:8000"},
]
REFUSED: list[tuple[dict[str, str], str]] = [
    ({"host": "evil.example"}, "evil.example"),
    ({"host": "localhost.evil.example:8000"}, "localhost.evil.example"),
    ({"host": "127.0.0.1.evil.example"}, "evil.example"),
    ({"host": "192.168.1.7:8000"}, "192.168.1.7"),
    ({"host": ""}, "''"),
    ({"host": "localhost:8000", "sec-fetch-site": "cross-site"}, "cross-site"),
    ({"host": "localhost:8000", "sec-fetch-site": "same-site"}, "same-site"),
    ({"host": "localhost:8000", "origin": "http://evil.example"}, "evil.example"),
    ({"host": "localhost:8000", "origin": "http://localhost:9000"}, "localhost:9000"),
    ({"host": "localhost:8000", "origin": "null"}, "null"),
]


def request_with(fields: dict[str, str], client: str | None = "127.0.0.1") -> Request:
    return Request(FakeHead("GET", "/__fanlight__/", fields), client, None)


@pytest.mark.parametrize("fields", ADMITTED, ids=str)
def test_pages_of_this_machine_are_admitted(fields: dict[str, str]) -> None:
    """A request by a name of this machine, from a page of its own or from none, reaches the tools."""
    assert refusal(request_with(fields)) == ""


@pytest.mark.parametrize(("fields", "named"), REFUSED, ids=str)
def test_pages_of_others_are_refused(fields: dict[str, str], named: str) -> None:
    """A foreign Host, Origin or Sec-Fetch-Site is refused, and the reason names it."""
    assert named in refusal(request_with(fields))


@pytest.mark.parametrize(
    ("client", "is_admitted"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.7", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        (None, False),
        ("", False),
    ],
)
def test_only_clients_on_this_machine_are_admitted(client: str | None, is_admitted: bool) -> None:
    """The peer of the connection has to be a loopback address."""
    assert (refusal(request_with({"host": "localhost"}, client)) == "") is is_admitted
