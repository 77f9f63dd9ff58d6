"""Apps that are mounted at keys with parameters, and below CORS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import fastapi
import pytest
from fastapi import FastAPI
from flask import Flask
from tests.foreign.where_apps import where_asgi, where_wsgi

from fanlight import CORS, App, Hosts, Request, Security, Unauthorized, asgi, middleware, rate_limit, wsgi
from fanlight.errors import SetupError
from fanlight.testing import Client

# --- at a parameter ---------------------------------------------------------------------------------------


@pytest.fixture
def client() -> Iterator[Client]:
    """Return a client of a site with mounts at parameters."""
    urls = {
        "/t/{tenant}": asgi(where_asgi),
        "/t/own": lambda: "of the site",
        "/t/{tenant}/own": lambda tenant: f"of {tenant}",
        "/n/{number:int}/old": wsgi(where_wsgi),
        "/n/7/old": asgi(where_asgi),
    }
    with Client(App(urls)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/t/ann/", "GET /t/ann|/t/ann/|/t/ann/|{'tenant': 'ann'}"),
        ("/t/ann/a/b", "GET /t/ann|/t/ann/a/b|/t/ann/a/b|{'tenant': 'ann'}"),
        ("/t/a%20b/x", "GET /t/a b|/t/a b/x|/t/a%20b/x|{'tenant': 'a b'}"),
        ("/t/a%2Fb/x", "GET /t/a/b|/t/a/b/x|/t/a%2Fb/x|{'tenant': 'a/b'}"),
        # of no table, and the app's all the same:
        ("/t/ann//x/../y", "GET /t/ann|/t/ann//x/../y|/t/ann//x/../y|{'tenant': 'ann'}"),
        ("/t/ann/%ff", "GET /t/ann|/t/ann/\ufffd|/t/ann/%ff|{'tenant': 'ann'}"),
        ("/n/8/old/x", "GET /n/8/old|/x|((), {'number': 8})"),
        ("/n/8/old//x", "GET /n/8/old|//x|((), {'number': 8})"),
        ("/n/7/old//x", "GET /n/7/old|/n/7/old//x|/n/7/old//x"),
        ("/t/own", "of the site"),
        ("/t/ann/own", "of ann"),
    ],
)
def test_an_app_finds_its_place_and_its_parameters(client: Client, path: str, expected: str) -> None:
    """The place is the path as it was sent; parameters are where Starlette, and tools of WSGI, look for them."""
    assert client.get(path).text == expected


def test_any_method_has_the_parameters(client: Client) -> None:
    """Also one that no table has."""
    assert client.request("PROPFIND", "/t/ann/x").text == "PROPFIND /t/ann|/t/ann/x|/t/ann/x|{'tenant': 'ann'}"
    assert client.request("BREW", "/t/ann/x").text == "BREW /t/ann|/t/ann/x|/t/ann/x|{'tenant': 'ann'}"
    assert client.get("/n/x/old/y").status == 404
    assert client.get("/t/ann").headers["location"] == "/t/ann/"


def test_fastapi_takes_a_parameter_of_its_mount() -> None:
    """Among those of its own path, as below a mount of Starlette."""
    api = FastAPI()

    @api.get("/cats/{number}")
    async def cat(number: int, request: fastapi.Request) -> dict[str, object]:
        return {"tenant": request.path_params["tenant"], "cat": number}

    with Client(App({"/t/{tenant}": asgi(api)})) as client:
        assert client.get("/t/ann/cats/7").json() == {"tenant": "ann", "cat": 7}


def test_a_parameter_of_the_host_is_one_of_the_app() -> None:
    """In `Hosts`."""
    with Client(App(Hosts({"{user}.test": {"/a/{n}": asgi(where_asgi)}}))) as client:
        assert client.get("http://ann.test/a/1/x").text == "GET /a/1|/a/1/x|/a/1/x|{'user': 'ann', 'n': '1'}"


def test_a_parameter_has_another_name_than_the_path_below() -> None:
    """What is below a mount is "path"."""
    with pytest.raises(SetupError, match='has a parameter named "path", which is what is below it'):
        App({"/{path}/a": asgi(where_asgi)})


# --- CORS -------------------------------------------------------------------------------------------------

PAGE = {"origin": "https://app.example"}
MAKERS: list[Callable[[], Any]] = [lambda: asgi(where_asgi), lambda: wsgi(where_wsgi)]


@pytest.mark.parametrize("make", MAKERS, ids=["asgi", "wsgi"])
def test_cors_around_an_app(make: Callable[[], Any]) -> None:
    """Its responses have the fields, and preflights do not reach it; another request with OPTIONS does."""
    cors = CORS(origins=["https://app.example"], credentials=True, headers=["x-key"])
    with Client(App({"/a": cors(make()), "/b": make()})) as client:
        response = client.get("/a/x", headers=PAGE)
        assert response.headers["access-control-allow-origin"] == "https://app.example"
        assert "origin" in response.headers["vary"]
        preflight = client.request("OPTIONS", "/a/x", headers=PAGE | {"access-control-request-method": "PUT"})
        assert (preflight.status, preflight.text) == (204, "")
        assert "PUT" in preflight.headers["access-control-allow-methods"].split(", ")
        assert {"content-type", "x-key"} <= set(preflight.headers["access-control-allow-headers"].split(", "))
        assert preflight.headers["access-control-allow-credentials"] == "true"
        assert client.request("OPTIONS", "/a/x", headers=PAGE).text.startswith("OPTIONS ")
        assert client.post("/a/x", headers=PAGE).status == 200
        assert "access-control-allow-origin" not in client.get("/b/x", headers=PAGE).headers


def wants_user(request: Request) -> Iterator[None]:
    """Refuse a request without a session's cookie, as a browser's preflights are."""
    if "session" not in request.cookies:
        raise Unauthorized
    yield


@pytest.mark.parametrize("make", [*MAKERS, lambda: {"PUT /x": lambda: "of the site"}], ids=["asgi", "wsgi", "views"])
@pytest.mark.parametrize("around", [middleware(wants_user), rate_limit("1/day")], ids=["middleware", "limit"])
def test_a_preflight_passes_what_is_around_an_app(make: Callable[[], Any], around: Any) -> None:
    """As with a view: the browser is let ask, however often, and what it asks for is then refused or not."""
    cors = CORS(origins=["https://app.example"], credentials=True)
    asked = PAGE | {"access-control-request-method": "PUT"}
    with Client(App({"/a": around(cors(make()))})) as client:
        for _ in range(3):
            preflight = client.request("OPTIONS", "/a/x", headers=asked)
            assert preflight.status == 204
            assert "PUT" in preflight.headers["access-control-allow-methods"]
        assert client.put("/a/x", headers=PAGE | {"cookie": "session=1"}).status == 200
        refused = client.put("/a/x", headers=PAGE)
        assert refused.status in (401, 429)
        assert refused.headers["access-control-allow-origin"] == PAGE["origin"]


@pytest.mark.parametrize("make", [*MAKERS, lambda: {"PUT /x": lambda: "of the site"}], ids=["asgi", "wsgi", "views"])
def test_middleware_of_the_whole_site_has_preflights_too(make: Callable[[], Any]) -> None:
    """It is around every request; a refusal has the fields of CORS, but a browser wants more."""
    cors = CORS(origins=["https://app.example"])
    asked = PAGE | {"access-control-request-method": "PUT"}
    with Client(App(Hosts({"a.test": {"/a": cors(make())}}), middleware=[wants_user])) as client:
        preflight = client.request("OPTIONS", "http://a.test/a/x", headers=asked)
        assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (401, PAGE["origin"])
        asked["cookie"] = "session=1"
        assert client.request("OPTIONS", "http://a.test/a/x", headers=asked).status == 204


def test_another_origin_gets_no_fields(caplog: pytest.LogCaptureFixture) -> None:
    """And the log says why; its requests that change something are refused."""
    other = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    with Client(App({"/a": CORS(origins=["https://app.example"])(asgi(where_asgi))})) as client:
        with caplog.at_level(logging.WARNING, logger="fanlight.protection"):
            preflight = client.request("OPTIONS", "/a/x", headers=other)
        assert "access-control-allow-origin" not in preflight.headers
        assert "its origin is none of CORS(origins=...)" in caplog.text
        assert client.post("/a/x", headers=other).status == 403


def test_a_field_that_is_not_named_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What an app reads is not known here."""
    asked = PAGE | {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    with Client(App({"/a": CORS(origins=["https://app.example"])(wsgi(where_wsgi))})) as client:
        with caplog.at_level(logging.WARNING, logger="fanlight.protection"):
            client.request("OPTIONS", "/a/x", headers=asked)
        assert "no view takes authorization; to allow it: CORS(headers=[...])" in caplog.text


def test_cors_of_the_whole_site_is_around_its_apps() -> None:
    """A real one of each kind; errors have the fields, too."""
    api, old = FastAPI(), Flask("old")

    @old.put("/x")
    def change() -> str:
        return "changed"

    security = Security(cors=CORS(origins=["https://app.example"]))
    with Client(App({"/": "Home", "/api": asgi(api), "/old": wsgi(old)}, security=security)) as client:
        for path, status in (("/", 200), ("/api/none", 404), ("/old/none", 404)):
            response = client.get(path, headers=PAGE)
            assert (response.status, response.headers["access-control-allow-origin"]) == (status, PAGE["origin"])
        asked = PAGE | {"access-control-request-method": "PUT"}
        for path in ("/api/x", "/old/x"):
            assert "PUT" in client.request("OPTIONS", path, headers=asked).headers["access-control-allow-methods"]
        assert client.put("/old/x", headers=PAGE).text == "changed"
