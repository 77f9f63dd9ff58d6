"""What watches an app from outside."""

from __future__ import annotations

from pathlib import Path

from fanlight.app.observer import Observer
from fanlight.errors import HTTPError
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.site.app import App
from fanlight.testing import Client


class Explains(Observer):
    """Has pages of its own."""

    def on_unhandled(self, error: BaseException, request: Request) -> Response | None:
        return Response(f"{request.path}: {error!r}", 500)

    def on_http_error(self, error: HTTPError, request: Request, response: Response, *, has_page: bool) -> Response:
        return Response(f"{request.path}: {error.status}, not {response.status} of the app", 418)


class Fails(Observer):
    """Fails whenever it is called."""

    def on_unhandled(self, error: BaseException, request: Request) -> Response | None:
        raise ValueError("no page")

    def on_http_error(self, error: HTTPError, request: Request, response: Response, *, has_page: bool) -> Response:
        raise ValueError("no page")


def broken() -> str:
    raise KeyError("seven")


def app(tmp_path: Path) -> App:
    (tmp_path / "main.py").write_text("")
    return App({"/": "home", "/broken": broken}, file=tmp_path / "main.py")


def test_an_observer_responds_to_exceptions(tmp_path: Path) -> None:
    """An exception that nothing has caught gets the observer's response."""
    with Client(app(tmp_path).observed(Explains())) as client:
        assert client.get("/broken").text == "/broken: KeyError('seven')"


def test_an_observer_replaces_error_pages(tmp_path: Path) -> None:
    """An HTTP error gets the observer's response, which is given that of the app."""
    with Client(app(tmp_path).observed(Explains())) as client:
        assert client.get("/nowhere").text == "/nowhere: 404, not 404 of the app"


def test_an_observer_that_fails_changes_nothing(tmp_path: Path) -> None:
    """An observer that raises leaves the responses as the app has made them."""
    with Client(app(tmp_path).observed(Fails())) as client:
        assert [client.get("/").status, client.get("/nowhere").status, client.get("/broken").status] == [200, 404, 500]


def test_an_app_that_is_observed_leaves_the_other_alone(tmp_path: Path) -> None:
    """The app itself, from which an observed one is made, has its own pages still."""
    site = app(tmp_path)
    site.observed(Explains())
    with Client(site) as client:
        assert client.get("/nowhere").status == 404
