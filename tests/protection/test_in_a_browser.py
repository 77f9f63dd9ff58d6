"""Attacks by pages of other sites, in a real browser: what they send is refused, and what they show is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.browser import Tab

from fanlight import CORS, ContentSecurityPolicy, Request, Response, Security, Static, middleware, render, wsgi
from fanlight.errors import NotFound, Unauthorized

Serve = Callable[..., Any]
done: list[str] = []
# Each is its own site to a browser: the last label but one differs. A subdomain of the first is of the same site.
OURS, SIBLING, FOREIGN = "ours.localhost", "sibling.ours.localhost", "foreign.localhost"
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="3"></svg>'


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def pay(request: Request) -> str:
    done.append(request.headers.get("sec-fetch-site"))
    return "<!doctype html><link rel=icon href='data:,'><title>Paid</title>paid"


def front() -> str:
    return (
        "<!doctype html><link rel=icon href='data:,'><title>Ours</title><form method=post action=/pay>"
        "<button>Pay</button></form>"
    )


URLS: dict[str, Any] = {
    "/": front,
    "GET|POST /pay": pay,
    "/picture": lambda: Response(PICTURE.encode(), media_type="image/svg+xml"),
}


def sign_in() -> Response:
    response = Response(_page("signed in").encode(), media_type="text/html")
    response.set_cookie("user", "ann")
    return response


def _page(body: str) -> str:
    return f"<!doctype html><link rel=icon href='data:,'><title>Theirs</title>{body}"


@pytest.fixture
def ours(serve: Serve) -> str:
    return f"http://{OURS}:{serve(URLS).port}"


@pytest.fixture
def attack(serve: Serve, tab: Tab) -> Callable[..., Tab]:
    """Return a function that opens a page of another site."""

    def open_page(body: str, host: str = FOREIGN, headers: dict[str, str] | None = None) -> Tab:
        site = serve({"/": lambda: Response(_page(body), headers=headers)}, security=Security(opener_policy=None))
        tab.open(f"http://{host}:{site.port}/")
        return tab

    return open_page


def test_its_own_form_works(ours: str, tab: Tab) -> None:
    """A button on a page of the site; nothing has to be in the form."""
    tab.open(ours)
    tab.click("button")
    assert (tab.text, done, tab.errors()) == ("paid", ["same-origin"], [])


@pytest.mark.parametrize("host", [FOREIGN, SIBLING])
def test_a_form_of_another_site_is_refused(ours: str, attack: Callable[..., Tab], host: str) -> None:
    """Also one of a sibling, which may be someone else's; its user sees a 403."""
    tab = attack(f"<form method=post action={ours}/pay><button>Win</button></form>", host)
    tab.click("button")
    assert (tab.status, done) == (403, [])
    assert "A page of another site has sent this request." in tab.text


def test_a_link_of_another_site_works(ours: str, attack: Callable[..., Tab]) -> None:
    """GET changes nothing, so whoever follows a link gets the page."""
    tab = attack(f"<a href={ours}/>to ours</a>")
    tab.click("a")
    assert tab.evaluate("document.title") == "Ours"


@pytest.mark.parametrize(
    "script",
    [
        "fetch(TARGET, {method: 'POST', mode: 'no-cors', credentials: 'include', body: 'a=1'}).then(() => 1)",
        "fetch(TARGET, {method: 'POST', credentials: 'include', body: new URLSearchParams('a=1')}).catch(() => 1)",
        "fetch(TARGET, {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'}).catch(() => 1)",
        "fetch(TARGET, {method: 'DELETE'}).catch(() => 1)",
        "navigator.sendBeacon(TARGET, 'a=1') && new Promise(done => setTimeout(() => done(1), 300))",
    ],
)
def test_a_script_of_another_site_is_refused(ours: str, attack: Callable[..., Tab], script: str) -> None:
    """With and without cookies, with a preflight and without one."""
    tab = attack("")
    assert tab.evaluate(script.replace("TARGET", json.dumps(f"{ours}/pay")))
    assert done == []


def test_a_frame_without_an_origin_is_refused(ours: str, attack: Callable[..., Tab]) -> None:
    """A sandboxed frame sends `Origin: null`, whatever is in it."""
    form = f"<form method=post action={ours}/pay></form><script>document.forms[0].submit()</script>"
    tab = attack(f'<iframe sandbox="allow-scripts allow-forms" srcdoc="{form}"></iframe>')
    tab.wait_for("performance.now() > 500")
    assert done == []


def test_an_image_may_be_shown_elsewhere(ours: str, attack: Callable[..., Tab]) -> None:
    """Nothing is changed by it, and the default keeps no image from other sites."""
    tab = attack(f"<img src={ours}/picture>")
    tab.wait_for("document.images[0].complete")
    assert tab.evaluate("document.images[0].naturalWidth") == 3


def test_no_other_site_puts_a_page_into_a_frame(serve: Serve, attack: Callable[..., Tab]) -> None:
    """So no click can be led to it; a site that wants that says so."""
    told = "<!doctype html><script>parent.postMessage('framed', '*')</script>"
    listen = "<script>onmessage = event => window.told = event.data</script>"
    closed, open_site = serve({"/": lambda: told}), serve({"/": lambda: told}, security=Security(frame=None))
    tab = attack(f"{listen}<iframe src=http://{OURS}:{open_site.port}/></iframe>")
    tab.wait_for("window.told === 'framed'")
    tab = attack(f"{listen}<iframe src=http://{OURS}:{closed.port}/></iframe>")
    tab.wait_for("performance.now() > 1000")
    assert tab.evaluate("window.told") is None


def test_a_page_that_opens_another_has_no_hold_of_it(ours: str, attack: Callable[..., Tab]) -> None:
    """Cross-Origin-Opener-Policy: to the page that has opened it, the window is closed."""
    tab = attack("")
    tab.evaluate(f"window.other = window.open({json.dumps(ours)})")
    tab.wait_for("window.other === null || window.other.closed")


# --- CORS ---------------------------------------------------------------------------------------------


def test_a_page_of_an_origin_that_cors_allows_uses_the_api(serve: Serve, tab: Tab) -> None:
    """It reads, sends JSON after a preflight, with cookies, and learns which error it was; no other page can."""
    theirs = serve({"/": lambda: _page("")}, security=Security(opener_policy=None))
    friend, stranger = (f"http://{host}:{theirs.port}" for host in ("friend.localhost", "stranger.localhost"))

    def put(number: int, name: str) -> dict[str, Any]:
        done.append(name)
        return {"number": number, "name": name}

    def missing() -> None:
        raise NotFound

    api = CORS(origins=[friend], credentials=True)({"PUT /cats/{number:int}": put, "/missing": missing})
    url = f"http://{OURS}:{serve({'/api': api}).port}/api"
    options = "{method: 'PUT', credentials: 'include', headers: {'content-type': 'application/json'}, body: BODY}"
    script = f"fetch('{url}/cats/1', {options.replace('BODY', json.dumps(json.dumps({'name': 'Tom'})))})"
    tab.open(friend)
    assert tab.evaluate(f"{script}.then(r => r.json())") == {"number": 1, "name": "Tom"}
    assert tab.evaluate(f"fetch('{url}/missing').then(r => r.status)") == 404
    assert tab.evaluate(f"fetch('{url}/nowhere').then(r => r.status)") == 404
    assert tab.evaluate(f"fetch('{url}/cats/x').then(r => r.status)") == 404
    assert done == ["Tom"]
    tab.open(stranger)
    assert tab.evaluate(f"{script}.catch(() => 'refused')") == "refused"
    assert tab.evaluate(f"fetch('{url}/missing').catch(() => 'refused')") == "refused"
    assert done == ["Tom"]


def test_a_page_of_such_an_origin_uses_an_app_behind_a_sign_in(serve: Serve, tab: Tab) -> None:
    """Preflights have no cookies, and are responded to all the same; the request that follows has to be signed in."""

    def wants_user(request: Request) -> Iterator[None]:
        if "user" not in request.cookies:
            raise Unauthorized
        yield

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        done.append(environ["REQUEST_METHOD"])
        start_response("200 OK", [("content-type", "text/plain")])
        return [environ["wsgi.input"].read()]

    theirs = serve({"/": lambda: _page("")}, security=Security(opener_policy=None))
    friend = f"http://friend.{OURS}:{theirs.port}"  # of the same site, and so with its cookies, but another origin
    mounted = middleware(wants_user)(CORS(origins=[friend], credentials=True)(wsgi(app)))
    url = f"http://{OURS}:{serve({'/sign-in': sign_in, '/api': mounted}).port}"
    options = "{method: 'PUT', credentials: 'include', headers: {'content-type': 'application/json'}, body: '7'}"
    script = f"fetch('{url}/api/x', {options}).then(async r => [r.status, r.ok && await r.json()])"
    tab.open(friend)
    assert tab.evaluate(script) == [401, False]
    tab.open(f"{url}/sign-in")
    tab.open(friend)
    assert tab.evaluate(script) == [200, 7]
    assert done == ["PUT"]


# --- the policy -------------------------------------------------------------------------------------------

POLICED = """<!doctype html><html lang="en"><head><title>Start</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{{ asset('site.css') }}">{{ script_tag('app.js') }}</head>
<body><p>{{ said | safe }}</p><script nonce="{{ csp_nonce() }}">window.inline = true</script></body></html>"""


def test_only_scripts_with_the_nonce_run(serve: Serve, tab: Tab, caplog: pytest.LogCaptureFixture) -> None:
    """Those of the template do; what a visitor has smuggled into the page does not, in any form."""

    def page(said: str = "") -> Any:
        return render("page.html", said=said)

    def reported() -> Response:
        policy = "default-src 'self'; report-uri /csp"
        return Response("<!doctype html><script>1</script>", headers={"content-security-policy": policy})

    security = Security(content_security_policy=ContentSecurityPolicy(reports="/csp"))
    site = serve(
        {"/": page, "/reported": reported, "/static": Static("static")},
        pages={"page.html": POLICED},
        files={"static/app.js": "window.fromFile = true", "static/site.css": "p { color: rgb(1, 2, 3) }"},
        security=security,
    )
    url = f"http://{OURS}:{site.port}/"
    tab.open(url)
    assert tab.evaluate("[window.fromFile, window.inline, getComputedStyle(document.querySelector('p')).color]") == [
        *(True, True, "rgb(1, 2, 3)")
    ]
    assert tab.errors() == []
    for smuggled in (
        "<script>window.evil = 1</script>",
        "<script src=/static/app.js></script><script nonce=x>window.evil = 1</script>",
        "<img src=x onerror='window.evil = 1'>",
        "<a href='javascript:window.evil = 1' autofocus onfocus='window.evil = 1'>x</a>",
        "<base href=http://foreign.localhost/>",
        "<iframe srcdoc='<script>parent.evil = 1</script>'></iframe>",
        "<style>p { color: red }</style>",
        "<p style='color: red'>",
    ):
        tab.open(f"{url}?said={json.dumps(smuggled)[1:-1]}".replace("#", "%23"))
        assert tab.evaluate("window.evil") is None, smuggled
        assert tab.evaluate("document.baseURI").startswith(url)
        assert tab.evaluate("getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)", smuggled
        assert tab.errors() != [], smuggled
    tab.open(f"{url}reported")
    tab.wait_for("performance.now() > 500")
    (line,) = [each.getMessage() for each in caplog.records if "content security policy" in each.getMessage()]
    assert f"script-src-elem refused inline on {url}reported, in {url}reported:1" in line


@pytest.mark.parametrize("path", ["/nowhere", "/text", "/broken"])
def test_the_pages_that_are_built_in_keep_their_style(serve: Serve, tab: Tab, path: str) -> None:
    """Under a strict policy, in which an inline style sheet is refused."""

    def broken() -> None:
        raise ValueError

    security = Security(content_security_policy=ContentSecurityPolicy())
    site = serve({"/text": "Hello", "/broken": broken}, security=security)
    tab.open(f"http://{OURS}:{site.port}{path}")
    assert tab.evaluate("getComputedStyle(document.body).display") == "grid"
    assert [each for each in tab.errors() if "Failed to load resource" not in each] == []
