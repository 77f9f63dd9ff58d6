"""The tries of a sign-in, in a site with sessions: limited by default, at the page where people sign in."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight import App, Request, Session, Sessions, SetupError, middleware, rate_limit, redirect
from fanlight.site.weakened import weakened
from fanlight.testing import Client

PASSWORDS = {"ada@example.com": "right"}


def page() -> str:
    return "<form method=post>"


def enter(session: Session, email: str, password: str) -> Any:
    if PASSWORDS.get(email) != password:
        return "wrong", 403
    session.sign_in(email)
    return redirect("/")


async def enter_async(session: Session, email: str, password: str) -> Any:
    return enter(session, email, password)


def both(request: Request, session: Session, email: str = "", password: str = "") -> Any:
    return enter(session, email, password) if request.method == "POST" else page()


def try_often(client: Client, count: int, email: str = "ada@example.com", password: str = "wrong") -> list[int]:
    form = {"email": email, "password": password}
    return [client.post("/sign-in", form=form).status for _ in range(count)]


URLS: dict[str, dict[str, Any]] = {
    "by path": {"/sign-in": page, "POST /sign-in": enter},
    "by view": {"/sign-in": page, "POST /sign-in": enter},
    "one view": {"GET|POST /sign-in": both},
    "async": {"/sign-in": page, "POST /sign-in": enter_async},
    "in a table": {"/sign-in": {"/": page, "POST /": enter}},
}


@pytest.fixture(params=list(URLS))
def app(request: pytest.FixtureRequest) -> App:
    """Return a site with a page where people sign in."""
    by_view: dict[str, Any] = {"by view": page, "one view": both}
    sign_in = by_view.get(request.param, "/sign-in")
    return App({"/": "Home", **URLS[request.param]}, sessions=Sessions(sign_in=sign_in))


def test_the_eleventh_try_of_a_minute_is_refused(app: App) -> None:
    """Posts to the page count, looking at it does not; the rest of the site is as before."""
    with Client(app) as client:
        assert [client.get("/sign-in").status for _ in range(20)] == [200] * 20
        assert try_often(client, 11) == [403] * 10 + [429]
        refused = client.post("/sign-in", form={"email": "bob@example.com", "password": "x"})
        assert (refused.status, refused.headers["retry-after"]) == (429, "6")
        assert "Too many attempts to sign in. Please try again in 6 seconds." in refused.text
        assert client.get("/").status == 200


def test_each_client_of_a_test_begins_with_no_tries(app: App) -> None:
    """Tests of one app do not use up each other's tries."""
    for _ in range(3):
        with Client(app) as client:
            assert try_often(client, 9) == [403] * 9


def test_a_sign_in_makes_the_browser_known(app: App) -> None:
    """The right password forgets the wrong ones before it, and sets a cookie beside that of the session."""
    with Client(app) as client:
        assert try_often(client, 9) == [403] * 9
        assert try_often(client, 1, password="right") == [303]
        assert set(client.cookies) == {"session", "session-known"}


def test_an_account_is_protected_from_many_addresses() -> None:
    """Without a limit for addresses, that for one account holds; its owner's browser is not locked out."""
    sessions = Sessions(sign_in="/sign-in", attempts=None, account_attempts="5/hour")
    app = App({"/": "Home", **URLS["by path"]}, sessions=sessions)
    with Client(app) as owner:
        assert try_often(owner, 1, password="right") == [303]
        with owner.session() as session:
            session.sign_out()
        stranger_cookies = dict(owner.cookies)
        owner.cookies.clear()
        assert try_often(owner, 6) == [403] * 5 + [429]
        assert try_often(owner, 1, email="bob@example.com") == [403]
        owner.cookies.update(stranger_cookies)
        assert try_often(owner, 1, password="right") == [303]


def test_over_https_the_cookie_is_of_this_host_alone() -> None:
    """It has the prefix that no sibling subdomain can set, and is sent over https only."""
    app = App({"/": "Home", **URLS["by path"]}, sessions=Sessions(sign_in="/sign-in"))
    with Client(app, base_url="https://testserver") as client:
        response = client.post("/sign-in", form={"email": "ada@example.com", "password": "right"})
        (known,) = [each for each in response.headers.get_all("set-cookie") if "-known=" in each]
        assert known.startswith("__Host-session-known=")
        assert "; Secure" in known
        assert "; HttpOnly" in known


def test_a_json_client_is_limited_too() -> None:
    """The account may be named in JSON; the field may have a name of the site's own."""

    def api_enter(session: Session, member: str, password: str) -> dict[str, bool]:
        return {"ok": False}

    sessions = Sessions(sign_in="/sign-in", attempts=None, account_attempts="2/hour", account_field="member")
    with Client(App({"/sign-in": page, "POST /sign-in": api_enter}, sessions=sessions)) as client:

        def attempt(member: str) -> int:
            return client.post("/sign-in", json={"member": member, "password": "x", "email": "same@example.com"}).status

        assert [attempt("7"), attempt("7"), attempt("7"), attempt("8")] == [200, 200, 429, 200]


def test_without_limits_nothing_is_counted() -> None:
    """A site may remove both; without a page to sign in there are none."""
    free = Sessions(sign_in="/sign-in", attempts=None, account_attempts=None)
    for sessions in (free, Sessions()):
        with Client(App({"/": "Home", **URLS["by path"]}, sessions=sessions)) as client:
            assert try_often(client, 30) == [403] * 30


def test_the_mark_of_a_view_holds_besides() -> None:
    """A site may have a limit of its own at the same view, whose fields are shown."""
    limited = middleware()(rate_limit("3/hour")(lambda email: "ok"))
    with Client(App({"/sign-in": page, "POST /sign-in": limited}, sessions=Sessions(sign_in="/sign-in"))) as client:
        assert client.post("/sign-in", form={"email": "a"}).headers["ratelimit"].startswith('"3/hour";r=2')
        assert try_often(client, 3) == [200, 200, 429]


@pytest.mark.parametrize(("settings", "message"), [
    ({"attempts": "ten"}, "attempts that are no rate: 'ten' is no rate; write a count"),
    ({"account_attempts": "10 per hour"}, 'write "10/hour"'),
    ({"attempts": 10}, "10 is no rate"),
    ({"account_field": 5}, "account_field=5"),
])  # fmt: skip
def test_a_rate_that_is_none_is_found_at_the_start(settings: dict[str, Any], message: str) -> None:
    """The port does not open with a limit that is not understood."""
    with pytest.raises(SetupError, match=message):
        App({"/sign-in": page, "POST /sign-in": enter}, sessions=Sessions(sign_in="/sign-in", **settings))


def weak(urls: dict[str, Any], **settings: Any) -> list[str]:
    return [each.setting for each in weakened(App(urls, sessions=Sessions(**settings)), 1)]


def test_weakened_limits_are_named_by_check_deploy() -> None:
    """A limit that was removed or raised is named, and not one that was lowered; so is a page without a post."""
    urls = {"/sign-in": page, "POST /sign-in": enter}
    assert weak(urls, sign_in="/sign-in") == []
    assert weak(urls, sign_in="/sign-in", attempts="5/minute", account_attempts="10/hour") == []
    assert weak(urls, sign_in="/sign-in", attempts=None, account_attempts="1000/hour") == [
        "Sessions(attempts=None)",
        'Sessions(account_attempts="1000/hour")',
    ]
    (found,) = weak({"/sign-in": page, "POST /session": enter}, sign_in=page)
    assert found == 'nothing is posted to the sign-in page, "/sign-in"'
