"""Apps that are mounted in URLS: where they are, what is around them, and their lifespans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.foreign.where_apps import where_asgi, where_wsgi

from fanlight import CORS, App, asgi, cross_site, middleware, rate_limit, table, wsgi
from fanlight.errors import AppError, SetupError
from fanlight.foreign.guest import Guest
from fanlight.site.finding import LoadError
from fanlight.site.loading import foreign_site, load
from fanlight.site.weakened import weakened
from fanlight.testing import Client

URLS = {
    "/": lambda: "home",
    "/api": asgi(where_asgi),
    "/api/own": lambda: "of the site",
    "/shop": table({"/old": wsgi(where_wsgi), "/new": {"/deep": asgi(where_asgi)}}, name="shop"),
}


@pytest.fixture
def client() -> Any:
    """Return a client of a site with mounts."""
    with Client(App(URLS)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/", "GET /api|/api/|/api/"),
        ("/api/a%20b/", "GET /api|/api/a b/|/api/a%20b/"),
        ("/%61pi/x", "GET /api|/api/x|/%61pi/x"),
        ("/shop/old/", "GET /shop/old|/"),
        ("/shop/old/a/b", "GET /shop/old|/a/b"),
        ("/shop/new/deep/x", "GET /shop/new/deep|/shop/new/deep/x|/shop/new/deep/x"),
        ("/shop/new/deep//x%2Fy", "GET /shop/new/deep|/shop/new/deep//x/y|/shop/new/deep//x%2Fy"),
        ("/api/a/../%ff", "GET /api|/api/a/../\ufffd|/api/a/../%ff"),
        ("/shop/old//http://a", "GET /shop/old|//http://a"),
        ("/api/own", "of the site"),
        ("/", "home"),
    ],
)
def test_an_app_finds_its_place(client: Client, path: str, expected: str) -> None:
    """`root_path` and SCRIPT_NAME are the path of the mount, also in nested tables; the site's own routes win."""
    text = client.get(path).text
    assert text == expected


def test_a_mount_without_its_slash_is_redirected(client: Client) -> None:
    """As for a folder of files, so that relative links of its first page work."""
    response = client.get("/shop/old")
    assert (response.status, response.headers["location"]) == (308, "/shop/old/")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE"])
def test_an_app_has_all_methods(client: Client, method: str) -> None:
    """Which methods a path takes is the app's to say."""
    assert client.request(method, "/api/x").text.startswith(f"{method} ")
    assert client.request(method, "/shop/old/x").text.startswith(f"{method} ")


def test_its_responses_have_no_fields_of_the_site(client: Client) -> None:
    """A policy for the pages of the site could break those of the app: they are sent as it makes them."""
    assert "x-frame-options" in client.get("/").headers
    assert list(client.get("/api/").headers) == ["vary", "server", "date", "content-length"]


def test_a_page_of_another_site_sends_nothing_to_it(client: Client) -> None:
    """The check of cross-site requests holds for a mount as well."""
    foreign = {"origin": "https://evil.example"}
    assert client.post("/api/x", headers=foreign).status == 403
    assert client.get("/api/x", headers=foreign).status == 200


def test_marks_around_a_mount_hold() -> None:
    """Middleware, rate limits, cross_site and CORS are around all paths of an app."""

    def note(request: Any) -> Any:
        response = yield
        response.headers["x-noted"] = "1"

    urls = {
        "/m": middleware(note)(wsgi(where_wsgi)),
        "/r": rate_limit("2/minute")(asgi(where_asgi)),
        "/x": cross_site(asgi(where_asgi)),
    }
    with Client(App(urls)) as client:
        assert client.get("/m/a").headers["x-noted"] == "1"
        assert [client.get(f"/r/{each}").status for each in range(3)] == [200, 200, 429]
        assert client.post("/x/", headers={"origin": "https://partner.example"}).status == 200


@pytest.mark.parametrize(
    "mark",
    [cross_site, rate_limit("9/minute"), CORS(origins=["https://partner.example"])],
    ids=["cross_site", "rate_limit", "CORS"],
)
def test_a_marked_mount_at_the_root_has_all_paths(mark: Any) -> None:
    """Also `/` itself, whatever is around it, and but for those of other keys."""
    with Client(App({"/": mark(wsgi(where_wsgi)), "/own": "ours"})) as client:
        assert [client.get(path).status for path in ("/", "/a", "/a/b", "/own")] == [200] * 4
        assert client.get("/a").text == "GET |/a"
        assert "ours" in client.get("/own").text


def test_an_app_is_imported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wsgi("legacy.app:app")`, an attribute of an object, and the result of a function."""
    (tmp_path / "mounted_legacy.py").write_text(
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'named']\n"
        "def make():\n    return app\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with Client(App({"/a": wsgi("mounted_legacy:app"), "/b": wsgi("mounted_legacy:make()")})) as client:
        assert (client.get("/a/").text, client.get("/b/").text) == ("named", "named")
    del sys.modules["mounted_legacy"]


@pytest.mark.parametrize(
    ("guest", "complaint"),
    [
        (wsgi(where_asgi), "is of ASGI; write asgi(...)"),
        (asgi(where_wsgi), "is of WSGI; write wsgi(...)"),
        (asgi("nowhere"), 'names no app; write the module and the name: "legacy.app:app"'),
        (asgi("no_such_module_here:app"), "there is no module no_such_module_here"),
        (asgi("fanlight:no_app"), "fanlight has no no_app"),
        (wsgi(7), "is a int"),
    ],
)
def test_what_is_no_such_app_is_refused_before_the_port_opens(guest: Guest, complaint: str) -> None:
    """The message says what to write, and where."""
    with pytest.raises(SetupError) as refused:
        App({"/a": guest})
    assert complaint in str(refused.value)


def test_a_mount_takes_all_methods() -> None:
    """A key with methods is refused."""
    with pytest.raises(SetupError, match="gives methods to an app, which takes all methods"):
        App({"POST /a": asgi(where_asgi)})


def test_a_foreign_site_has_weakened_nothing(tmp_path: Path) -> None:
    """What protects pages of a site that is another framework's app alone is that app's: `check --deploy` is silent."""
    assert weakened(foreign_site(where_asgi, tmp_path / "main.py"), 1000) == []


@pytest.fixture
def _own_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what loading a site changes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.mark.usefixtures("_own_path")
@pytest.mark.parametrize(
    ("source", "attribute", "kind"),
    [
        ("from flask import Flask\napp = Flask('a')\n", "", "wsgi(a.Flask)"),
        ("from flask import Flask\napplication = Flask('a')\n", "", "wsgi(a.Flask)"),
        ("from flask import Flask\ndef make():\n    return Flask('a')\n", ":make", "wsgi(a.Flask)"),
        ("from flask import Flask\ndef make():\n    return Flask('a')\n", ":make()", "wsgi(a.Flask)"),
        ("async def app(scope, receive, send): pass\n", ":app", "asgi(found.app)"),
        ("from fanlight import wsgi\napp = wsgi(lambda *_: [])\n", ":app", "wsgi(found.<lambda>)"),
    ],
)
def test_the_app_of_a_file_is_found(tmp_path: Path, source: str, attribute: str, kind: str) -> None:
    """The `app` or `application` of a file, a name in it, and the result of a function."""
    (tmp_path / "found.py").write_text(source)
    app = load(f"{tmp_path / 'found.py'}{attribute}")
    assert app.is_foreign
    assert {str(each.view) for each in app.table.routes} == {kind}
    del sys.modules["found"]


@pytest.mark.usefixtures("_own_path")
@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def app(scope): pass\n", "is an app of ASGI 2"),
        ("class app: pass\n", "is a class; make the app of it"),
        ("def app(): pass\n", "write its name with parentheses"),
    ],
)
def test_what_is_no_app_is_refused_with_what_to_write(tmp_path: Path, source: str, complaint: str) -> None:
    """The message is for the terminal, before the port opens."""
    (tmp_path / "found.py").write_text(source)
    with pytest.raises(LoadError, match=complaint):
        load(tmp_path / "found.py")
    del sys.modules["found"]


# --- lifespans ------------------------------------------------------------------------------------------


def _with_lifespan(events: list[str], *, fails: str = "") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": repr(scope["state"]).encode()})
            scope["state"]["own"] = 1
            return
        assert (await receive()) == {"type": "lifespan.startup"}
        if fails == "startup":
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        scope["state"]["pool"] = "open"
        events.append("guest starts")
        await send({"type": "lifespan.startup.complete"})
        assert (await receive()) == {"type": "lifespan.shutdown"}
        events.append("guest stops")
        await send({"type": "lifespan.shutdown.failed" if fails else "lifespan.shutdown.complete", "message": "stuck"})

    return app


def test_lifespans_run_with_that_of_the_site() -> None:
    """They start behind it, and stop before it; each request has a copy of the state."""
    events: list[str] = []

    def lifespan(app: App) -> Any:
        events.append("site starts")
        yield
        events.append("site stops")

    guest = asgi(_with_lifespan(events))
    with Client(App({"/a": guest, "/b": guest}, lifespan=lifespan)) as client:
        assert [client.get(path).text for path in ("/a/", "/b/")] == ["{'pool': 'open'}"] * 2
    assert events == ["site starts", "guest starts", "guest stops", "site stops"]


def test_a_start_that_fails_ends_the_start_of_the_site() -> None:
    """The message of the app is that of the error, and what had started is stopped."""
    events: list[str] = []
    app = App({"/a": asgi(_with_lifespan(events)), "/b": asgi(_with_lifespan(events, fails="startup"))})
    with pytest.raises(AppError, match="can't start: no database"):
        Client(app)
    assert events == ["guest starts", "guest stops"]


async def _raises(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise ValueError("only HTTP")
    await where_asgi(scope, receive, send)


async def _returns(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "lifespan":
        await where_asgi(scope, receive, send)


@pytest.mark.parametrize("app", [_raises, _returns])
def test_an_app_without_a_lifespan_is_served(app: Any) -> None:
    """An app that raises or returns at once has no lifespan, and is served all the same."""
    with Client(App({"/a": asgi(app)})) as client:
        assert client.get("/a/").status == 200
