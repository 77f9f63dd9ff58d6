"""CORS: which origins may read responses; preflights are taken from the routing table; errors have the fields too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Struct

from fanlight import CORS, Forbidden, Header, Request, Security, Static, rate_limit
from fanlight.app.application import Application
from fanlight.app.preflights import MAX_LOGGED
from fanlight.errors import Mistake
from fanlight.message.headers import MutableHeaders
from fanlight.protection.cors import add_vary
from fanlight.testing import FakeHead

FRIEND, FOREIGN = "https://app.example", "https://evil.example"
Serve = Callable[..., Any]


@pytest.mark.parametrize(
    ("declared", "message", "hint"),
    [
        (CORS(origins=["*"], credentials=True), "with credentials=True", "name the origins"),
        (CORS(origins=[f"{FRIEND}/"]), "ends with a slash", f'write "{FRIEND}"'),
        (CORS(origins=FRIEND), "is a text", "write a list"),
        (CORS(origins=["*", FRIEND]), "and others", 'write ["*"]'),
        (CORS(origins=[FRIEND], expose=["x total"]), "is no name of a field", "name each field"),
        (CORS(origins=[FRIEND], headers=["*"]), "is no name of a field", "name each field"),
        (CORS(origins=[FRIEND], headers="x-a"), "and no list", "write headers="),
        (CORS(origins=[FRIEND], max_age=-1), "max_age", "at most a day"),
        (CORS(origins=[FRIEND], max_age=timedelta(days=2)), "max_age", "at most a day"),
        (CORS(origins=[FRIEND], credentials="yes"), "credentials", "True or False"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_are_found_before_the_port_opens(
    mistakes: Callable[..., list[Mistake]], declared: CORS, message: str, hint: str
) -> None:
    """With the place of the table or view, and what to write."""
    (mistake,) = mistakes({"/api": declared({"/": "home"})})
    assert message in mistake.message
    assert hint in mistake.hint
    assert mistake.places == ("URLS['/api']['/']",)


def _cors(response: Any) -> dict[str, str]:
    """Return the fields of CORS, without their common beginning."""
    start = "access-control-"
    return {name[len(start) :]: value for name, value in response.pairs if name.startswith(start)}


def _preflight(site: Any, path: str, method: str, fields: str = "", origin: str = FRIEND) -> Any:
    more = [f"Access-Control-Request-Headers: {fields}"] if fields else []
    return site.send("OPTIONS", path, f"Origin: {origin}", f"Access-Control-Request-Method: {method}", *more)


class Cat(Struct):
    name: str


def keyed(api_key: Header[str] = "") -> str:
    return api_key


def cats(accept_language: Header[str] = "") -> list[str]:
    return ["Tom"]


def put(number: int, cat: Cat, if_match: Header[str], key: Annotated[str, keyed]) -> Cat:
    return cat


def broken() -> str:
    raise ValueError


def guarded() -> str:
    raise Forbidden


API: dict[str, Any] = {
    "/cats": cats,
    "PUT /cats/{number:int}": put,
    "DELETE /cats/{number:int}": lambda number: None,
    "/broken": broken,
    "/guarded": guarded,
    "/text": "Text",
    "/files": Static("files"),
    "POST /limited": rate_limit("1/hour")(lambda: "ok"),
    "/own": CORS(origins=[FOREIGN])(lambda: "own"),
    "/closed": CORS(origins=[])(lambda: "closed"),
}


@pytest.fixture
def site(serve: Serve) -> Any:
    cors = CORS(origins=[FRIEND, "https://*.shop.example"], credentials=True, expose=["X-Total"], headers=["X-Csrf"])
    return serve({"/api": cors(API), "/": "home", "/apis": "other"}, files={"files/a.txt": "a"})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/cats", 200),
        ("HEAD", "/api/cats", 200),
        ("GET", "/api/text", 200),
        ("GET", "/api/files/a.txt", 200),
        ("GET", "/api/files/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/%ff", 400),
        ("GET", "/api/cats/", 308),
        ("DELETE", "/api/cats", 405),
        ("BREW", "/api/cats", 501),
        ("PUT", "/api/cats/1", 422),
        ("GET", "/api/broken", 500),
        ("GET", "/api/guarded", 403),
    ],
)
def test_every_response_of_the_part_has_the_fields(site: Any, method: str, path: str, status: int) -> None:
    """Errors too: without them a script sees a failed connection, and not which error it was."""
    for origin in (FRIEND, "https://a.shop.example"):
        response = site.send(method, path, f"Origin: {origin}", "Accept: application/json")
        assert response.status == status
        expected = {"allow-origin": origin, "allow-credentials": "true", "expose-headers": "x-total"}
        assert _cors(response) == expected
        assert "origin" in response.get("vary")


def test_a_refused_request_says_why(site: Any) -> None:
    """The 403 of a cross-site request has no fields for its page; the 429 of a friend has them."""
    refused = site.send("POST", "/api/limited", "Sec-Fetch-Site: cross-site", f"Origin: {FOREIGN}")
    assert (refused.status, _cors(refused)) == (403, {})
    friend = ["Sec-Fetch-Site: cross-site", f"Origin: {FRIEND}"]
    assert site.send("POST", "/api/limited", *friend).status == 200
    limited = site.send("POST", "/api/limited", *friend)
    assert (limited.status, _cors(limited)["allow-origin"]) == (429, FRIEND)


@pytest.mark.parametrize("origin", [FOREIGN, "null", "https://shop.example", "https://evilshop.example", ""])
def test_other_origins_get_the_response_without_fields(site: Any, origin: str) -> None:
    """A browser keeps it from their scripts. It varies by origin all the same, for caches."""
    fields = [f"Origin: {origin}"] if origin else []
    response = site.send("GET", "/api/cats", *fields)
    assert (response.status, _cors(response)) == (200, {})
    assert response.get("vary") == "origin"


def test_the_rest_of_the_site_has_none(site: Any) -> None:
    """Nor has its OPTIONS changed."""
    for path, status in (("/", 200), ("/apis", 200), ("/nothing", 404)):
        response = site.send("GET", path, f"Origin: {FRIEND}")
        assert (response.status, _cors(response)) == (status, {})
    assert "origin" not in site.send("GET", "/").get("vary")
    plain = _preflight(site, "/", "GET")
    assert (plain.status, plain.get("allow"), _cors(plain)) == (204, "GET, HEAD, OPTIONS", {})


def test_the_innermost_declaration_counts(site: Any) -> None:
    """Of a view in a table with another one; an empty list closes it again."""
    own = [_cors(site.send("GET", "/api/own", f"Origin: {origin}")) for origin in (FRIEND, FOREIGN)]
    assert own == [{}, {"allow-origin": FOREIGN}]
    assert _cors(site.send("GET", "/api/closed", f"Origin: {FRIEND}")) == {}
    assert _cors(site.send("DELETE", "/api/closed", f"Origin: {FRIEND}")) == {}
    assert _cors(site.send("DELETE", "/api/own", f"Origin: {FOREIGN}")) == {"allow-origin": FOREIGN}


def test_a_preflight_names_what_the_address_takes(site: Any) -> None:
    """Its methods are those of the table, its fields the parameters of the view and of its dependencies."""
    response = _preflight(site, "/api/cats/1", "PUT", "content-type")
    assert (response.status, response.content) == (204, b"")
    assert response.get("allow") == "PUT, DELETE, OPTIONS"
    assert response.get("vary") == "origin, access-control-request-method, access-control-request-headers"
    fields = _cors(response)
    names = fields.pop("allow-headers").split(", ")
    assert fields == {
        "allow-origin": FRIEND,
        "allow-credentials": "true",
        "allow-methods": "PUT, DELETE",
        "max-age": "600",
        "expose-headers": "x-total",
    }
    assert {"content-type", "if-match", "api-key", "x-csrf", "range"} <= set(names)
    assert "*" not in names
    without_content = _cors(_preflight(site, "/api/cats/1", "DELETE"))["allow-headers"].split(", ")
    assert not {"content-type", "api-key"} & set(without_content)


def test_a_preflight_of_another_origin_gets_a_plain_response(site: Any) -> None:
    """As OPTIONS has without CORS; a browser sends nothing then."""
    response = _preflight(site, "/api/cats/1", "PUT", origin=FOREIGN)
    assert (response.status, response.get("allow"), _cors(response)) == (204, "PUT, DELETE, OPTIONS", {})
    assert response.get("vary") == "origin"


def test_a_preflight_for_what_is_not_there_names_what_is(site: Any) -> None:
    """A method without a route is not in the list; an address without routes has its 404, with the fields."""
    assert _cors(_preflight(site, "/api/cats/1", "PATCH"))["allow-methods"] == "PUT, DELETE"
    missing = _preflight(site, "/api/nothing", "PUT")
    assert (missing.status, _cors(missing)["allow-origin"]) == (404, FRIEND)


def test_the_log_says_why_a_preflight_is_refused(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A browser shows it to the author of the other page only; once for each reason, and not without end."""
    for _ in range(2):
        _preflight(site, "/api/cats/1", "PUT", origin=FOREIGN)
        _preflight(site, "/api/cats/1", "PATCH")
        _preflight(site, "/api/cats/1", "PUT", "content-type, x-other")
        _preflight(site, "/api/cats/1", "PUT", "content-type, api-key, accept")
    lines = [each.getMessage() for each in caplog.records if each.name == "fanlight.protection"]
    unknown = "no view takes x-other; to allow it: CORS(headers=[...])"
    assert lines == [
        f"CORS: {FOREIGN} may not send to /api/cats/1: its origin is none of CORS(origins=...) (logged once)",
        f"CORS: {FRIEND} may not send to /api/cats/1: there is no route for PATCH, only for PUT, DELETE (logged once)",
        f"CORS: {FRIEND} may not send to /api/cats/1: {unknown} (logged once)",
    ]
    caplog.clear()
    for number in range(2 * MAX_LOGGED):
        _preflight(site, "/api/cats/1", "PUT", origin=f"https://{number}.example\xff{'x' * 999}")
    lines = [each.getMessage() for each in caplog.records if each.name == "fanlight.protection"]
    assert len(lines) == MAX_LOGGED - 3
    assert all(each.isprintable() and len(each) < 700 for each in lines)


def test_every_origin_without_credentials(serve: Serve) -> None:
    """The same field for all, so caches need not distinguish; also on responses to requests without Origin."""
    site = serve({"/": "home", "POST /": lambda: "sent"}, security=Security(cors=CORS(origins=["*"])))
    for fields in ([], [f"Origin: {FOREIGN}"]):
        response = site.send("GET", "/", *fields)
        assert (_cors(response), "origin" in response.get("vary")) == ({"allow-origin": "*"}, False)
    assert _cors(site.send("GET", "/nothing")) == {"allow-origin": "*"}
    preflight = _cors(_preflight(site, "/", "POST", origin=FOREIGN))
    assert (preflight["allow-origin"], preflight["allow-methods"]) == ("*", "GET, HEAD, POST")
    assert "allow-credentials" not in preflight


def test_a_view_may_be_decorated(serve: Serve) -> None:
    """As by any mark."""

    @CORS(origins=[FRIEND], max_age=timedelta(hours=1))
    def view() -> str:
        return "x"

    site = serve({"PUT /": view})
    assert _cors(site.send("PUT", "/", f"Origin: {FRIEND}"))["allow-origin"] == FRIEND
    assert _cors(_preflight(site, "/", "PUT"))["max-age"] == "3600"


def test_an_options_view_would_get_the_preflights(serve: Serve, mistakes: Callable[..., list[Mistake]]) -> None:
    """So it is refused in a part with CORS, and is left alone elsewhere."""
    urls = {"GET|OPTIONS /": lambda: "x"}
    (mistake,) = mistakes({"/api": CORS(origins=[FRIEND])(urls)})
    assert "a route for OPTIONS" in mistake.message
    site = serve({**urls, "/api": CORS(origins=[FRIEND])({"/": "x"})})
    assert (_preflight(site, "/", "GET").text, _cors(_preflight(site, "/", "GET"))) == ("x", {})


def test_a_table_without_cors_pays_nothing(tmp_path: Path) -> None:
    """No guard, and no search when there is no route."""
    app = Application({"/": "home"}, folder=tmp_path)
    call = app.find(Request(FakeHead("GET", "/nothing"), None, None))
    assert "guarded" not in call.run.__qualname__


def test_vary_keeps_what_it_has() -> None:
    """In one line, and nothing twice."""
    headers = MutableHeaders([("vary", "Accept"), ("vary", "cookie, Origin")])
    add_vary(headers, "origin")
    assert headers.get_all("vary") == ["Accept", "cookie, Origin"]
    add_vary(headers, "dnt")
    assert headers.get_all("vary") == ["Accept, cookie, Origin, dnt"]
    star = MutableHeaders([("vary", "*")])
    add_vary(star, "origin")
    assert star["vary"] == "*"


def test_nothing_is_said_of_private_networks(site: Any) -> None:
    """Browsers ask their user instead, so a preflight is not asked for it any more."""
    field = "Access-Control-Request-Private-Network: true"
    fields = [f"Origin: {FRIEND}", "Access-Control-Request-Method: PUT", field]
    assert "allow-private-network" not in _cors(site.send("OPTIONS", "/api/cats/1", *fields))
