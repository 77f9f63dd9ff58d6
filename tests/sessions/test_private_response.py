"""A response that depends on a session stays out of shared caches."""

from __future__ import annotations

import pytest

from fanlight.message.response import Response
from fanlight.sessions.private_response import mark_private


@pytest.mark.parametrize(
    ("vary", "marked"),
    [
        ("", "cookie"),
        ("accept", "accept, cookie"),
        ("Accept-Encoding, Cookie", "Accept-Encoding, Cookie"),
        ("*", "*"),
    ],
)
def test_it_varies_by_cookie(vary: str, marked: str) -> None:
    """`Vary` gets `cookie`, and keeps what is there."""
    response = Response("x", headers={"vary": vary} if vary else None)
    mark_private(response)
    mark_private(response)
    assert response.headers["vary"] == marked


@pytest.mark.parametrize(
    ("given", "marked"),
    [
        ("", "private"),
        ("no-store", "no-store"),
        ("Private, max-age=5", "Private, max-age=5"),
        ("max-age=60", "private, max-age=60"),
        ("public, max-age=60, s-maxage=600", "private, max-age=60"),
        ("no-cache", "private, no-cache"),
    ],
)
def test_it_is_private(given: str, marked: str) -> None:
    """`Cache-Control` gets `private` unless it is stricter; what shares the page with all is removed."""
    response = Response("x", headers={"cache-control": given} if given else None)
    mark_private(response)
    assert response.headers.get_all("cache-control") == [marked]
