"""A browser that needs to sign in is sent to the page for it, and comes back; a program gets 401."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sessions.conftest import MakeSite, SessionSite

from fanlight import Forbidden, Request, Response, Session, Sessions, Unauthorized, redirect_back, table
from fanlight.message.request import Request as PlainRequest
from fanlight.sessions.sign_in_page import SignInPage
from fanlight.testing import FakeHead

PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}
OLD_BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def secret(session: Session) -> str:
    if session.user_id is None:
        raise Unauthorized("Please sign in.")
    return f"for {session.user_id}"


async def async_secret(session: Session) -> str:
    return secret(session)


def basic() -> str:
    raise Unauthorized(headers={"WWW-Authenticate": 'Basic realm="x"'})


def forbidden() -> str:
    raise Forbidden


def form() -> str:
    return '<form method="post"><input name="user"></form>'


def loop() -> str:
    raise Unauthorized


def enter(session: Session, request: Request, user: int) -> Response:
    session.sign_in(user)
    return redirect_back(request)


URLS = {
    "/": "home",
    "/secret": secret,
    "POST /secret": secret,
    "/async": async_secret,
    "/basic": basic,
    "/forbidden": forbidden,
    "/sign-in": form,
    "POST /sign-in": enter,
    "/api": table({"/secret": secret}, json_errors=True),
}


@pytest.fixture
def site(make_site: MakeSite) -> SessionSite:
    return make_site(URLS, sessions=Sessions(sign_in="/sign-in"))


@pytest.mark.parametrize("path", ["/secret?a=1&b=%2F#x", "/async", "/secret"])
@pytest.mark.parametrize("fields", [PAGE, OLD_BROWSER])
def test_a_browser_comes_back_to_where_it_was_going(site: SessionSite, path: str, fields: dict[str, str]) -> None:
    """To the same path and query, after it has signed in on a form without an action."""
    client = site.client()
    response = client.get(path, headers=fields)
    assert response.status == 303
    page = response.headers["location"]
    assert urlsplit(page).path == "/sign-in"
    assert client.get(page).status == 200
    back = client.post(page, form={"user": 5})
    assert back.headers["location"] == path.partition("#")[0]
    assert client.get(back.headers["location"], headers=fields).text == "for 5"


@pytest.mark.parametrize(
    ("path", "fields", "kind"),
    [
        ("/secret", {"accept": "application/json"}, "application/problem+json"),
        ("/secret", {"accept": "*/*"}, "text/html"),
        ("/secret", {}, "text/html"),
        ("/secret", {"accept": "text/html", "sec-fetch-mode": "cors"}, "text/html"),
        ("/secret", {"accept": "text/html", "sec-fetch-mode": "no-cors"}, "text/html"),
        ("/api/secret", {"accept": "*/*"}, "application/problem+json"),
    ],
)
def test_a_program_gets_401_with_a_challenge(site: SessionSite, path: str, fields: dict[str, str], kind: str) -> None:
    """A script that fetches a page would take the page to sign in for it; RFC 9110 wants a challenge."""
    response = site.client().get(path, headers=fields)
    assert response.status == 401
    assert response.headers["content-type"].partition(";")[0] == kind
    assert response.headers["www-authenticate"] == (
        'Cookie realm="site", form-action="/sign-in", cookie-name="session"'
    )
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("referer", "target"),
    [
        ("http://testserver/secret?a=1", "/secret?a=1"),
        ("http://evil.example/secret", None),
        ("http://testserver.evil.example/", None),
        ("", None),
    ],
)
def test_a_form_comes_back_to_its_page(site: SessionSite, referer: str, target: str | None) -> None:
    """What was posted is lost, so the browser comes back to the page that it was on, if that is of this site."""
    response = site.client().post(
        "/secret", form={}, headers={**PAGE, "sec-fetch-site": "same-origin", "referer": referer}
    )
    assert response.status == 303
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert query.get("next") == ([target] if target else None)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example/secret",
        "///evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "/.//evil.example",
        "/%2e%2e//evil.example",
        "javascript:alert(1)",
        "http://testserver@evil.example/",
        " //evil.example",
        "/x\r\nset-cookie: a=b",
    ],
)
def test_no_target_leads_to_another_site(site: SessionSite, target: str) -> None:
    """Open redirect: a link that an attacker has made does not send anyone elsewhere after signing in."""
    client = site.client()
    response = client.post(f"/sign-in?next={quote(target, safe='')}", form={"user": 5})
    assert response.status == 303
    location = response.headers["location"]
    assert location == "/" or (location.startswith("/") and "evil" not in urlsplit(location).netloc)
    assert not location.startswith(("//", "/\\", "/."))
    assert response.headers.get_all("set-cookie")[0].startswith("session=")


@given(st.text(alphabet=st.sampled_from("/\\.%2eE5c09:@?#&=evil ")))
def test_whatever_path_is_called_the_target_is_of_this_site(path: str) -> None:
    """The page to sign in is never given a target of another site, also for a path that looks like one."""
    page = SignInPage(Sessions(sign_in="/sign-in"))
    page.find(lambda _: "", lambda _: True)
    response = page.redirect(PlainRequest(FakeHead("GET", f"/{path}", PAGE), None, None))
    assert response is not None
    (target,) = parse_qs(urlsplit(response.headers["location"]).query).get("next", ["/"])
    assert urlsplit(target).netloc == ""
    assert not target.startswith(("//", "/\\"))


def test_a_page_of_the_sites_own_comes_first(make_site: MakeSite, tmp_path: Path) -> None:
    """A site with a page for 401 keeps it, in its table of errors or as a template."""
    own: dict[str, Any] = {"sessions": Sessions(sign_in="/sign-in")}
    response = make_site(URLS, errors={401: lambda: "members only"}, **own).client().get("/secret", headers=PAGE)
    assert (response.status, response.text) == (401, "members only")
    assert response.headers["www-authenticate"].startswith("Cookie ")
    (tmp_path / "templates" / "error").mkdir(parents=True)
    (tmp_path / "templates" / "error" / "error401.html").write_text("members")
    response = make_site(URLS, **own).client().get("/secret", headers=PAGE)
    assert (response.status, response.text) == (401, "members")


def test_a_challenge_of_the_sites_own_is_kept(site: SessionSite) -> None:
    """A view that wants a password by HTTP itself is not sent elsewhere, and other errors are not affected."""
    response = site.client().get("/basic", headers=PAGE)
    assert (response.status, response.headers["www-authenticate"]) == (401, 'Basic realm="x"')
    assert site.client().get("/forbidden", headers=PAGE).status == 403


def test_a_page_that_needs_itself_is_no_loop(make_site: MakeSite) -> None:
    """A page to sign in that is for signed-in users is an error, and not an endless redirect."""
    client = make_site({"/sign-in": loop}, sessions=Sessions(sign_in="/sign-in")).client()
    assert client.get("/sign-in", headers=PAGE).status == 401


def test_without_a_page_there_is_an_error(make_site: MakeSite) -> None:
    """A site that says nothing of signing in has the usual page, and no challenge that leads nowhere."""
    response = make_site(URLS).client().get("/secret", headers=PAGE)
    assert response.status == 401
    assert "Please sign in." in response.text
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("sign_in", [form, "/sign-in"])
def test_the_page_is_a_view_or_a_path(make_site: MakeSite, sign_in: str | Callable[..., object]) -> None:
    """Both name the same page."""
    client = make_site(URLS, sessions=Sessions(sign_in=sign_in)).client()
    assert client.get("/secret", headers=PAGE).headers["location"] == "/sign-in?next=/secret"


def test_a_path_may_have_any_letters(make_site: MakeSite) -> None:
    """It is encoded as in every URL."""
    client = make_site({"/": loop, "/entrée": form}, sessions=Sessions(sign_in="/entrée")).client()
    assert client.get("/", headers=PAGE).headers["location"] == "/entr%C3%A9e?next=/"
    assert 'form-action="/entr%C3%A9e"' in client.get("/").headers["www-authenticate"]
    assert client.get("/entr%C3%A9e").status == 200


def test_a_site_without_an_app_has_it_too(tmp_path: Path) -> None:
    """A main.py with a table alone may have SESSIONS beside it."""
    from fanlight.site.loading import load

    (tmp_path / "main.py").write_text(
        "from fanlight import Sessions, Unauthorized\n"
        "def secret():\n    raise Unauthorized\n"
        "URLS = {'/': secret, '/sign-in': 'sign in'}\nSESSIONS = Sessions(sign_in='/sign-in')\n"
    )
    from fanlight.testing import Client

    with Client(load(tmp_path / "main.py")) as client:
        assert client.get("/", headers=PAGE).headers["location"] == "/sign-in?next=/"
