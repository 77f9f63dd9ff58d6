"""A part of a site with templates, files and error pages of its own, mounted in the URLS of a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest

from fanlight import Forbidden, Hosts, NotFound, Part, Request, Static, Templates, render, table
from fanlight.app.application import Application
from fanlight.errors import Mistake, SetupError
from fanlight.testing import Client

Make = Callable[..., Client]

FILES = {
    "blog/__init__.py": "",
    "blog/templates/base.html": (
        "<title>{% block title %}{% endblock %}</title>{{ asset('post.css') }} {% block main %}{% endblock %}"
    ),
    "blog/templates/post.html": (
        "{% extends 'base.html' %}{% block title %}own {{ slug }}{% endblock %}"
        "{% block main %}{{ url_for('index') }} {{ url_for('post', slug='x') }} {{ url_for('home') }}{% endblock %}"
    ),
    "blog/templates/about.html": "about the blog",
    "blog/templates/error/error404.html": "no such post",
    "blog/static/post.css": "part",
    "site/templates/home.html": (
        "home {{ url_for('index') }} {{ url_for('blog:index') }} {{ asset('post.css') }} {{ asset('blog:post.css') }}"
    ),
    "site/templates/error/error404.html": "no such page",
    "site/templates/error/error403.html": "not for you",
    "site/static/post.css": "site",
}


def index(request: Request) -> str:
    return " ".join(
        (request.url_for("index"), request.url_for(post, slug="y"), request.asset("post.css").partition(".")[0])
    )


def post(slug: str) -> Any:
    if slug == "lost":
        raise NotFound
    if slug == "secret":
        raise Forbidden
    return render("post.html", slug=slug)


URLS = {"/": index, "/about": "about.html", "/{slug}": post}


def author_of(request: Request) -> str:
    return f"ann of {request.path}"


def written_by(author: Annotated[str, author_of]) -> str:
    return author


def home() -> Any:
    return render("home.html")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes a client of a site with a part: `make(urls of the site, ...)`."""
    clients = []

    def start(urls: Any, *, files: Mapping[str, str] | None = None, **settings: Any) -> Client:
        write(tmp_path, FILES | dict(files or {}))
        clients.append(Client(Application(urls, folder=tmp_path / "site", **settings)))
        return clients[-1]

    yield start
    for each in clients:
        each.close()


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def blog(tmp_path: Path) -> Callable[..., Part]:
    """Return a function that makes the part."""
    write(tmp_path, FILES)

    def part(urls: Any = URLS, **settings: Any) -> Part:
        return Part(urls, file=tmp_path / "blog" / "__init__.py", **{"name": "blog", "static": "static"} | settings)

    return part


def site_of(part: object, at: str = "/blog") -> dict[str, object]:
    return {"/": home, "/index": index, "/static": Static("static"), at: part}


HTML = {"accept": "text/html"}


def test_it_has_its_own_templates_files_and_urls(make: Make, blog: Callable[..., Part]) -> None:
    """Wherever it is mounted; what it has not, is that of the site."""
    client = make(site_of(blog(), "/news/2026"))
    text = client.get("/news/2026/cats").text
    assert text.startswith("<title>own cats</title>/news/2026/static/post.")
    assert text.endswith(" /news/2026 /news/2026/x /")
    assert client.get("/news/2026/about").text == "about the blog"
    assert client.get("/news/2026/static/post.css").text == "part"


def test_a_view_finds_what_its_own_part_has(make: Make, blog: Callable[..., Part]) -> None:
    """The same view on the site finds that of the site, by path."""
    client = make(site_of(blog()))
    assert client.get("/blog").text == "/blog /blog/y /blog/static/post"
    assert client.get("/index").text == "/index /blog/y /static/post"


def test_the_site_finds_it_by_its_name(make: Make, blog: Callable[..., Part]) -> None:
    """In `url_for` and `asset`."""
    first, own, theirs, css, blog_css = make(site_of(blog())).get("/").text.split(" ")
    assert (first, own, theirs) == ("home", "/index", "/blog")
    assert css.startswith("/static/post.")
    assert blog_css.startswith("/blog/static/post.")


def test_the_site_replaces_a_template(make: Make, blog: Callable[..., Part]) -> None:
    """By a file in the folder of the part's name, which may extend a template of the part or of the site."""
    files = {
        "site/templates/blog/base.html": "{% extends 'layout.html' %}",
        "site/templates/layout.html": "the layout: {% block main %}{% endblock %}",
    }
    client = make(site_of(blog()), files=files)
    assert client.get("/blog/cats").text == "the layout: /blog /blog/x /"
    assert client.get("/").text.startswith("home")


def test_its_error_pages_are_those_of_what_is_inside(make: Make, blog: Callable[..., Part]) -> None:
    """Also where it has no route; an error that it has no page for gets that of the site."""
    client = make(site_of(blog()))
    assert client.get("/blog/lost", headers=HTML).text == "no such post"
    assert client.get("/blog/a/b/c", headers=HTML).text == "no such post"
    assert client.get("/blog/secret", headers=HTML).text == "not for you"
    assert client.get("/nowhere", headers=HTML).text == "no such page"
    assert client.post("/blog", headers=HTML).status == 405
    assert client.get("/blog/lost", headers={"accept": "application/json"}).status == 404


def test_its_error_views_go_first(make: Make, blog: Callable[..., Part]) -> None:
    """Before its templates, and before those of the site; a page that they return is the part's."""
    client = make(site_of(blog(errors={404: lambda: render("about.html"), 500: "broken"})), errors={404: "site"})
    response = client.get("/blog/lost", headers=HTML)
    assert (response.status, response.text) == (404, "about the blog")
    assert "site" in client.get("/nowhere", headers=HTML).text


def test_it_has_middleware_and_dependencies(make: Make, blog: Callable[..., Part]) -> None:
    """Inside the middleware of the site, and for its own routes alone."""

    def outer(request: Request) -> Iterator[None]:
        response: Any = yield
        response.headers["x-order"] = f"{response.headers.get('x-order')} site"

    def inner(request: Request) -> Iterator[None]:
        response: Any = yield
        response.headers["x-order"] = "part"

    client = make(site_of(blog({"/": written_by}, middleware=[inner])), middleware=[outer])
    response = client.get("/blog")
    assert (response.text, response.headers["x-order"]) == ("ann of /blog", "part site")
    assert client.get("/index").headers["x-order"] == "site"


def test_it_is_mounted_twice_under_two_names(make: Make, blog: Callable[..., Part]) -> None:
    """Its pages then have the URLs of the mount that they are in; under one name it is refused."""
    part = blog({"/": index, "/about": "about.html", "/{slug}": post})
    urls = {"/": "x", "/home": home, "/a": table(part, name="a"), "/b": table(part, name="b")}
    client = make(urls, files={"site/templates/home.html": "{{ url_for('a:blog:index') }}"})
    assert client.get("/a").text == "/a /a/y /a/static/post"
    assert client.get("/b").text == "/b /b/y /b/static/post"
    assert client.get("/b/cats").text.partition("</title>")[2].split(" ")[1:3] == ["/b", "/b/x"]
    with pytest.raises(SetupError, match='two tables are named "blog"'):
        make({"/a": part, "/b": part})


def test_it_is_mounted_on_a_host(make: Make, blog: Callable[..., Part]) -> None:
    """Its pages have paths there, and complete URLs elsewhere."""
    client = make(
        Hosts(
            {
                "blog.test": {"/": blog()},
                "testserver": {"/": lambda request: request.url_for("blog:index"), "/home": home},
            }
        ),
        files={"site/templates/home.html": "x"},
    )
    assert client.get("/").text == "http://blog.test/"
    assert client.get("http://blog.test/").text == "/ /y /static/post"
    assert client.get("http://blog.test/cats").text.endswith(" / /x http://testserver/home")


def mistakes(make: Make, urls: Any, **settings: Any) -> list[Mistake]:
    with pytest.raises(SetupError) as caught:
        make(urls, **settings)
    return list(caught.value.mistakes)


def test_its_mistakes_have_its_files(make: Make, blog: Callable[..., Part], tmp_path: Path) -> None:
    """The line of its table, and that of its template."""
    files = {
        "blog/__init__.py": "URLS = {\n    '/x': None,\n}\n",
        "blog/templates/bad.html": "a\n{{ asset('missing.css') }}\n{% extends 'none.html' %}",
    }
    found = mistakes(make, {"/blog": blog({"/x": None})}, files=files)
    places = {place for each in found for place in each.places}
    assert {"blog/__init__.py:2", "blog/templates/bad.html:3"} <= places


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"templates": "pages"}, "templates=\"pages\" of Part('blog') names no folder"),
        ({"static": "files"}, "does not exist"),
        ({"static": "."}, "would serve the code of a part"),
        ({"urls": {"/static": "x"}}, 'Part(\'blog\') has "/static" in its URLS, and static="static"'),
        ({"urls": []}, "the URLS of Part('blog') is a list"),
        ({"name": "a b"}, "'a b' is not a name for a table"),
        ({"errors": {200: "x"}}, "errors[200]: there is no such error"),
    ],
)
def test_what_is_wrong_with_it_is_found_at_the_start(
    make: Make, blog: Callable[..., Part], settings: dict[str, Any], message: str
) -> None:
    """With what is missing."""
    found = mistakes(make, {"/blog": blog(**settings)})
    assert message in " ".join(each.message for each in found)


def test_two_parts_have_two_names(make: Make, blog: Callable[..., Part]) -> None:
    """Their templates would be below one name."""
    found = mistakes(make, {"/a": table(blog(), name="a"), "/b": table(blog(), name="b")})
    assert 'two parts are named "blog"' in found[0].message


def test_templates_of_the_site_have_what_it_registers(make: Make, blog: Callable[..., Part]) -> None:
    """And so have those of the part, which are rendered in the same way."""
    files = {"blog/templates/about.html": "{{ 'x' | shout }}"}
    client = make(site_of(blog()), files=files, templates=Templates(filters={"shout": str.upper}))
    assert client.get("/blog/about").text == "X"
