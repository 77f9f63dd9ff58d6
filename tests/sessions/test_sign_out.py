"""After signing out, a copy of the cookie is worthless."""

from __future__ import annotations

import pytest
from tests.sessions.conftest import MakeSite
from tests.sessions.test_sign_in import URLS as SIGN_IN

from fanlight import Session


def leave(session: Session) -> str:
    session.sign_out()
    return "bye"


def leave_everywhere(session: Session) -> str:
    session.sign_out_everywhere()
    return "bye"


async def leave_async(session: Session) -> str:
    session.sign_out()
    return "bye"


def new_password(session: Session) -> str:
    user = session.user_id
    assert user is not None
    session.sign_out_everywhere()
    session.sign_in(user)
    return "changed"


def reset(session: Session, user: str) -> str:
    session.sign_out_everywhere(user)
    return "reset"


URLS = {
    **SIGN_IN,
    "/leave": leave,
    "/everywhere": leave_everywhere,
    "/leave-async": leave_async,
    "/password": new_password,
    "/reset": reset,
}


@pytest.mark.parametrize("path", ["/leave", "/leave-async", "/everywhere"])
def test_a_copied_cookie_is_worthless(
    make_site: MakeSite, carrier: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A cookie that was copied before is not signed in after, which is a line of the log; the copy is dropped."""
    site = make_site(URLS, carrier)
    client, thief = site.client(), site.client()
    client.sign_in(5)
    client.get("/put?name=a&value=b")
    thief.cookies["session"] = client.cookies["session"]
    assert thief.get("/secret").text == "for 5"
    client.get(path)
    assert "session" not in client.cookies
    assert thief.get("/").json() == {"user": None}
    assert "session" not in thief.cookies
    assert [each.getMessage() for each in caplog.records if "signed out" in each.getMessage()]


def test_a_request_at_the_same_time_does_not_bring_it_back(make_site: MakeSite, carrier: str) -> None:
    """A request that was open during the sign-out writes its changes, and the session has ended all the same."""
    site = make_site(URLS, carrier)
    client, other = site.client(), site.client()
    client.sign_in(5)
    other.cookies["session"] = client.cookies["session"]
    with other.session() as session:
        session["late"] = True
        client.get("/leave")
    assert other.get("/").json() == {"user": None}


def test_a_record_that_was_written_once_more_is_not_valid(make_site: MakeSite) -> None:
    """Between the last look at a record and its writing its session may end: the mark of that is beside the record."""
    site = make_site(URLS, "store")
    client, thief = site.client(), site.client()
    client.sign_in(5)
    thief.cookies["session"] = client.cookies["session"]
    (key,) = [key for key in site.store._values if key.startswith("session:")]
    record = site.store.get(key)
    client.get("/leave")
    assert site.store.get(key) is None
    assert record is not None
    site.store.set(key, record, 3600)
    assert thief.get("/secret").status == 401


def test_all_sessions_of_a_user_end_together(make_site: MakeSite, carrier: str) -> None:
    """On all devices, and those of other users go on; a new sign-in is valid."""
    site = make_site(URLS, carrier)
    phone, desk, other = site.client(), site.client(), site.client()
    phone.sign_in(5)
    desk.sign_in("5")
    other.sign_in(6)
    phone.get("/everywhere")
    assert [each.get("/secret").status for each in (phone, desk, other)] == [401, 401, 200]
    desk.sign_in(5)
    assert desk.get("/secret").text == "for 5"
    desk.get("/everywhere")
    assert desk.get("/secret").status == 401


def test_a_new_password_keeps_the_device_on_which_it_was_chosen(make_site: MakeSite, carrier: str) -> None:
    """Ending all sessions and signing in once more leaves one."""
    site = make_site(URLS, carrier)
    phone, desk = site.client(), site.client()
    phone.sign_in(5)
    desk.sign_in(5)
    assert phone.get("/password").text == "changed"
    assert [each.get("/secret").status for each in (phone, desk)] == [200, 401]


def test_the_sessions_of_another_user_can_be_ended(make_site: MakeSite, carrier: str) -> None:
    """For a password that was reset by e-mail, or by an admin, who stays signed in."""
    site = make_site(URLS, carrier)
    victim, admin, nobody = site.client(), site.client(), site.client()
    victim.sign_in(5)
    admin.sign_in(6)
    admin.get("/put?name=a&value=b")
    admin.get("/reset?user=5")
    assert [each.get("/secret").status for each in (victim, admin)] == [401, 200]
    assert admin.get("/").json() == {"a": "b", "user": 6}
    nobody.get("/reset?user=6")
    assert admin.get("/secret").status == 401
    assert "session" not in nobody.cookies


def test_a_mark_outlives_every_cookie(make_site: MakeSite, carrier: str) -> None:
    """As long as a copied cookie could be valid, the sign-out is known."""
    site = make_site(URLS, carrier)
    client, thief = site.client(), site.client()
    client.sign_in(5)
    for _ in range(12):  # used all the time
        thief.cookies["session"] = client.cookies["session"]
        client.get("/secret")
        site.clock.now += 6 * 86400
    client.get("/leave")
    for _ in range(30):
        assert thief.get("/secret").status == 401
        thief.cookies["session"] = client.cookies.get("session", thief.cookies.get("session", "x"))
        site.clock.now += 86400


def test_signing_out_of_nothing_is_no_error(make_site: MakeSite, carrier: str) -> None:
    """A visitor that is not signed in may follow the link, and the store is not used."""
    site = make_site(URLS, carrier)
    client = site.client()
    assert client.get("/leave").text == "bye"
    assert client.get("/everywhere").text == "bye"
    assert "session" not in client.cookies
    assert site.store.calls == []


def test_the_values_go_with_the_user(make_site: MakeSite, carrier: str) -> None:
    """The next person at the same browser sees nothing of them."""
    client = make_site(URLS, carrier).client()
    client.sign_in(5)
    client.get("/put?name=a&value=b")
    client.get("/leave")
    assert client.get("/").json() == {"user": None}
