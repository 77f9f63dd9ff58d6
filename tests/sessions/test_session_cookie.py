"""The cookie of a session: its attributes, its life, and what becomes of bad ones."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from tests.sessions.conftest import NOON, SECRET, MakeSite

from fanlight import Session, Sessions
from fanlight.signing.signing_keys import Keys
from fanlight.testing import Client

DAY = 86400


def show(session: Session) -> dict[str, Any]:
    return {**session, "user": session.user_id}


def put(session: Session, name: str, value: str) -> str:
    session[name] = value
    return "kept"


URLS = {"/": show, "/put": put}


def set_cookie(client: Client, path: str) -> str:
    """Return the Set-Cookie field of a response, without the value; "" for none."""
    return re.sub(r"=[^;]*", "=...", client.get(path).headers.get("set-cookie"), count=1)


def test_over_http(make_site: MakeSite, carrier: str) -> None:
    """Scripts can't read the cookie, and forms of other sites are sent without it."""
    client = make_site(URLS, carrier).client()
    expected = f"session=...; Path=/; Max-Age={14 * DAY}; HttpOnly; SameSite=Lax"
    assert set_cookie(client, "/put?name=a&value=b") == expected


def test_over_https(make_site: MakeSite, carrier: str) -> None:
    """Only this very host can set it, and it is never sent without encryption."""
    client = make_site(URLS, carrier).client("https://testserver")
    expected = f"__Host-session=...; Path=/; Max-Age={14 * DAY}; Secure; HttpOnly; SameSite=Lax"
    assert set_cookie(client, "/put?name=a&value=b") == expected
    assert client.get("/").json()["a"] == "b"


def test_a_name_of_the_sites_own(make_site: MakeSite) -> None:
    """Two sites on one host give their cookies different names."""
    site = make_site(URLS, sessions=Sessions(cookie="shop"))
    assert set_cookie(site.client(), "/put?name=a&value=b").startswith("shop=")
    assert set_cookie(site.client("https://testserver"), "/put?name=a&value=b").startswith("__Host-shop=")


def test_over_https_a_plain_name_is_not_read(make_site: MakeSite, carrier: str) -> None:
    """A subdomain can plant a cookie of any name but one with the prefix."""
    site = make_site(URLS, carrier)
    attacker, visitor = site.client(), site.client("https://testserver")
    attacker.sign_in(6)
    visitor.cookies["session"] = attacker.cookies["session"]
    assert visitor.get("/").json() == {"user": None}


def test_of_two_valid_sessions_none_is_trusted(
    make_site: MakeSite, carrier: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Tossing: the session that a subdomain has added is not used, whichever the browser sends first."""
    site = make_site(URLS, carrier)
    attacker, visitor = site.client(), site.client()
    attacker.sign_in(6)
    visitor.sign_in(5)
    own, planted = visitor.cookies["session"], attacker.cookies["session"]
    for pair in ((own, planted), (planted, own)):
        field = "; ".join(f"session={each}" for each in pair)
        assert visitor.get("/", headers={"cookie": field}).json() == {"user": None}
    assert visitor.get("/", headers={"cookie": f"session=junk; session={own}"}).json() == {"user": 5}
    assert "several sessions" in caplog.records[0].getMessage()


def bad_cookies(valid: str) -> dict[str, str]:
    data, moment, signature = valid.split(".")
    return {
        "forged": f"{data[:-4]}AAAA.{moment}.{signature}",
        "truncated": valid[:-10],
        "cut before": valid[10:],
        "re-ordered": f"{signature}.{moment}.{data}",
        "another secret": Keys(["another"]).sign("session", b"\x97\x01"),
        "newer format": Keys([SECRET], clock=lambda: NOON).sign("session", b"\x91\x63"),
        "no base64": "!!!.???.###",
        "empty": "",
        "long": "x" * 6000,
        "quoted": f'"{valid[:-1]}"',
        "percent": valid.replace(".", "%2E"),
        "not ASCII": "é" * 40,
        "a crowd": "; ".join(["x", *(f"session={number}" for number in range(200))]),
    }


@pytest.mark.parametrize("kind", list(bad_cookies("a.b.c")))
def test_a_bad_cookie_is_a_new_session(
    make_site: MakeSite, carrier: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is wrong with it: no error page, no trust, one line of the log, and the next cookie is good."""
    site = make_site(URLS, carrier)
    client, valid = site.client(), site.client()
    valid.sign_in(5)
    bad = bad_cookies(valid.cookies["session"])[kind].encode().decode("latin-1")
    with caplog.at_level(logging.DEBUG, "fanlight"):
        for _ in range(5):
            response = client.get("/", headers={"cookie": f"session={bad}"})
            assert (response.status, response.json()) == (200, {"user": None})
            assert "set-cookie" not in response.headers
    lines = [each.getMessage() for each in caplog.records if each.name == "fanlight.sessions"]
    assert len(lines) == 1
    assert not any(part in lines[0] for part in bad.split(".") if len(part) > 8)
    response = client.get("/put?name=a&value=b", headers={"cookie": f"session={bad}"})
    client.cookies.clear()
    client.cookies["session"] = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert client.get("/").json() == {"a": "b", "user": None}


def test_secrets_are_rotated(make_site: MakeSite, carrier: str) -> None:
    """With the new secret before the old one all sessions go on; without the old one they are over."""
    site = make_site(URLS, carrier, secrets=["old" * 12])
    client = site.client()
    client.sign_in(5)
    for secrets, user in ((["new" * 12, "old" * 12], 5), (["new" * 12], None)):
        keys = Keys(secrets, clock=site.clock)
        site.app.services.use(store=site.store, keys=keys, keeps_sessions=carrier == "store")
        assert client.get("/").json() == {"user": user}


def test_moving_to_a_store_begins_anew(make_site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """A cookie with values is no session where the store has them, nor the reverse; that is nothing for the log."""
    site = make_site(URLS)
    client = site.client()
    client.sign_in(5)
    keys = site.app.services.keys
    site.app.services.use(store=site.store, keys=keys, keeps_sessions=True)
    assert client.get("/").json() == {"user": None}
    client.cookies.clear()
    client.sign_in(6)
    site.app.services.use(store=site.store, keys=keys, keeps_sessions=False)
    assert client.get("/").json() == {"user": None}
    assert not caplog.records


# --- how long it lasts ------------------------------------------------------------------------------------


def test_a_session_that_is_used_lasts(make_site: MakeSite, carrier: str) -> None:
    """Its last use is written now and then, and not at each request; after its lifetime it ends all the same."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.sign_in(5)
    cookies, seen = 0, ""
    for _ in range(90 * 4):  # requests, every six hours
        site.clock.now += DAY // 4
        if client.get("/").json()["user"] is None:
            break
        cookies += client.cookies["session"] != seen
        seen = client.cookies["session"]
    assert client.get("/").json() == {"user": None}
    assert round((site.clock.now - 1_800_000_000) / DAY) == 90
    assert 90 <= cookies <= 180  # of 360 requests: every 14 hours at most


def test_a_session_that_is_not_used_ends(make_site: MakeSite, carrier: str, caplog: pytest.LogCaptureFixture) -> None:
    """After the idle time it is a new one, which is nothing for the log."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.sign_in(5)
    old = client.cookies["session"]
    site.clock.now += 14 * DAY + 1
    client.cookies["session"] = old  # a browser would have dropped it
    assert client.get("/").json() == {"user": None}
    assert "session" not in client.cookies
    assert not caplog.records


def test_times_of_the_sites_own(make_site: MakeSite, carrier: str) -> None:
    """A bank ends sessions after five minutes, and after eight hours in any case."""
    settings = Sessions(idle=timedelta(minutes=5), lifetime=timedelta(hours=8))
    site = make_site(URLS, carrier, sessions=settings)
    client = site.client()
    client.sign_in(5)
    for _ in range(8 * 15 - 1):
        site.clock.now += 240
        assert client.get("/").json() == {"user": 5}
    site.clock.now += 240
    assert client.get("/").json() == {"user": None}
    client.sign_in(5)
    old = client.cookies["session"]
    site.clock.now += 301
    client.cookies["session"] = old
    assert client.get("/").json() == {"user": None}


def test_a_shorter_lifetime_is_for_all(make_site: MakeSite, carrier: str) -> None:
    """Sessions that would last longer than any of the new setting end when it is set."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.sign_in(5)
    old = client.cookies["session"]
    short = make_site(URLS, carrier, sessions=Sessions(idle=timedelta(days=1), lifetime=timedelta(days=1)))
    short.app.services.use(
        store=site.store, keys=site.app.services.keys, keeps_sessions=site.app.services.keeps_sessions
    )
    other = short.client()
    other.cookies["session"] = old
    assert other.get("/").json() == {"user": None}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Sessions(cookie="a b"), "cookie='a b'.*letters"),
        (Sessions(cookie="__Host-session"), "by itself"),
        (Sessions(cookie=5), "cookie=5"),  # type: ignore[arg-type]  # the mistake
        (Sessions(idle=timedelta(0)), "idle=.*1 second to 400 days"),
        (Sessions(idle=60), "idle=60, which is no timedelta"),  # type: ignore[arg-type]  # the mistake
        (Sessions(lifetime=timedelta(days=401)), "400 days"),
        (Sessions(idle=timedelta(days=2), lifetime=timedelta(days=1)), "longer than lifetime"),
        (Sessions(sign_in="sign-in"), r"sign_in='sign-in'.*path"),
        (Sessions(sign_in="https://elsewhere"), "sign_in=.*path"),
        (Sessions(sign_in="/nowhere"), "no route has that path"),
        (Sessions(sign_in=show, attempts=None), ""),
        (Sessions(sign_in=len), "which has no path"),
        ({"sign_in": "/"}, r"sessions is a dict.*Sessions\("),
        (Sessions, r"sessions is a class"),
    ],
)
def test_wrong_settings_are_found_before_the_port_opens(make_site: MakeSite, settings: Any, message: str) -> None:
    """Each mistake says what to write."""
    from fanlight import SetupError

    if not message:
        make_site(URLS, sessions=settings)
        return
    with pytest.raises(SetupError, match=f"(?s){message}"):
        make_site(URLS, sessions=settings)
