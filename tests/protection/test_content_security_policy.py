"""The Content-Security-Policy: one line gives a strict one, whose nonces are new for each page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from fanlight import ContentSecurityPolicy, Forbidden, Response, Security, Static, cross_site, render
from fanlight.errors import Mistake
from fanlight.pages.builtin_pages import style_hash

Serve = Callable[..., Any]
FIELD, REPORT_ONLY = "content-security-policy", "content-security-policy-report-only"
ON = Security(content_security_policy=ContentSecurityPolicy())
PLAIN = (
    f"default-src 'self'; script-src 'none'; style-src 'self' {style_hash()}; img-src 'self' data:; object-src 'none';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
BASE = '<!doctype html><script nonce="{{ csp_nonce() }}">1</script><style nonce="{{ csp_nonce() }}"></style>'


def _with(nonce: str) -> str:
    return PLAIN.replace("script-src 'none'", f"script-src 'nonce-{nonce}' 'strict-dynamic'").replace(
        "style-src 'self'", f"style-src 'self' 'nonce-{nonce}'"
    )


def _nonce(response: Any) -> str:
    found = set(re.findall(r'nonce="([^"]*)"', response.text))
    assert len(found) == 1, response.text
    return str(found.pop())


@pytest.fixture
def site(serve: Serve) -> Any:
    def cached() -> Response:
        return Response("x")

    def stored() -> Any:
        fields = {
            "cache-control": "public, max-age=60",
            "etag": '"1"',
            "last-modified": "Mon, 30 Nov 2026 06:00:00 GMT",
        }
        return render("page.html"), 200, fields

    def private() -> Any:
        return render("page.html"), 200, {"cache-control": "private, max-age=60"}

    def own() -> Any:
        return render("page.html"), 200, {FIELD: "default-src 'none'"}

    async def awaited() -> Any:
        return render("page.html")

    def refused() -> None:
        raise Forbidden

    urls = {
        "/": "page.html",
        "/plain": "Text",
        "/json": lambda: {"a": 1},
        "/cached": cached,
        "/stored": stored,
        "/private": private,
        "/own": own,
        "/awaited": awaited,
        "/refused": refused,
        "POST /form": lambda: "x",
        "/static": Static("static"),
        "/tag": "tag.html",
    }
    pages = {
        "page.html": BASE,
        "error/error403.html": BASE,
        "error/error404.html": BASE,
        "tag.html": '{{ script_tag("app.js") }}{{ script_tag("app.js", type="module", data_x="<\\"") }}'
        '{{ script_tag("app.js", async=True, integrity=None) }}',
    }
    return serve(urls, pages=pages, files={"static/app.js": "1"}, security=ON)


@pytest.mark.parametrize("path", ["/plain", "/json", "/cached", "/static/app.js"])
def test_a_response_without_a_nonce_has_the_policy_that_is_made_once(site: Any, path: str) -> None:
    """In it no script can run, as none can have a nonce."""
    response = site.send("GET", path)
    assert response.get(FIELD) == PLAIN
    assert "no-cache" not in response.get("cache-control") or path.startswith("/static")


@pytest.mark.parametrize("path", ["/", "/awaited", "/nothing", "/refused", "/stored"])
def test_a_page_has_a_nonce_of_its_own(site: Any, path: str) -> None:
    """The same for all that stands on it, in the field too; and another one the next time. Error pages as well."""
    first, second = (site.send("GET", path, "Accept: text/html") for _ in range(2))
    for response in (first, second):
        nonce = _nonce(response)
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", nonce)
        assert response.get(FIELD) == _with(nonce)
    assert _nonce(first) != _nonce(second)


def test_the_page_of_what_a_guard_refuses_has_it_too(site: Any) -> None:
    """It is made outside the route."""
    response = site.send("POST", "/form", "Sec-Fetch-Site: cross-site", "Accept: text/html")
    assert (response.status, response.get(FIELD)) == (403, _with(_nonce(response)))


def test_a_page_with_a_nonce_is_not_cached(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by others, nor by a validator: a 304 would bring another policy. It is said, once."""
    assert site.send("GET", "/").get("cache-control") == "private, no-cache"
    for _ in range(2):
        response = site.send("GET", "/stored")
        assert (response.status, response.get("cache-control")) == (200, "private, no-cache")
        assert (response.get("etag"), response.get("last-modified")) == ("", "")
    lines = [each.getMessage() for each in caplog.records if each.name == "fanlight.protection"]
    start = "/stored has a nonce, so it is sent with cache-control: private, no-cache"
    assert lines == [f"{start}, and not public, max-age=60 (logged once)"]
    same = site.send("GET", "/stored", 'If-None-Match: "1"')  # of a page that was stored before there was a policy
    assert (same.status, same.get(FIELD)) == (304, "")
    assert site.send("GET", "/private").get("cache-control") == "private, max-age=60"


def test_a_view_may_send_a_policy_of_its_own(site: Any) -> None:
    """Then that is sent, and once."""
    assert site.send("GET", "/own").get(FIELD) == "default-src 'none'"


def test_a_script_tag_has_the_address_and_the_nonce(site: Any) -> None:
    """It is deferred unless it says otherwise; values are escaped."""
    response = site.send("GET", "/tag")
    nonce = _nonce(response)
    (url,) = set(re.findall(r'src="([^"]*)"', response.text))
    assert re.fullmatch(r"/static/app\.[0-9a-f]{8}\.js", url)
    assert response.text == (
        f'<script src="{url}" nonce="{nonce}" defer></script>'
        f'<script src="{url}" nonce="{nonce}" type="module" data-x="&lt;&quot;"></script>'
        f'<script src="{url}" nonce="{nonce}" async></script>'
    )
    assert response.get(FIELD) == _with(nonce)


def test_the_same_templates_work_without_a_policy(serve: Serve) -> None:
    """Then there is no nonce, and nothing is done for each request."""
    pages = {"page.html": BASE, "tag.html": '{{ script_tag("app.js") }}'}
    site = serve({"/": "page.html", "/tag": "tag.html", "/s": Static("s")}, pages=pages, files={"s/app.js": ""})
    assert _nonce(site.send("GET", "/")) == ""
    assert site.send("GET", "/").get(FIELD) == ""
    assert re.fullmatch(r'<script src="/s/app\.[0-9a-f]{8}\.js" defer></script>', site.send("GET", "/tag").text)
    without = Security(content_security_policy=ContentSecurityPolicy(script_src=["'self'"], style_src=None))
    site = serve({"/": "page.html"}, security=without)
    assert _nonce(site.send("GET", "/")) == ""
    assert "script-src 'self';" in site.send("GET", "/").get(FIELD)


def test_each_directive_is_changed_in_one_line() -> None:
    """A list of sources replaces the default, None leaves the directive out, an empty list allows nothing."""
    policy = ContentSecurityPolicy(
        default_src=None,
        script_src=["'self'", "https://cdn.example"],
        style_src=["'self'", "'unsafe-inline'"],
        img_src=["*"],
        connect_src=[],
        object_src=None,
        form_action=["'self'", "https://pay.example"],
        frame_ancestors=["https://partner.example"],
        sandbox=["allow-forms"],
        upgrade_insecure_requests=True,
    )
    assert policy.texts(("'none'",), (style_hash(),)).plain == (
        "script-src 'self' https://cdn.example; style-src 'self' 'unsafe-inline'; img-src *; connect-src 'none';"
        " base-uri 'none'; form-action 'self' https://pay.example; frame-ancestors https://partner.example;"
        " sandbox allow-forms; upgrade-insecure-requests"
    )
    assert ContentSecurityPolicy(style_src=None).texts(None, ("'sha256-x'",)).plain.count("'sha256-x'") == 1
    assert ContentSecurityPolicy(style_src=None, default_src=None).texts(None, ("'sha256-x'",)).plain.count("x'") == 0


def test_a_policy_may_only_report(serve: Serve) -> None:
    """Under another name; browsers refuse nothing, and say what they would."""
    policy = ContentSecurityPolicy(report_only=True, reports="/csp", sandbox=[])
    security = Security(content_security_policy=policy)
    site = serve({"/": "page.html", "/json": lambda: {"a": 1}}, pages={"page.html": BASE}, security=security)
    page, data = site.send("GET", "/"), site.send("GET", "/json")
    for response in (page, data):
        assert response.get(FIELD) == ""
        assert response.get(REPORT_ONLY).endswith("; report-uri /csp; report-to csp")
        assert response.get("reporting-endpoints") == 'csp="/csp"'
        assert response.get("x-frame-options") == "DENY"
        assert "sandbox" not in response.get(REPORT_ONLY)
    assert f"'nonce-{_nonce(page)}'" in page.get(REPORT_ONLY)


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"script_src": ["self"]}, "script_src: self is a host", "'self'"),
        ({"script_src": ["'SELF'"]}, "script_src: 'SELF' is a host", "'self'"),
        ({"script_src": ["sha256-abc"]}, "script_src: sha256-abc is a host", "'sha256-abc'"),
        ({"script_src": ["'nonce-abc'"]}, "would be the nonce of every page", "'nonce'"),
        ({"script_src": ["'self' https://a.example"]}, "is no source", "a text of its own"),
        ({"img_src": ["a;script-src *"]}, "is no source", "a text of its own"),
        ({"img_src": ["a\r\nb"]}, "is no source", "a text of its own"),
        ({"img_src": [5]}, "is no source", "a text of its own"),
        ({"img_src": "'self'"}, "img_src is \"'self'\"", "write a list: img_src="),
        ({"img_src": ["'none'", "data:"]}, "has 'none' and other sources", "leave out 'none'"),
        ({"reports": "https://reports.example"}, "reports is", 'reports="/csp-reports"'),
        ({"reports": "//evil.example"}, "reports is", 'reports="/csp-reports"'),
        ({"reports": True}, "reports is True", 'reports="/csp-reports"'),
    ],
)
def test_mistakes_are_found_before_the_port_opens(
    mistakes: Callable[..., list[Mistake]], settings: dict[str, Any], message: str, hint: str
) -> None:
    """What a browser would ignore, or read as something else."""
    (mistake,) = mistakes({"/": "x"}, security=Security(content_security_policy=ContentSecurityPolicy(**settings)))
    assert message in mistake.message
    assert hint in mistake.hint


def test_hashes_and_keywords_are_sources() -> None:
    """As CSP has them."""
    sources = ["'sha256-AbC='", "'unsafe-eval'", "https://a.example/x.js", "blob:", "*.example.org", "'report-sample'"]
    assert ContentSecurityPolicy(script_src=sources).mistakes() == []


def test_the_address_of_reports_must_be_free(mistakes: Callable[..., list[Mistake]]) -> None:
    """It is an entry in the table like any other."""
    security = Security(content_security_policy=ContentSecurityPolicy(reports="/csp"))
    (mistake,) = mistakes({"POST /csp": cross_site(lambda: "x")}, security=security)
    assert "is in the table twice" in mistake.message
