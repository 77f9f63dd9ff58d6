"""An app with several hosts: which view serves a request, and the URLs that its pages have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest

from fanlight import (
    CORS,
    ContentSecurityPolicy,
    Hosts,
    Request,
    Security,
    Session,
    Sessions,
    Static,
    Unauthorized,
    middleware,
    rate_limit,
    redirect,
    render,
    table,
)
from fanlight.app.application import Application
from fanlight.errors import NoSuchURL, SetupError
from fanlight.testing import Client

Make = Callable[..., Client]


def front(request: Request) -> dict[str, str]:
    return {
        "bob": request.url_for(home, user="bob"),
        "about": request.url_for("about"),
        "found": request.url_for("home", user="bob", query={"q": "a b"}, fragment="x"),
    }


def about() -> str:
    return "about"


def home(user: str, request: Request) -> dict[str, str]:
    return {
        "user": user,
        "post": request.url_for("post", slug="x"),
        "own": request.url_for("home"),
        "named": request.url_for("home", user=user),
        "front": request.url_for(front),
        "zoe": request.url_for(home, user="zoe"),
    }


def post(slug: str) -> str:
    return slug


def account_of(user: str) -> str:
    return f"account of {user}"


def account(account: Annotated[str, account_of]) -> str:
    return account


def number(n: int, uuid: UUID, id: int) -> str:  # noqa: A002 - as in the path
    return f"{n + 1} {uuid.version} {id}"


TABLES = {
    "Example.org": {"/": front, "/about": about},
    "www.example.org": redirect("https://example.org", permanent=True),
    "old.example.org": redirect("https://example.org/moved?from=old"),
    "{user}.example.org": {"/": home, "/post/{slug}": post, "/account": account, "/text": "a heading"},
    "{uuid:uuid}.{n}.example.org": {"/{id}": number},
}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes a client of an app with these tables, at http://example.org:8000."""
    clients = []

    def start(tables: Any, *, pages: dict[str, str] | None = None, base: str = "", **settings: Any) -> Client:
        for name, text in (pages or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        app = Application(Hosts(tables), folder=tmp_path, **settings)
        clients.append(Client(app, base_url=base or "http://example.org:8000"))
        return clients[-1]

    yield start
    for each in clients:
        each.close()


@pytest.fixture
def client(make: Make) -> Client:
    return make(TABLES)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/about", "about"),
        ("http://EXAMPLE.ORG/about", "about"),
        ("http://example.org:99/about", "about"),
        ("http://alice.example.org/post/1", "1"),
        ("http://alice.example.org/account", "account of alice"),
        ("http://0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d.41.example.org/7", "42 4 7"),
    ],
)
def test_the_host_chooses_the_table(client: Client, url: str, text: str) -> None:
    """Without its port and in any case; its parameters are those of the views, which may leave them out."""
    response = client.get(url)
    assert (response.status, response.text) == (200, text)


def test_a_text_below_a_pattern_needs_no_parameter(client: Client) -> None:
    """A heading takes none."""
    assert "a heading" in client.get("http://alice.example.org/text").text


@pytest.mark.parametrize("url", ["http://example.test/", "http://a.b.example.org/about", "http://localhost/"])
def test_any_other_host_is_misdirected(client: Client, url: str, caplog: pytest.LogCaptureFixture) -> None:
    """It gets 421 with a page, and the log says it once."""
    with caplog.at_level(logging.WARNING, logger="fanlight.app"):
        for _ in range(3):
            assert client.get(url, headers={"accept": "text/html"}).status == 421
    assert [each.getMessage().count("which is none of Hosts") for each in caplog.records] == [1]
    assert "This site is not served at the host" in client.get(url, headers={"accept": "text/html"}).text


def test_a_value_that_does_not_fit_the_view_names_nothing(client: Client) -> None:
    """As in a path: 404."""
    assert client.get("http://0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d.x.example.org/7").status == 404


def test_each_host_has_its_own_paths(client: Client) -> None:
    """A path of another host is 404, a method of another route 405."""
    assert client.get("http://alice.example.org/about").status == 404
    assert client.get("http://example.org/post/1").status == 404
    response = client.post("http://example.org/about")
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert client.get("http://example.org/about/").headers["location"] == "/about"


def test_a_redirect_of_a_host_keeps_path_and_query(client: Client) -> None:
    """Where its target names none; the method is kept, too, if it is permanent."""
    response = client.post("http://www.example.org/a%20b/c?d=%2F&e", form={"x": "y"})
    assert (response.status, response.headers["location"]) == (308, "https://example.org/a%20b/c?d=%2F&e")
    assert client.get("http://www.example.org//evil.test").headers["location"] == "https://example.org//evil.test"
    assert client.get("http://www.example.org").headers["location"] == "https://example.org/"
    assert client.get("http://old.example.org/x?y").headers["location"] == "https://example.org/moved?from=old"


def test_a_view_of_another_host_has_a_complete_url(client: Client) -> None:
    """With the scheme and the port of the request; one of the same host has a path."""
    assert client.get("/").json() == {
        "bob": "http://bob.example.org:8000/",
        "about": "/about",
        "found": "http://bob.example.org:8000/?q=a%20b#x",
    }
    assert client.get("http://alice.example.org/").json() == {
        "user": "alice",
        "post": "/post/x",
        "own": "/",
        "named": "/",
        "front": "http://example.org/",
        "zoe": "http://zoe.example.org/",
    }


def test_without_a_request_a_url_has_no_scheme(make: Make, tmp_path: Path) -> None:
    """`app.url_for` knows the host alone."""
    app = Application(Hosts(TABLES), folder=tmp_path)
    assert app.url_for(home, user="bob") == "//bob.example.org/"
    with pytest.raises(NoSuchURL, match="missing: user"):
        app.url_for(home)
    with pytest.raises(NoSuchURL, match="user='B' does not fit"):
        app.url_for(home, user="B")


def test_a_table_may_serve_two_hosts(make: Make) -> None:
    """Its views have a path on either."""
    shared = {"/": lambda request: request.url_for("about"), "/about": about}
    client = make({"a.test": shared, "b.test": shared}, base="http://b.test")
    assert client.get("/").text == client.get("http://a.test/").text == "/about"


def test_templates_have_the_urls_of_their_request(make: Make) -> None:
    """`url_for`, `asset` and `script_tag` do; what can only fail is found at the start."""
    page = "{{ url_for('about') }} {{ url_for('home', user='bob') }} {{ asset('a.css') }} {{ script_tag('b.js') }}"
    pages = {"templates/p.html": page, "main/a.css": "a", "own/b.js": "b", "own/a.css": "own"}
    view = lambda: render("p.html")  # noqa: E731 - a page
    tables = {
        "example.org": {"/": view, "/about": about, "/static": Static("main")},
        "js.example.org": {"/static": Static("own")},
        "{user}.example.org": {"/": home, "/page": view, "/files": Static("own")},
    }
    client = make(tables, pages=pages, security=Security(content_security_policy=ContentSecurityPolicy()))
    about_url, bob, css, script = client.get("/").text.split(" ", 3)
    assert (about_url, bob) == ("/about", "http://bob.example.org:8000/")
    assert css.startswith("/static/a")
    assert 'src="http://js.example.org:8000/static/b' in script
    theirs = client.get("http://bob.example.org/page").text
    assert theirs.startswith("http://example.org/about / /files/a")
    assert client.get(theirs.split(" ")[2], headers={"host": "bob.example.org"}).text == "own"


def test_a_wrong_name_in_a_template_is_found_at_the_start(make: Make, tmp_path: Path) -> None:
    """A file that is on no host, and a view."""
    pages = {"templates/p.html": "{{ asset('missing.css') }}"}
    with pytest.raises(SetupError, match=r'there is no asset "missing.css"'):
        make({"example.org": {"/": "p.html"}}, pages=pages)
    (tmp_path / "templates" / "p.html").write_text("{{ url_for('abuot') }}{{ url_for('about') }}")
    tables = {"a.test": {"/": "p.html"}, "{user}.b.test": {"/about": about}}
    app = Application(Hosts(tables), folder=tmp_path)
    (mistake,) = app.pages.wrong_urls(["p.html"])
    assert mistake.message == 'no view in URLS is named "abuot"'


def test_settings_of_a_host_are_those_of_its_table(make: Make) -> None:
    """A host has middleware, errors in JSON, CORS and a name as any table has."""

    def mark(request: Request) -> Iterator[None]:
        response: Any = yield
        response.headers["x-host"] = request.host

    api = middleware(mark)(CORS(origins=["https://app.test"])(table({"/": about}, json_errors=True, name="api")))
    client = make({"api.test": api, "example.org": {"/": lambda request: request.url_for("api:about")}})
    assert client.get("/").text == "http://api.test:8000/"
    response = client.get("http://api.test/", headers={"origin": "https://app.test"})
    assert response.headers["x-host"] == "api.test"
    assert response.headers["access-control-allow-origin"] == "https://app.test"
    assert client.get("http://api.test/x").headers["content-type"] == "application/problem+json"
    assert client.get("/x", headers={"accept": "*/*"}).status == 404
    assert "x-host" not in client.get("/").headers


def test_a_page_of_another_host_is_another_site(make: Make) -> None:
    """Its forms are refused, although both hosts are of one app."""
    client = make({"a.test": {"POST /": about}, "b.test": {"/": about}})
    own = {"origin": "http://a.test", "sec-fetch-site": "same-origin"}
    other = {"origin": "http://b.test", "sec-fetch-site": "same-site"}
    assert client.post("http://a.test/", headers=own).status == 200
    assert client.post("http://a.test/", headers=other).status == 403


def test_each_host_has_its_own_limits(make: Make) -> None:
    """A limit of one table is not that of another, although both are at "/"."""
    client = make({f"{name}.test": rate_limit("1/hour")({"/": about}) for name in "ab"})
    assert [client.get(f"http://{name}.test/").status for name in "abab"] == [200, 200, 429, 429]


def enter(session: Session) -> str:
    session.sign_in("1")
    return "in"


def who(session: Session) -> str:
    if session.user_id is None:
        raise Unauthorized
    return str(session.user_id)


def test_a_session_is_of_one_host(make: Make) -> None:
    """Its cookie is not sent to another, and a browser is sent to the page of its own host only."""
    tables = {"a.test": {"/": who, "GET|POST /in": enter}, "b.test": {"/": who}}
    client = make(tables, sessions=Sessions(sign_in=enter), base="http://a.test")
    browser = {"accept": "text/html"}
    assert client.get("/", headers=browser).headers["location"].startswith("/in?next=")
    cookie = client.post("/in").headers["set-cookie"]
    assert "domain" not in cookie.lower()
    assert client.get("/").text == "1"
    response = client.get("http://b.test/", headers=browser)
    assert (response.status, response.headers.get("location", "")) == (401, "")


def test_mistakes_have_their_lines(tmp_path: Path) -> None:
    """Those of a host, and those in its table."""
    file = tmp_path / "main.py"
    file.write_text(
        "USERS = {\n"
        "    '/{user}': 'x',\n"
        "}\n"
        "app = App(Hosts({\n"
        "    'example.org:80': {'/': 'x'},\n"
        "    '{user}.example.org': USERS,\n"
        "}))\n"
    )
    tables = {"example.org:80": {"/": "x"}, "{user}.example.org": {"/{user}": "x"}}
    with pytest.raises(SetupError) as caught:
        Application(Hosts(tables), folder=tmp_path, source=file)
    assert [each.places for each in caught.value.mistakes] == [("main.py:5",), ("main.py:2",)]


def test_a_description_is_of_one_host(tmp_path: Path) -> None:
    """In OpenAPI a path is there once, so several hosts are refused, with the reason."""
    with pytest.raises(SetupError, match="the description in OpenAPI is of one host"):
        Application(Hosts({"a.test": {"/": about}}), openapi="/openapi.json", folder=tmp_path)
    with pytest.raises(SetupError, match="the description in OpenAPI is of one host"):
        Application(Hosts({"a.test": {"/": about}}), folder=tmp_path).describe()


def test_an_app_with_one_host_finds_its_routes_as_before(tmp_path: Path) -> None:
    """The method of the class serves it; only an app with several hosts has another."""
    assert "find" not in vars(Application({"/": about}, folder=tmp_path))
    assert "find" in vars(Application(Hosts({"a.test": {"/": about}}), folder=tmp_path))
