"""Where the description is served, and what is refused before the port opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanlight import App, OpenAPI, Response
from fanlight.errors import SetupError
from fanlight.site.loading import load
from fanlight.testing import Client

FILE = Path(__file__).parent / "library" / "main.py"


class Cat(msgspec.Struct):
    name: str


def cats() -> list[Cat]:
    return []


def make(openapi: Any, urls: dict[str, Any] | None = None, **parts: Any) -> App:
    return App({"/cats": cats} if urls is None else urls, openapi=openapi, file=FILE, **parts)


def test_one_line_serves_the_document_and_the_page() -> None:
    """With validators, so that it is sent once; the paths of both are not in it."""
    with Client(make("/openapi.json")) as client:
        response = client.get("/openapi.json")
        assert (response.status, response.headers["content-type"]) == (200, "application/json")
        document = response.json()
        assert list(document["paths"]) == ["/cats"]
        assert document["info"] == {"title": "library", "version": "0.1.0"}
        again = client.get("/openapi.json", headers={"if-none-match": response.headers["etag"]})
        assert again.status == 304
        page = client.get("/docs")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "/cats" in page.text


def test_settings_are_in_the_document() -> None:
    """Title, version, description, servers; without a page there is none."""
    settings = OpenAPI(
        path="/api.json", page="", title="Cats", version="2", description="All.", servers=["https://example.org/v2"]
    )
    with Client(make(settings)) as client:
        document = client.get("/api.json").json()
        assert document["info"] == {"title": "Cats", "version": "2", "description": "All."}
        assert document["servers"] == [{"url": "https://example.org/v2"}]
        assert client.get("/docs").status == 404


def test_a_site_without_openapi_has_no_description_but_can_be_described() -> None:
    """`fanlight openapi` prints it all the same."""
    app = make(None)
    with Client(app) as client:
        assert client.get("/openapi.json").status == 404
    assert list(app.describe().content["paths"]) == ["/cats"]


def test_middleware_of_the_app_guards_the_description() -> None:
    """As any page of the site."""

    def guard() -> Any:
        yield Response("no", 403)

    with Client(make("/openapi.json", middleware=[guard])) as client:
        assert (client.get("/openapi.json").status, client.get("/docs").status) == (403, 403)


@pytest.mark.parametrize(
    ("openapi", "said"),
    [
        (True, "openapi is a bool"),
        ("openapi.json", 'OpenAPI(path): the path "openapi.json" does not begin with "/"'),
        ("/{name}.json", "has a parameter"),
        (OpenAPI(page="/openapi.json"), "OpenAPI(path, page) are the same"),
        (OpenAPI(page=None), 'write page="" for no page'),  # type: ignore[arg-type]
        (OpenAPI(path=3), "OpenAPI(path=3): it is a path"),  # type: ignore[arg-type]
        (OpenAPI(title=1), "OpenAPI(title=1): it is a text"),  # type: ignore[arg-type]
        (OpenAPI(servers="https://example.org"), "OpenAPI(servers) is no list"),
        (OpenAPI(servers=["example.org"]), "'example.org' is no URL"),
        (OpenAPI(servers=["https://[x"]), "is no URL"),
    ],
)
def test_wrong_settings_are_refused(openapi: Any, said: str) -> None:
    """Each with what to write instead, beside all other mistakes of the site."""
    with pytest.raises(SetupError) as caught:
        make(openapi)
    (mistake,) = caught.value.mistakes
    assert said in str(mistake)
    assert mistake.hint


def test_an_address_that_is_taken_is_refused() -> None:
    """The site's own route is named beside it."""
    with pytest.raises(SetupError) as caught:
        make("/cats")
    (mistake,) = caught.value.mistakes
    assert mistake.message == '"GET /cats" is in the table twice'
    assert mistake.places == ("URLS['/cats']", "App['/cats']")


def test_a_file_with_only_urls_may_have_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENAPI, beside ERRORS and MIDDLEWARE."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    source = "def cats() -> list[str]:\n    return []\n\nURLS = {'/cats': cats}\nOPENAPI = '/api.json'\n"
    (tmp_path / "described.py").write_text(source)
    with Client(load("described.py")) as client:
        assert list(client.get("/api.json").json()["paths"]) == ["/cats"]


def test_the_routes_of_a_small_site_keep_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries of the description are no part of the table in the file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "small.py").write_text("URLS = {'/': 'Hello'}\nOPENAPI = '/api.json'\n")
    assert load("small.py").table.routes[0].place == "small.py:1"
