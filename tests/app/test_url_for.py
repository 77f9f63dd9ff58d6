"""`request.url_for`: the URL of a view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.app.application import Application
from fanlight.message.nested_table import table
from fanlight.message.request import Request
from fanlight.testing import Client


def post(slug: str) -> str:
    return slug


def index(request: Request) -> dict[str, str]:
    path = request.url_for(post, slug="a b")
    return {"view": path, "name": request.url_for("post", slug="x"), "whole": request.origin + path}


def lost(request: Request) -> str:
    return request.url_for(post)


def passing(request: Request) -> Iterator[None]:
    response: Any = yield
    response.headers["x-index"] = request.url_for(index)


URLS = {"/": index, "/lost": lost, "/blog/{slug}": post}


def test_a_view_finds_the_url_of_another(tmp_path: Path) -> None:
    """By the view or by its name, with middleware or without."""
    with Client(Application(URLS, folder=tmp_path, middleware=(passing,))) as client:
        response = client.get("/")
        assert response.json() == {
            "view": "/blog/a%20b",
            "name": "/blog/x",
            "whole": "http://testserver/blog/a%20b",
        }
        assert response.headers["x-index"] == "/"


def test_each_app_has_its_own_urls(tmp_path: Path) -> None:
    """Two apps in one process don't mix up their URLs."""
    first = Application(URLS, folder=tmp_path)
    second = Application({"/other": index, "/news/{slug}": post}, folder=tmp_path)
    for app, path in ((first, "/"), (second, "/other")):
        with Client(app) as client:
            assert client.get(path).json()["view"] == app.url_for(post, slug="a b")


def test_a_url_that_can_not_be_made_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, site: Callable[..., Any]
) -> None:
    """Missing parameters are logged by name."""
    del site
    with Client(Application(URLS, folder=tmp_path)) as client:
        assert client.get("/lost").status == 500
    assert "slug" in caplog.text


def test_a_template_writes_a_query_and_a_fragment(tmp_path: Path) -> None:
    """In an attribute of HTML, with the names of tables; lists are repeated, and None is left out."""
    (tmp_path / "templates").mkdir()
    call = "url_for('blog:post', slug='x', query={'page': 2, 'tag': ['a&b', none, '<c>']}, fragment='top')"
    (tmp_path / "templates" / "page.html").write_text(f'<a href="{{{{ {call} }}}}">')
    urls = {"/": "page.html", "/blog": table({"/{slug}": post}, name="blog")}
    with Client(Application(urls, folder=tmp_path)) as client:
        assert client.get("/").text == '<a href="/blog/x?page=2&amp;tag=a%26b&amp;tag=%3Cc%3E#top">'
