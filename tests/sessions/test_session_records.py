"""Sessions in a store: requests at the same time, and a store that is emptied, gone or read-only."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sessions.conftest import MakeSite

from fanlight import Flash, Session
from fanlight.sessions.session_records import Found, Record, SessionRecords
from fanlight.sessions.session_writer import MAX_TRIES


def show(session: Session) -> dict[str, Any]:
    return {**session, "user": session.user_id}


def put(session: Session, name: str, value: str) -> str:
    session[name] = value
    return "kept"


def optional(session: Session, use: bool = False) -> str:
    return f"user {session.user_id}" if use else "a page"


async def async_optional(session: Session, use: bool = False) -> str:
    return optional(session, use)


def flashing(flash: Flash) -> str:
    flash("Saved")
    return "saved"


def leave(session: Session) -> str:
    session.sign_out()
    return "bye"


URLS = {
    "/": show,
    "/put": put,
    "/optional": optional,
    "/async": async_optional,
    "/flash": flashing,
    "/leave": leave,
    "/plain": "plain",
}


def test_requests_at_the_same_time_keep_the_keys_of_each(make_site: MakeSite) -> None:
    """Each writes what it has changed and removed, so nothing of another is lost; of one key the last is kept."""
    site = make_site(URLS, "store")
    client = site.client()
    with client.session() as session:
        session.update({"a": 0, "b": 0, "c": 0, "list": [1]})
    with client.session() as slow:
        slow["a"] = 1
        slow["list"].append(2)
        with client.session() as fast:
            fast.update({"b": 2, "new": True})
            del fast["c"]
    assert client.get("/").json() == {"a": 1, "b": 2, "list": [1, 2], "new": True, "user": None}


class Overtaking:
    """Another process, which writes a session just after a request has found it, for some times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, *, ends_it: bool = False) -> None:
        find = SessionRecords.find
        self.written = 0

        def find_and_be_overtaken(records: SessionRecords, token_id: bytes) -> Found | None:
            found = find(records, token_id)
            if found is not None and self.written < times:
                self.written += 1
                values = {**found.record.values, f"other{self.written}": self.written}
                assert records.replace(token_id, found, Record(None, values), 0 if ends_it else 100)
            return found

        monkeypatch.setattr(SessionRecords, "find", find_and_be_overtaken)


def test_what_another_process_writes_between_reading_and_writing_is_kept(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four workers lost a quarter of the values of requests at the same time."""
    client = make_site(URLS, "store").client()
    client.get("/put?name=a&value=1")
    Overtaking(monkeypatch, times=3)
    assert client.get("/put?name=b&value=2").status == 200
    assert client.get("/").json() == {"a": "1", "b": "2", "other1": 1, "other2": 2, "other3": 3, "user": None}


def test_a_session_that_ends_between_reading_and_writing_stays_ended(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the request writes does not bring it back."""
    client = make_site(URLS, "store").client()
    client.get("/put?name=a&value=1")
    Overtaking(monkeypatch, times=1, ends_it=True)
    assert client.get("/put?name=b&value=2").status == 200
    assert client.get("/").json() == {"user": None}


def test_a_session_that_is_always_overtaken_is_a_503(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not try for ever, and does not say that it has kept what it has not."""
    client = make_site(URLS, "store").client()
    client.get("/put?name=a&value=1")
    others = Overtaking(monkeypatch, times=MAX_TRIES + 1)
    response = client.get("/put?name=b&value=2")
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert others.written == MAX_TRIES


def test_what_another_request_has_put_in_is_not_removed_with_the_rest(make_site: MakeSite) -> None:
    """A request that has emptied the session removes what it has seen, and no more."""
    site = make_site(URLS, "store")
    client = site.client()
    with client.session() as session:
        session["a"] = 1
    with client.session() as slow:
        slow.clear()
        with client.session() as fast:
            fast["b"] = 2
    assert client.get("/").json() == {"b": 2, "user": None}


def test_the_cookie_has_only_an_id(make_site: MakeSite) -> None:
    """Neither the user nor the values can be read from it, and it does not grow."""
    site = make_site(URLS, "store")
    client = site.client()
    client.sign_in("ada@example.org")
    before = client.cookies["session"]
    client.get(f"/put?name=a&value={'x' * 5000}")
    assert client.cookies["session"] == before
    assert len(before) < 160
    assert client.get("/").json()["a"] == "x" * 5000


def test_an_emptied_store_signs_everybody_out(make_site: MakeSite) -> None:
    """Without its record a session is not valid: an operator who empties the store has ended all."""
    site = make_site(URLS, "store")
    client = site.client()
    client.sign_in(5)
    site.store.close()
    assert client.get("/").json() == {"user": None}


def test_a_record_of_another_user_is_not_taken(make_site: MakeSite) -> None:
    """A record is of the user that its cookie names, whatever has happened to the store."""
    site = make_site(URLS, "store")
    client, other = site.client(), site.client()
    client.sign_in(5)
    other.sign_in(6)
    first, second = [key for key in site.store._values if key.startswith("session:")]
    data = site.store.get(second)
    assert data is not None
    site.store.set(first, data, 3600)
    assert client.get("/").json() == {"user": None}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02\x03", b"junk"])
def test_a_record_of_another_format_is_none(make_site: MakeSite, data: bytes) -> None:
    """What can't be read is no session, and no error page."""
    site = make_site(URLS, "store")
    client = site.client()
    client.sign_in(5)
    (key,) = [key for key in site.store._values if key.startswith("session:")]
    site.store.set(key, data, 3600)
    assert client.get("/").json() == {"user": None}


def test_a_store_that_is_gone_is_503_for_what_needs_it(make_site: MakeSite, carrier: str) -> None:
    """Only for a signed-in user, and only where the session is used; when it is back, so are the sessions."""
    site = make_site(URLS, carrier)
    client, anonymous = site.client(), site.client()
    client.sign_in(5)
    site.store.is_gone = True
    response = client.get("/")
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert client.get("/async?use=1").status == 503
    assert [client.get(path).status for path in ("/optional", "/async", "/plain", "/flash")] == [200] * 4
    assert anonymous.get("/").json() == {"user": None}
    assert anonymous.get("/async?use=1").text == "user None"
    site.store.is_gone = False
    assert client.get("/").json() == {"user": 5}


def test_an_anonymous_session_in_a_cookie_needs_no_store(make_site: MakeSite) -> None:
    """A cart is kept without one."""
    site = make_site(URLS)
    client = site.client()
    client.get("/put?name=a&value=b")
    assert client.get("/").json() == {"a": "b", "user": None}
    assert site.store.calls == []


def test_one_round_trip_for_a_signed_in_user(make_site: MakeSite, carrier: str) -> None:
    """The record, the sign-out and the sign-out everywhere are looked up together."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.sign_in(5)
    site.store.calls.clear()
    client.get("/")
    assert site.store.calls == ["get_many"]


def test_a_store_that_can_only_be_read(make_site: MakeSite, carrier: str) -> None:
    """Who is signed in stays signed in, also when the last use should be written; what has to be written is 503."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.sign_in(5)
    site.store.is_read_only = True
    site.clock.now += 86400
    assert client.get("/").json() == {"user": 5}
    assert client.get("/leave").status == 503
    assert client.get("/put?name=a&value=b").status == (503 if carrier == "store" else 200)
    site.store.is_read_only = False
    assert client.get("/").json()["user"] == 5
    assert client.get("/leave").text == "bye"


def test_a_session_that_has_expired_meanwhile_is_not_written(make_site: MakeSite) -> None:
    """A request that lasts longer than its session does not bring it back."""
    site = make_site(URLS, "store")
    client = site.client()
    client.sign_in(5)
    with client.session() as session:
        session["late"] = True
        site.store.close()
    assert client.get("/").json() == {"user": None}
    assert not [key for key in site.store._values if key.startswith("session:")]
