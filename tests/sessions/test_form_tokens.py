"""The token of a form is of one browser and one sign-in, and another site can neither read nor make it."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fanlight import App, Response, Security, Session, Templates, render
from fanlight.errors import SetupError, TemplateError
from fanlight.message.finishing import finishers_of
from fanlight.sessions.form_tokens import COOKIE, SECRET_BYTES, FormTokens
from fanlight.sessions.session_state import SessionState
from fanlight.testing import Client, FakeHead

SECRETS = ("a-secret-of-the-tests-that-is-long-enough", "another-secret-of-the-tests-of-before")
FIELD = re.compile(r'<input type="hidden" name="_csrf" value="([\w-]+)">')
PAGES = {
    "form.html": "<form method=post>{{ csrf_field() }}</form>",
    "script.html": '<script data-token="{{ csrf_token() }}"></script>{{ csrf_field() }}',
    "error/error404.html": "nothing here {{ csrf_field() }}",
}
MakeSite = Callable[..., Any]


def front() -> Any:
    return render("form.html")


def enter(session: Session, user: int) -> Any:
    session.sign_in(user)
    return render("form.html")


def leave(session: Session) -> Any:
    session.sign_out()
    return render("form.html")


URLS = {
    "/": front,
    "POST /pay": lambda: "paid",
    "/script": lambda: render("script.html"),
    "/enter": enter,
    "/leave": leave,
}


def write(folder: Path, pages: Mapping[str, str]) -> None:
    for name, text in pages.items():
        path = folder / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def site(make_site: MakeSite, tmp_path: Path, carrier: str) -> Any:
    """Return a site with tokens, whose sessions are in a cookie or in a store."""
    write(tmp_path, PAGES)
    return make_site(URLS, carrier, security=Security(tokens=True))


def token_of(client: Client, url: str = "/") -> str:
    """Return the token in the form of a page."""
    found = FIELD.search(client.get(url).text)
    assert found is not None
    return found[1]


def pay(client: Client, token: str) -> int:
    """Send a form from a browser that has cookies, and does not say from which page it is."""
    assert client.cookies, "a request without a cookie needs no token"
    return client.post("/pay", form={"_csrf": token}).status


def test_the_token_of_its_own_page_passes(site: Any) -> None:
    """Of the page that was loaded last, of one before, and as often as it is sent."""
    client = site.client()
    tokens = [token_of(client), token_of(client)]
    assert [pay(client, each) for each in (*tokens, *tokens)] == [200] * 4


def test_a_page_has_one_token_and_each_page_another(site: Any) -> None:
    """It is masked, so that its length in a compressed page reveals nothing, whatever else is on the page."""
    client = site.client()
    pages = [client.get("/script").text for _ in range(3)]
    tokens = {token for page in pages for token in re.findall(r'(?:token|value)="([\w-]+)"', page)}
    assert len(tokens) == 3


def test_it_is_sent_in_a_field_by_a_script(site: Any) -> None:
    """`X-CSRF-Token` is read before any content, and JSON needs nothing else."""
    client = site.client()
    headers = {"x-csrf-token": token_of(client)}
    assert client.post("/pay", json={}, headers=headers).status == 200
    assert client.post("/pay", json={}).status == 403
    assert client.post("/pay", json={}, headers={"x-csrf-token": ""}).status == 403


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 86, "x" * 5000, "____", urlsafe_b64encode(bytes(64)).decode()])
def test_what_is_no_token_is_refused(site: Any, token: str) -> None:
    """Whatever it is, it is a 403."""
    client = site.client()
    token_of(client)
    assert pay(client, token) == 403


def test_the_token_of_another_browser_is_refused(site: Any) -> None:
    """An attacker has a token of its own, and can put it into its form."""
    victim = site.client()
    token_of(victim)
    assert pay(victim, token_of(site.client())) == 403


def test_a_cookie_that_was_not_signed_is_refused(site: Any) -> None:
    """Who can set a cookie could make the token for it: so both are of this site only."""
    client = site.client()
    secret = bytes(SECRET_BYTES)
    client.cookies[COOKIE] = urlsafe_b64encode(secret).decode()
    assert pay(client, urlsafe_b64encode(secret + secret).decode()) == 403


@pytest.mark.parametrize("attacker_user", [None, 2])
def test_a_tossed_cookie_is_of_no_use(site: Any, attacker_user: int | None) -> None:
    """A sibling host sets the attacker's own cookie for a victim that has signed in, and has the token for it."""
    attacker, victim = site.client(), site.client()
    if attacker_user is not None:
        attacker.sign_in(attacker_user)
    victim.sign_in(1)
    token = token_of(attacker)
    assert pay(attacker, token) == 200
    victim.cookies[COOKIE] = attacker.cookies[COOKIE]
    assert pay(victim, token) == 403
    token_of(victim)
    assert pay(victim, token) == 403


def test_of_two_cookies_none_is_trusted(site: Any) -> None:
    """The order of two cookies is chosen by the host that has set the second."""
    client, attacker = site.client(), site.client()
    tokens = [token_of(client), token_of(attacker)]
    values = [client.cookies[COOKIE], attacker.cookies[COOKIE]]
    for cookies in (values, values[::-1]):
        field = "; ".join(f"{COOKIE}={each}" for each in cookies)
        for token in tokens:
            assert client.post("/pay", form={"_csrf": token}, headers={"cookie": field}).status == 403


def test_a_sign_in_has_another_token(site: Any) -> None:
    """What was known before is worth nothing behind it, not even if the same user signs in a second time."""
    client = site.client()
    before, planted = token_of(client), client.cookies[COOKIE]
    first = token_of(client, "/enter?user=1")
    assert pay(client, first) == 200
    assert pay(client, before) == 403
    held = client.cookies[COOKIE]
    second = token_of(client, "/enter?user=1")
    assert pay(client, second) == 200
    assert pay(client, first) == 403
    for cookie, token in ((planted, before), (held, first)):
        client.cookies[COOKIE] = cookie
        assert pay(client, token) == 403


def test_a_sign_out_has_another_token(site: Any) -> None:
    """The page that follows it has a token for a visitor who has not signed in."""
    client = site.client()
    inside = token_of(client, "/enter?user=1")
    outside = token_of(client, "/leave")
    assert (pay(client, outside), pay(client, inside)) == (200, 403)


def test_a_session_of_nobody_keeps_its_token(make_site: MakeSite, tmp_path: Path, carrier: str) -> None:
    """A cart that is begun between the page and its form does not refuse the form."""
    write(tmp_path, PAGES)

    def put(session: Session) -> str:
        session["cart"] = 1
        return "put"

    client = make_site({**URLS, "/put": put}, carrier, security=Security(tokens=True)).client()
    token = token_of(client)
    client.get("/put")
    assert "session" in client.cookies
    assert pay(client, token) == 200


def test_it_ends_with_the_longest_session(site: Any, clock: Any) -> None:
    """A page that was left open for months is loaded again."""
    client = site.client()
    token = token_of(client)
    clock.now += 91 * 86400
    assert pay(client, token) == 403


def test_secrets_can_be_changed(make_site: MakeSite, tmp_path: Path) -> None:
    """A form that was loaded before a new secret was added can still be sent."""
    write(tmp_path, PAGES)
    old, new = (make_site(URLS, secrets=each, security=Security(tokens=True)) for each in (SECRETS[1:], SECRETS))
    before, after = old.client(), new.client()
    token = token_of(before)
    after.cookies[COOKIE] = before.cookies[COOKIE]
    assert pay(after, token) == 200


@pytest.mark.parametrize(
    ("base_url", "name", "more"), [("http://testserver", "csrf", ""), ("https://testserver", "__Host-csrf", "Secure")]
)
def test_its_cookie_is_of_this_host_only(site: Any, base_url: str, name: str, more: str) -> None:
    """No script reads it; over https browsers take it from this very host only; and it is set once."""
    client = site.client(base_url)
    first, second = client.get("/"), client.get("/")
    (cookie,) = first.headers.get_all("set-cookie")
    start, *attributes = cookie.split("; ")
    assert start.partition("=")[0] == name
    assert {"HttpOnly", "SameSite=Lax", "Path=/", *filter(None, [more])} <= set(attributes)
    assert not any(each.lower().startswith("domain") for each in attributes)
    assert second.headers.get_all("set-cookie") == []


def test_a_page_with_a_token_is_for_one_visitor(site: Any) -> None:
    """A shared cache does not keep it."""
    response = site.client().get("/")
    assert (response.headers.get("cache-control"), response.headers.get("vary")) == ("private", "cookie")


def test_an_error_page_has_a_token_that_works(site: Any) -> None:
    """A layout with a form in it may be that of a 404, where no route was found."""
    client = site.client()
    assert pay(client, token_of(client, "/nowhere")) == 200


def test_a_page_without_a_token_has_no_cookie(make_site: MakeSite) -> None:
    """Only a template that asks for a token has one made."""
    client = make_site({"/": "plain"}, security=Security(tokens=True)).client()
    response = client.get("/")
    assert (response.headers.get_all("set-cookie"), response.headers.get("cache-control")) == ([], "")


@pytest.mark.parametrize("call", ["csrf_field()", "csrf_token()"])
def test_a_call_without_tokens_is_found_at_start(tmp_path: Path, call: str) -> None:
    """A field that nothing checks would look like protection; the mistake says what to write."""
    write(tmp_path, {"form.html": "<form>\n{{ " + call + " }}</form>"})
    (tmp_path / "main.py").touch()
    with pytest.raises(SetupError) as caught:
        App({"/": "form.html"}, file=tmp_path / "main.py")
    (mistake,) = caught.value.mistakes
    assert mistake.message == f"{call} is for a site with tokens"
    assert mistake.hint.startswith("write Security(tokens=True)")
    assert [Path(each).name for each in mistake.places] == ["form.html:2"]


def test_a_variable_of_that_name_is_none_of_its_business(tmp_path: Path) -> None:
    """A site may have tokens of its own."""
    text = "{% macro csrf_field() %}own{% endmacro %}{{ csrf_field() }} {{ csrf_token }}"
    write(tmp_path, {"form.html": text})
    (tmp_path / "main.py").touch()
    with Client(App({"/": lambda: render("form.html", csrf_token="mine")}, file=tmp_path / "main.py")) as client:
        assert client.get("/").text == "own mine"


def test_tokens_is_a_switch(tmp_path: Path) -> None:
    """Anything but True and False is a mistake."""
    with pytest.raises(SetupError) as caught:
        App({"/": "x"}, security=Security(tokens="yes"), file=tmp_path / "main.py")  # type: ignore[arg-type]
    assert [each.message for each in caught.value.mistakes] == ["security: tokens is 'yes'"]


def test_the_page_of_a_later_error_is_finished_too(make_site: MakeSite) -> None:
    """What has finished one response finishes another that is sent in its place; and each only once."""
    app = make_site({"/": "x"}, security=Security(tokens=True)).app
    request = app.request_class(FakeHead("GET", "/", {"host": "testserver"}), None, None)
    tokens = FormTokens.of(request)
    assert [type(each) for each in finishers_of(request)] == [SessionState, FormTokens]
    assert FormTokens.of(request) is tokens
    assert list(finishers_of(request)) == []
    tokens.finish(request, Response())
    assert FormTokens.of(request) is tokens
    assert list(finishers_of(request)) == [tokens]


def test_what_makes_or_checks_a_token_needs_a_secret(make_site: MakeSite, tmp_path: Path) -> None:
    """So a site without one is refused before the port opens, where several machines serve it."""
    security = Security(tokens=True)
    assert not make_site({"/": "x"}, security=security).app.needs_services
    assert make_site({"POST /": lambda: "x"}, security=security).app.needs_services
    write(tmp_path, {"form.html": "{{ csrf_field() }}"})
    assert make_site({"/": "form.html"}, security=security).app.needs_services


def test_a_call_that_is_not_found_at_start_says_what_to_write(make_site: MakeSite, tmp_path: Path) -> None:
    """By another name, it fails when the page is rendered."""
    write(tmp_path, {"form.html": "{% set field = csrf_field %}{{ field() }}"})
    app = make_site({"/": front}).app
    with pytest.raises(TemplateError, match=r"form.html:1.* Security\(tokens=True\)"):
        app.pages.render(render("form.html"))


def test_a_context_function_of_that_name_is_the_site_s_own(make_site: MakeSite, tmp_path: Path) -> None:
    """What it returns may be called, and may be anything."""
    write(tmp_path, {"form.html": "{{ csrf_token() }}"})

    def own() -> Any:
        return lambda: "own"

    client = make_site({"/": front}, templates=Templates(context={"csrf_token": own})).client()
    assert client.get("/").text == "own"
