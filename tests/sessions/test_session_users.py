"""Requests are counted by the user that is signed in."""

from __future__ import annotations

import pytest
from tests.sessions.conftest import MakeSite

from fanlight import Request, Session, rate_limit
from fanlight.sessions.session_users import has_signed_in


@rate_limit("2/minute", by="user")
def page() -> str:
    return "page"


@rate_limit("2/minute", by="user")
async def async_page() -> str:
    return "page"


def enter(session: Session, request: Request, user: int) -> list[bool]:
    before = has_signed_in(request)
    session.sign_in(user)
    return [before, has_signed_in(request)]


def peek(request: Request) -> str:
    return str(has_signed_in(request))


URLS = {"/": page, "/async": async_page, "/enter": enter, "/peek": peek}


@pytest.mark.parametrize("path", ["/", "/async"])
def test_a_limit_by_user_counts_each_for_itself(make_site: MakeSite, carrier: str, path: str) -> None:
    """Two devices of one user are counted together, and another user at the same address is not."""
    site = make_site(URLS, carrier)
    phone, desk, other = site.client(), site.client(), site.client()
    phone.sign_in(5)
    desk.sign_in(5)
    other.sign_in(6)
    assert [each.get(path).status for each in (phone, desk, phone, other)] == [200, 200, 429, 200]


def test_a_request_that_signs_in_is_known(make_site: MakeSite) -> None:
    """A request that has not is not, and has no session because it was looked at."""
    client = make_site(URLS).client()
    assert client.get("/enter?user=5").json() == [False, True]
    response = client.get("/peek")
    assert response.text == "False"
    assert "vary" not in response.headers
