"""`request.url_for`: the way back from a view to its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight.app.application import Application
from fanlight.message.request import Request
from fanlight.testing import Client


def post(slug: str) -> str:
    return slug


def index(request: Request) -> dict[str, str]:
    path = request.url_for(post, slug="a b")
    return {"view": path, "name": request.url_for("post", slug="x"), "whole": request.origin + path}


def lost(request: Request) -> str:
    return request.url_for(post)


def step(request: Request) -> Iterator[None]:
    response: Any = yield
    response.headers["x-index"] = request.url_for(index)


URLS = {"/": index, "/lost": lost, "/blog/{slug}": post}


def test_a_view_finds_the_address_of_another(tmp_path: Path) -> None:
    """By the view or by its name, with middleware or without."""
    with Client(Application(URLS, folder=tmp_path, middleware=(step,))) as client:
        answer = client.get("/")
        assert answer.json() == {
            "view": "/blog/a%20b",
            "name": "/blog/x",
            "whole": "http://testserver/blog/a%20b",
        }
        assert answer.headers["x-index"] == "/"


def test_each_app_has_its_own_way_back(tmp_path: Path) -> None:
    """Two apps in one process don't mix theirs up."""
    first = Application(URLS, folder=tmp_path)
    second = Application({"/other": index, "/news/{slug}": post}, folder=tmp_path)
    for app, path in ((first, "/"), (second, "/other")):
        with Client(app) as client:
            assert client.get(path).json()["view"] == app.url_for(post, slug="a b")


def test_what_can_not_be_addressed_is_the_authors_mistake(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, site: Callable[..., Any]
) -> None:
    """Missing parameters are logged with what is missing."""
    del site
    with Client(Application(URLS, folder=tmp_path)) as client:
        assert client.get("/lost").status == 500
    assert "slug" in caplog.text
