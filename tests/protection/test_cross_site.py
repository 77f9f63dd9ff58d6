"""What a page of another site has a browser send is refused, without tokens; programs and the site's own pages pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanlight import CORS, ContentStream, Request, Response, Security, cross_site
from fanlight.app.application import Application
from fanlight.errors import Mistake
from fanlight.message.client_cert import ClientCert
from fanlight.protection.cross_site import CrossSiteCheck, has_credentials
from fanlight.protection.origins import Origins
from fanlight.testing import FakeHead

Serve = Callable[..., Any]
FOREIGN = "https://evil.example"
FRIEND = "https://app.example"
HOST = "site.example"
events: list[str] = []


@pytest.fixture(autouse=True)
def _no_events() -> None:
    events.clear()


def pay() -> str:
    events.append("paid")
    return "paid"


async def pay_async() -> str:
    return pay()


# Each with its fields, and whether it passes; the site is http://site.example.
CASES = [
    ([], True),
    (["Sec-Fetch-Site: same-origin"], True),
    (["Sec-Fetch-Site: none"], True),
    (["Sec-Fetch-Site: same-origin", f"Origin: {FOREIGN}"], True),  # as in Go: no page can forge it
    (["Sec-Fetch-Site: cross-site"], False),
    (["Sec-Fetch-Site: cross-site", f"Origin: {FOREIGN}"], False),
    (["Sec-Fetch-Site: cross-site", f"Origin: http://{HOST}"], False),
    (["Sec-Fetch-Site: same-site", f"Origin: http://other.{HOST}"], False),
    (["Sec-Fetch-Site: something-new"], False),
    (["Sec-Fetch-Site: Same-Origin"], False),
    (["Sec-Fetch-Site:"], False),
    (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], False),
    ([f"Origin: http://{HOST}"], True),
    ([f"Origin: https://{HOST}"], True),  # TLS may end at a proxy
    ([f"Origin: http://{HOST}:80"], True),
    ([f"Origin: http://{HOST.upper()}"], True),
    ([f"Origin: {FOREIGN}"], False),
    ([f"Origin: http://{HOST}.evil.example"], False),
    ([f"Origin: http://{HOST}:8080"], False),
    (["Origin: null"], False),
    (["Origin:"], False),
    ([f"Origin: http://{HOST}", f"Origin: {FOREIGN}"], False),
    ([f"Origin: {FOREIGN}", f"Referer: http://{HOST}/"], False),
    ([f"Referer: http://{HOST}/form"], True),
    ([f"Referer: {FOREIGN}/form"], False),
    (["Referer: about:blank"], True),
    (["Referer:"], True),
]


@pytest.mark.parametrize("view", [pay, pay_async])
def test_each_combination_of_fields(serve: Serve, view: Any) -> None:
    """`Sec-Fetch-Site` decides where it is sent, else `Origin`, else `Referer`; a request with none passes."""
    site = serve({"POST /pay": view})
    found = [(fields, site.send("POST", "/pay", *fields, host=HOST).status) for fields, _ in CASES]
    assert found == [(fields, 200 if passes else 403) for fields, passes in CASES]
    assert len(events) == sum(passes for _, passes in CASES)


@pytest.mark.parametrize(
    ("method", "status"),
    [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("PUT", 403), ("PATCH", 403), ("DELETE", 403), ("MKCOL", 403)],
)
def test_safe_methods_are_not_checked(serve: Serve, method: str, status: int) -> None:
    """A link from another site works; what changes something is refused, whichever method it has."""
    site = serve({"GET|HEAD|OPTIONS|PUT|PATCH|DELETE|MKCOL /": pay})
    assert site.send(method, "/", "Sec-Fetch-Site: cross-site").status == status


def test_the_page_of_the_refusal_gives_no_reason(serve: Serve) -> None:
    """A visitor gets the page of a 403, a program problem details; neither says how to get around it."""
    site = serve({"POST /pay": pay})
    page = site.send("POST", "/pay", f"Origin: {FOREIGN}", "Accept: text/html")
    assert page.status == 403
    assert "A page of another site has sent this request." in page.text
    assert "evil.example" not in page.text
    problem = site.send("POST", "/pay", f"Origin: {FOREIGN}", "Accept: application/json")
    assert problem.get("content-type") == "application/problem+json"
    assert msgspec.json.decode(problem.content)["status"] == 403


def test_it_is_refused_before_any_code_of_the_site(serve: Serve) -> None:
    """No middleware runs, and no dependency is opened."""

    def step(request: Request) -> Any:
        events.append("middleware")
        yield

    site = serve({"POST /pay": pay}, middleware=[step])
    assert site.send("POST", "/pay", f"Origin: {FOREIGN}").status == 403
    assert events == []


def test_a_stream_is_refused_before_its_content_is_read(serve: Serve) -> None:
    """The content is not asked for: the response comes while the client waits for 100 (Continue)."""

    async def upload(content: ContentStream) -> str:
        events.append("read")
        return str(len([each async for each in content]))

    site = serve({"POST /upload": upload})
    refused = site.send("POST", "/upload", "Sec-Fetch-Site: cross-site", "Expect: 100-continue", content=b"x" * 9)
    assert refused.status == 403
    assert events == []


def test_every_kind_of_value_is_guarded(serve: Serve) -> None:
    """A text, a template and a response in URLS are, too."""
    site = serve({"POST /a": "Text", "POST /b": "page.html", "POST /c": Response("x")}, pages={"page.html": "page"})
    for path in ("/a", "/b", "/c"):
        assert site.send("POST", path, "Sec-Fetch-Site: cross-site").status == 403
        assert site.send("POST", path).status == 200


# --- who may -------------------------------------------------------------------------------------------


def hook() -> str:
    return "hooked"


@cross_site
def open_hook() -> str:
    return "hooked"


def _statuses(site: Any, path: str) -> list[int]:
    """Return what a friend, a stranger and a frame without an origin get."""
    fields = [f"Origin: {FRIEND}", f"Origin: {FOREIGN}", "Origin: null"]
    return [site.send("POST", path, "Sec-Fetch-Site: cross-site", each).status for each in fields]


def test_marks_open_a_part_of_urls(serve: Serve) -> None:
    """A view, a table, or a decorated view; to every site, or to those that are named. The innermost counts."""

    def api() -> str:
        return "api"

    site = serve(
        {
            "POST /hook": cross_site(hook),
            "POST /open": open_hook,
            "/api": cross_site(origins=[FRIEND])({"POST /": api, "/inner": cross_site(origins=[])({"POST /": pay})}),
            "POST /closed": pay,
        }
    )
    assert _statuses(site, "/hook") == [200, 200, 200]
    assert _statuses(site, "/open") == [200, 200, 200]
    assert _statuses(site, "/api") == [200, 403, 403]
    assert _statuses(site, "/api/inner") == [403, 403, 403]
    assert _statuses(site, "/closed") == [403, 403, 403]


def test_a_view_is_open_only_where_it_is_marked(serve: Serve) -> None:
    """The same function may have another route, which stays closed; `url_for` finds the first of them."""
    site = serve({"POST /open": cross_site(hook), "POST /closed": hook, "/": lambda request: request.url_for(hook)})
    assert _statuses(site, "/open") == [200, 200, 200]
    assert _statuses(site, "/closed") == [403, 403, 403]
    assert site.send("GET", "/").text == "/open"


def test_a_site_may_trust_others_or_all(serve: Serve) -> None:
    """In one line each; a part of URLS can be closed again."""
    trusting = serve({"POST /": pay}, security=Security(trusted_origins=[FRIEND]))
    assert _statuses(trusting, "/") == [200, 403, 403]
    old = [f"Origin: {FRIEND}", f"Referer: {FRIEND}/page"]
    assert [trusting.send("POST", "/", each).status for each in old] == [200, 200]
    same_site = trusting.send("POST", "/", "Sec-Fetch-Site: same-site", f"Origin: {FRIEND}")
    assert same_site.status == 200
    open_site = serve({"POST /": pay, "POST /closed": cross_site(origins=[])(hook)}, security=Security(cross_site=True))
    assert _statuses(open_site, "/") == [200, 200, 200]
    assert _statuses(open_site, "/closed") == [403, 403, 403]


def test_origins_that_cors_allows_are_trusted_there(serve: Serve) -> None:
    """What may read the responses may send the requests; elsewhere it may not."""
    site = serve({"/api": CORS(origins=[FRIEND])({"POST /": hook}), "POST /": pay})
    assert _statuses(site, "/api") == [200, 403, 403]
    assert _statuses(site, "/") == [403, 403, 403]


def test_cors_for_every_origin_opens_nothing_that_credentials_protect(serve: Serve) -> None:
    """A form of another site comes with the user's cookies, whatever CORS says: it is refused."""
    site = serve({"/api": CORS(origins=["*"])({"POST /": hook})})

    def status(*fields: str) -> int:
        return int(site.send("POST", "/api", "Sec-Fetch-Site: cross-site", f"Origin: {FOREIGN}", *fields).status)

    assert status() == 200
    assert status("Authorization: Bearer x") == 200  # the page itself has the token
    assert status("Cookie: session=1") == 403
    assert status("Authorization: Basic dXNlcjpwYXNz") == 403
    assert status("Authorization: BearerX") == 403


def test_a_client_certificate_is_a_credential() -> None:
    """A browser presents it for a page of any site."""
    request = Request(FakeHead("POST", "/"), "127.0.0.1", None)
    assert not has_credentials(request)
    request.cache_value("client_cert", ClientCert.__new__(ClientCert))
    assert has_credentials(request)


def test_the_host_of_a_trusted_proxy_counts() -> None:
    """Behind a proxy the host and the scheme are those that it forwards."""
    check = CrossSiteCheck([Origins([])])
    request = Request(FakeHead("POST", "/", {"host": "127.0.0.1:8000", "origin": "https://site.example"}), None, None)
    assert check.reason(request) == "Origin: https://site.example, and the host is 127.0.0.1:8000"
    request.set_origin(scheme="https", host="site.example")
    assert check.reason(request) == ""
    request = Request(FakeHead("POST", "/", {"origin": "http://site.example"}), None, None)
    request.set_origin(scheme="https", host="site.example")
    assert check.reason(request) != ""  # a page without TLS is not of this site


def test_the_check_fits_other_handshakes() -> None:
    """It does not look at the method: a WebSocket begins with GET."""
    request = Request(FakeHead("GET", "/live", {"origin": FOREIGN}), None, None)
    assert CrossSiteCheck().reason(request) != ""


# --- logs, mistakes ------------------------------------------------------------------------------------


def test_a_refusal_is_logged_once_for_each_origin(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """One line that says why; neither a flood nor a line end fills the log."""
    site = serve({"POST /pay": pay})
    for _ in range(3):
        site.send("POST", "/pay", "Sec-Fetch-Site: cross-site", f"Origin: {FOREIGN}")
    lines = [each.getMessage() for each in caplog.records if each.name == "fanlight.protection"]
    assert lines == [
        "POST /pay: a request of another site's page was refused (Sec-Fetch-Site: cross-site; logged once)"
    ]
    caplog.clear()
    for number in range(100):
        site.send("POST", "/pay", f"Origin: https://{number}.evil.example/{'x' * 500}\xff")
    lines = [each.getMessage() for each in caplog.records if each.name == "fanlight.protection"]
    assert len(lines) == 63
    assert all(len(each) < 600 and each.isprintable() for each in lines)
    assert caplog.records[0].levelno == logging.WARNING


def test_wrong_marks_are_found_before_the_port_opens(mistakes: Callable[..., list[Mistake]], tmp_path: Path) -> None:
    """With the place where they stand, and what to write."""
    (mistake,) = mistakes({"/api": cross_site(origins=["app.example"])({"POST /": pay})})
    assert mistake.message == 'cross_site(origins=...): "app.example" has no scheme'
    assert mistake.hint == 'write "https://app.example"'
    assert mistake.places == ("URLS['/api']['POST /']",)
    (mistake,) = mistakes({"POST /": cross_site(origins=["*"])(hook)})
    assert mistake.hint == "to let every site send requests, write `cross_site(...)` without origins"
    (mistake,) = mistakes({"/": "home"}, security=Security(trusted_origins=["https://app.example/"]))
    assert (
        mistake.message == 'security: trusted_origins: "https://app.example/" ends with a slash, and an origin has none'
    )


def test_routes_that_only_read_have_no_guard(tmp_path: Path) -> None:
    """They pay nothing: their call is the same as without the check."""
    app = Application({"/": "home", "POST /": pay}, folder=tmp_path)
    names = {}
    for method in ("GET", "POST"):
        names[method] = app.find(Request(FakeHead(method, "/"), None, None)).run.__qualname__
    assert "run_guarded" not in names["GET"]
    assert "run_guarded" in names["POST"]


def test_an_async_view_is_refused_in_its_lane(tmp_path: Path) -> None:
    """The guard does not wait, so no thread is used."""
    app = Application({"POST /": pay_async}, folder=tmp_path)
    request = Request(FakeHead("POST", "/", {"origin": FOREIGN}), None, None)

    async def run() -> Response:
        waited: Any = app.find(request).run(request)
        response: Response = await waited
        return response

    assert asyncio.run(run()).status == 403
