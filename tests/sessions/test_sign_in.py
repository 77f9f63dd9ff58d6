"""Signing in begins another session, which no one had before."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import pytest
from tests.sessions.conftest import MakeSite

from fanlight import Session, Unauthorized


def signed_in(session: Session) -> int | str:
    if session.user_id is None:
        raise Unauthorized("Please sign in.")
    return session.user_id


User = Annotated[int | str, signed_in]


def show(session: Session) -> dict[str, Any]:
    return {**session, "user": session.user_id}


def put(session: Session, name: str, value: str) -> str:
    session[name] = value
    return "kept"


def enter(session: Session, user: int) -> str:
    session.sign_in(user)
    return "hello"


def secret(user: User) -> str:
    return f"for {user}"


async def async_secret(user: User) -> str:
    return f"for {user}"


URLS = {"/": show, "/put": put, "POST /enter": enter, "/secret": secret, "/async": async_secret}


@pytest.mark.parametrize("path", ["/secret", "/async"])
def test_a_page_is_for_signed_in_users_only(make_site: MakeSite, carrier: str, path: str) -> None:
    """A dependency refuses the others, in sync and async views."""
    client = make_site(URLS, carrier).client()
    assert client.get(path).status == 401
    client.post("/enter", form={"user": 5})
    assert client.get(path).text == "for 5"


def test_a_session_that_was_planted_is_not_signed_in(make_site: MakeSite, carrier: str) -> None:
    """Fixation: the cookie that an attacker has given to a visitor is worthless when that one has signed in."""
    site = make_site(URLS, carrier)
    attacker, visitor = site.client(), site.client()
    attacker.get("/put?name=a&value=planted")
    planted = attacker.cookies["session"]
    visitor.cookies["session"] = planted
    visitor.post("/enter", form={"user": 5})
    assert visitor.cookies["session"] != planted
    assert visitor.get("/secret").text == "for 5"
    assert attacker.get("/secret").status == 401
    assert attacker.get("/").json()["user"] is None


def test_the_values_of_an_anonymous_visitor_are_kept(make_site: MakeSite, carrier: str) -> None:
    """What was put into a cart before signing in is there after it, and when the same user signs in once more."""
    client = make_site(URLS, carrier).client()
    client.get("/put?name=cart&value=tea")
    client.post("/enter", form={"user": 5})
    assert client.get("/").json() == {"cart": "tea", "user": 5}
    client.post("/enter", form={"user": 5})
    assert client.get("/").json() == {"cart": "tea", "user": 5}


def test_the_values_of_another_user_are_not(make_site: MakeSite, carrier: str) -> None:
    """The next person at the same browser does not see them."""
    client = make_site(URLS, carrier).client()
    client.post("/enter", form={"user": 5})
    client.get("/put?name=cart&value=tea")
    client.post("/enter", form={"user": 6})
    assert client.get("/").json() == {"user": 6}


def test_signing_in_again_ends_the_session_before(make_site: MakeSite, carrier: str) -> None:
    """Each sign-in has a cookie of its own, and the one before is worthless."""
    site = make_site(URLS, carrier)
    client, copy = site.client(), site.client()
    client.post("/enter", form={"user": 5})
    copy.cookies["session"] = client.cookies["session"]
    assert copy.get("/secret").text == "for 5"
    client.post("/enter", form={"user": 5})
    assert copy.get("/secret").status == 401
    assert client.get("/secret").text == "for 5"


def test_a_sign_in_that_failed_has_not_happened(make_site: MakeSite, carrier: str) -> None:
    """After a server error no one is signed in, and the session before is as it was."""

    def broken(session: Session) -> str:
        session.sign_in(6)
        raise RuntimeError

    client = make_site({**URLS, "/broken": broken}, carrier).client()
    client.post("/enter", form={"user": 5})
    assert client.get("/broken").status == 500
    assert client.get("/secret").text == "for 5"


@pytest.mark.parametrize("user", [5, -1, 0, 2**63 - 1, "ada", "ada@example.org", "é", "x" * 200])
def test_a_user_is_a_number_or_a_text(make_site: MakeSite, carrier: str, user: int | str) -> None:
    """The id of a user comes back as it was given."""

    def view(session: Session) -> str:
        return repr(session.user_id)

    client = make_site({"/": view}, carrier).client()
    client.sign_in(user)
    assert client.get("/").text == repr(user)


@pytest.mark.parametrize(
    ("user", "message"),
    [
        (None, "not by None; look it up first"),
        (True, "not by a bool"),
        (1.5, "not by a float"),
        (UUID(int=1), r"not by a UUID; write str\(\.\.\.\)"),
        ("", "1 to 200 characters"),
        ("x" * 201, "1 to 200 characters"),
        (2**63, "64 bits"),
        ("\ud800", "surrogate"),
    ],
    ids=["None", "bool", "float", "UUID", "empty", "long", "large", "surrogate"],
)
def test_another_user_is_refused(make_site: MakeSite, user: Any, message: str) -> None:
    """What is no id is an error, above all the None of a user that was not found."""
    client = make_site(URLS).client()
    with pytest.raises((TypeError, ValueError), match=message), client.session() as session:
        session.sign_in(user)
    assert "session" not in client.cookies
