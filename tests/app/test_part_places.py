"""A part of a site with marks around it, in tables, in other parts, on hosts, and beside views of the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import (
    CORS,
    App,
    Hosts,
    NotFound,
    Part,
    Request,
    Session,
    Sessions,
    Static,
    Templates,
    Unauthorized,
    cross_site,
    middleware,
    rate_limit,
    render,
    table,
    wsgi,
)
from fanlight.app.application import Application
from fanlight.errors import NoSuchURL, SetupError
from fanlight.testing import Client

Make = Callable[..., Client]
MakePart = Callable[..., Part]
HTML = {"accept": "text/html"}
PAGE = "{{ url_for('index') }} {{ asset('a.css').split('.')[0] }}"
FILES = {
    f"{name}/{path}": text
    for name in ("blog", "shop", "site")
    for path, text in {
        "__init__.py": "",
        "templates/page.html": f"{name} {PAGE}",
        "templates/error/error404.html": f"{name} has no such page",
        "static/a.css": name,
    }.items()
}


def index(request: Request) -> str:
    return f"{request.url_for('index')} {request.asset('a.css').split('.')[0]}"


def page() -> Any:
    return render("page.html")


def front() -> str:
    return "front"


def lost() -> None:
    raise NotFound


def secret() -> None:
    raise Unauthorized


def enter(session: Session) -> str:
    session.sign_in("1")
    return "in"


def cats() -> list[str]:
    return ["Tom"]


def note(request: Request) -> Iterator[None]:
    response: Any = yield
    response.headers["x-noted"] = request.path


URLS = {"/": index, "/page": page, "/lost": lost}


@pytest.fixture
def part(tmp_path: Path) -> MakePart:
    """Return a function that makes one of two parts, "blog" and "shop", which have the same names inside."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    def make_part(folder: str = "blog", urls: Any = URLS, **settings: Any) -> Part:
        return Part(urls, file=tmp_path / folder / "__init__.py", **{"name": folder, "static": "static"} | settings)

    return make_part


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes a client of a site."""
    clients = []

    def start(urls: Any, **settings: Any) -> Client:
        clients.append(Client(Application(urls, folder=tmp_path / "site", **settings)))
        return clients[-1]

    yield start
    for each in clients:
        each.close()


# --- marks around it --------------------------------------------------------------------------------------


def test_middleware_around_it_is_around_all_its_routes(make: Make, part: MakePart) -> None:
    """Its files too, which shared caches then do not store; not around a path without a route, as for any table."""
    client = make({"/": front, "/b": middleware(note)(part())})
    assert client.get("/b/page").headers["x-noted"] == "/b/page"
    assert client.get("/b/lost").headers["x-noted"] == "/b/lost"
    css = client.get("/b/static/a.css")
    assert (css.headers["x-noted"], css.headers["cache-control"]) == ("/b/static/a.css", "private, no-cache")
    assert "x-noted" not in client.get("/b/none").headers
    assert "x-noted" not in client.get("/").headers


def test_a_limit_around_it_counts_all_its_requests(make: Make, part: MakePart) -> None:
    """Requests to the rest of the site are not counted."""
    client = make({"/": front, "/b": rate_limit("2/minute")(part())})
    assert [client.get(each).status for each in ("/b", "/b/page", "/b", "/")] == [200, 200, 429, 200]


def test_cors_around_it_is_on_its_pages_files_and_errors(make: Make, part: MakePart) -> None:
    """And a preflight is responded to from its routes."""
    client = make({"/": front, "/b": CORS(origins=["https://a.example"])(part())})
    origin = {"origin": "https://a.example"}
    for path in ("/b", "/b/lost", "/b/none", "/b/static/a.css"):
        assert client.get(path, headers=origin).headers["access-control-allow-origin"] == "https://a.example"
    preflight = client.request("OPTIONS", "/b", headers=origin | {"access-control-request-method": "GET"})
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD"
    assert "access-control-allow-origin" not in client.get("/", headers=origin).headers


def test_cross_site_around_it_lets_forms_of_others_in(make: Make, part: MakePart) -> None:
    """Without it they are refused."""
    urls = {"POST /": front}
    client = make({"/": front, "/b": cross_site(part("blog", urls)), "/s": part("shop", urls)})
    foreign = {"origin": "https://a.example"}
    assert [client.post(path, headers=foreign).status for path in ("/b", "/s")] == [200, 403]


def test_a_table_around_it_adds_its_name_and_its_errors(make: Make, part: MakePart) -> None:
    """Of the names of views and of files those of tables may be left out, as long as one is meant."""
    client = make(
        {
            "/": lambda request: " ".join(
                (
                    request.url_for("news:blog:index"),
                    request.url_for("blog:index"),
                    *(request.asset(f"{name}:a.css").split(".")[0] for name in ("news:blog", "blog")),
                )
            ),
            "/b": table(part(), name="news", json_errors=True),
        }
    )
    assert client.get("/").text == "/b /b /b/static/a /b/static/a"
    assert client.get("/b").text == "/b /b/static/a"
    for path in ("/b/lost", "/b/none"):
        assert client.get(path).headers["content-type"] == "application/problem+json"


def test_a_file_of_a_part_that_is_mounted_twice_needs_both_names(make: Make, part: MakePart) -> None:
    """The error has the names to write."""
    blog = part()
    app = make({"/": front, "/a": table(blog, name="a"), "/b": table(blog, name="b")})
    assert app.get("/a/page").text == "blog /a /a/static/a"
    assert app.get("/b/page").text == "blog /b /b/static/a"
    site = Application({"/a": table(blog, name="a"), "/b": table(blog, name="b")}, folder=blog.folder.parent / "site")
    assert site.asset("b:blog:a.css").startswith("/b/static/a.")
    with pytest.raises(NoSuchURL, match=r'named "blog"; write "a:blog:\.\.\." or "b:blog:\.\.\."'):
        site.asset("blog:a.css")


def test_signing_in_is_that_of_the_site_or_a_view_of_the_part(make: Make, part: MakePart) -> None:
    """A browser that must sign in is sent to it from either."""
    urls = {"/": secret, "GET|POST /in": enter}
    client = make({"/": secret, "/b": part("blog", urls)}, sessions=Sessions(sign_in=enter))
    assert client.get("/b", headers=HTML).headers["location"] == "/b/in?next=/b"
    assert client.get("/", headers=HTML).headers["location"] == "/b/in?next=/"


def test_its_templates_have_the_context_of_the_site(make: Make, part: MakePart, tmp_path: Path) -> None:
    """Values are made for each page, and filters are those of the site."""
    blog = part(urls={"/": lambda: render("own.html"), "/text": "own.html"})
    (tmp_path / "blog/templates/own.html").write_text("{{ where }} {{ 'x' | shout }}")
    templates = Templates(context={"where": lambda request: request.path}, filters={"shout": str.upper})
    client = make({"/": front, "/b": blog}, templates=templates)
    assert [client.get(path).text for path in ("/b", "/b/text")] == ["/b X", "/b/text X"]


def test_its_views_are_described_under_its_name(make: Make, part: MakePart) -> None:
    """In OpenAPI."""
    client = make({"/": front, "/b": table(part(urls={"/": cats}), name="api")}, openapi="/openapi.json")
    described = client.get("/openapi.json").json()["paths"]["/b"]["get"]
    assert described["operationId"].startswith("api_blog_")
    assert described["tags"] == ["api:blog"]


# --- where it is ------------------------------------------------------------------------------------------


def test_a_part_is_in_a_table_of_a_part(make: Make, part: MakePart) -> None:
    """Each finds its own templates, files, views and error pages, although all have the same names."""
    client = make({"/": front, "/b": part(urls=URLS | {"/in": {"/": part("shop")}, "/t": {"/page": page}})})
    assert client.get("/b/page").text == client.get("/b/t/page").text == "blog /b /b/static/a"
    assert client.get("/b/in/page").text == "shop /b/in /b/in/static/a"
    assert client.get("/b/in/lost", headers=HTML).text == "shop has no such page"
    assert client.get("/b/in/x/y", headers=HTML).text == "shop has no such page"
    assert client.get("/b/x/y", headers=HTML).text == "blog has no such page"


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_may_be_the_whole_site_with_another_below(make: Make, part: MakePart, order: int) -> None:
    """Whichever is written first, each page is that of its own part."""
    client = make(dict([("/", part()), ("/x", part("shop"))][::order]))
    assert client.get("/page").text == "blog / /static/a"
    assert client.get("/x/page").text == "shop /x /x/static/a"
    assert client.get("/x/none", headers=HTML).text == "shop has no such page"
    assert client.get("/none", headers=HTML).text == "blog has no such page"


def test_a_view_of_the_site_below_a_part_is_no_part_of_it(make: Make, part: MakePart) -> None:
    """Names in it and in its page are those of the site, as anywhere in the site's own table."""
    client = make({"/": part(), "/own": index, "/own/page": page, "/files": Static("static")})
    assert client.get("/own").text == "/own /files/a"
    assert client.get("/own/page").text == "site /own /files/a"
    assert client.get("/page").text == "blog / /static/a"


def test_a_part_at_a_parameter(make: Make, part: MakePart) -> None:
    """Its views take the parameter, and give it to `url_for`; a folder of files has one place, so it has none."""

    def home(tenant: str, request: Request) -> str:
        return request.url_for("home", tenant=tenant)

    client = make(
        {"/": front, "/t/{tenant}": part(urls={"/": home}, static=None), "/t/own": index, "/static": Static("static")}
    )
    assert client.get("/t/x").text == "/t/x"
    assert client.get("/t/x/none", headers=HTML).text == "blog has no such page"
    with pytest.raises(SetupError, match="has a parameter, and files have one place"):
        make({"/": front, "/t/{tenant}": part(urls={"/": home})})


def test_a_part_is_the_table_of_a_host(make: Make, part: MakePart) -> None:
    """With its files and error pages, which are on that host; marks are around it as around any table."""
    blog = table(part(), name="news")
    client = make(Hosts({"testserver": {"/": front}, "a.test": part("shop"), "{user}.test": middleware(note)(blog)}))
    assert client.get("http://a.test/page").text == "shop / /static/a"
    assert client.get("http://ann.test/page").text == "blog / /static/a"
    assert client.get("http://ann.test/static/a.css").text == "blog"
    assert client.get("http://ann.test/page").headers["x-noted"] == "/page"
    assert client.get("http://a.test/x/y", headers=HTML).text == "shop has no such page"


def test_one_part_is_on_two_hosts_under_two_names(make: Make, part: MakePart) -> None:
    """At the same path, so the same folder is served at both."""
    blog = part()
    client = make(Hosts({f"{name}.test": {"/": table(blog, name=name)} for name in "ab"}))
    assert [client.get(f"http://{name}.test/").text for name in "ab"] == ["/ /static/a"] * 2


def test_an_app_of_another_framework_is_in_a_part(make: Make, part: MakePart) -> None:
    """It finds its place below that of the part."""

    def where(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [f"{environ['SCRIPT_NAME']}|{environ['PATH_INFO']}".encode()]

    client = make({"/": front, "/b": part(urls={"/": index, "/w": wsgi(where)})})
    assert client.get("/b/w/x").text == "/b/w|/x"


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"static": Static("static")}, "static of Part('blog') is a Static", 'write static="static"'),
        ({"templates": Templates()}, "templates of Part('blog') is a Templates", 'write templates="templates"'),
        ({"middleware": note}, "middleware of Part('blog') is a function", "write middleware=[timing]"),
        ({"name": None}, "name of Part(None) is a NoneType", 'write name="blog"'),
        ({"static": "templates"}, "would serve the templates of a part", ""),
    ],
)
def test_a_setting_of_another_type_is_refused(
    make: Make, part: MakePart, settings: dict[str, Any], message: str, hint: str
) -> None:
    """With what to write."""
    with pytest.raises(SetupError) as refused:
        make({"/": front, "/b": part(**settings)})
    found = refused.value.mistakes[0]
    assert message in found.message
    assert hint in found.hint


def test_a_file_that_does_not_exist_is_refused(make: Make, tmp_path: Path) -> None:
    """Its folders would be looked for elsewhere."""
    (tmp_path / "site").mkdir()
    with pytest.raises(SetupError, match=r"file=.*gone\.py of Part\('x'\) names no file"):
        make({"/": front, "/x": Part(URLS, name="x", file=tmp_path / "gone.py")})


def test_a_part_alone_is_no_table(make: Make, part: MakePart) -> None:
    """The hint has the dict to write."""
    with pytest.raises(SetupError) as refused:
        make(part())
    assert refused.value.mistakes[0].hint == "put it into a dict: {\"/\": Part('blog')}"


def test_hosts_are_no_value_of_a_table(make: Make, part: MakePart) -> None:
    """They are the whole."""
    part()
    with pytest.raises(SetupError) as refused:
        make({"/": Hosts({"a.test": {"/": front}})})
    assert refused.value.mistakes[0].hint == 'write App(Hosts({"example.org": URLS}))'


async def _asgi_app(scope: Any, receive: Any, send: Any) -> None: ...


class _WsgiApp:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


@pytest.mark.parametrize(("value", "kind"), [(_asgi_app, "asgi"), (_WsgiApp(), "wsgi"), (App({"/": front}), "asgi")])
def test_an_app_that_is_not_mounted_is_refused(value: Any, kind: str) -> None:
    """It would be called with fields of the query."""
    with pytest.raises(SetupError) as refused:
        App({"/a": value})
    found = refused.value.mistakes[0]
    assert f"is an app of {kind.upper()}, and no view" in found.message
    assert found.hint == f"mount it: {kind}(...)"
