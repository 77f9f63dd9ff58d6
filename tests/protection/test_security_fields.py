"""The fields that are on every response, whoever makes it; a response that sets one itself keeps its own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from fanlight import (
    Compression,
    ContentSecurityPolicy,
    Response,
    Security,
    Static,
    file_response,
    redirect,
)
from fanlight.errors import InvalidResponse, Mistake
from fanlight.message.headers import MutableHeaders
from fanlight.testing import LiveServer

Serve = Callable[..., Any]
DEFAULTS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}
LONG = "word " * 1000


def _stream() -> Iterator[str]:
    yield "a"
    yield "b"


async def _async_stream() -> AsyncIterator[str]:
    yield "a"


def _broken() -> str:
    raise ValueError


URLS: dict[str, Any] = {
    "/": "home",
    "/page": "page.html",
    "/json": lambda: {"a": 1},
    "/long": lambda: LONG,
    "/stream": _stream,
    "/async": _async_stream,
    "/moved": redirect("/"),
    "/none": lambda: None,
    "/cookie": lambda: Response("x", headers={"set-cookie": "a=1"}),
    "/broken": _broken,
    "/unsendable": lambda: Response("x", 999),
    "/static": Static("static"),
    "POST /form": lambda name: name,
}


@pytest.fixture
def site(serve: Serve) -> Any:
    return serve(
        URLS, pages={"page.html": "<h1>Page</h1>"}, files={"static/a.css": "a {}", "static/big.bin": "x" * 9**6}
    )


def _fields(response: Any) -> dict[str, str]:
    return {name: response.get(name) for name in DEFAULTS}


@pytest.mark.parametrize("path", [*(path for path in URLS if path[0] == "/"), "/static/a.css", "/static/big.bin"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_they_are_on_each_response(site: Any, method: str, path: str) -> None:
    """Of a view, of a template, of a file, of a stream, compressed or not, and of errors."""
    assert _fields(site.send(method, path)) == DEFAULTS
    assert _fields(site.send(method, path, "Accept-Encoding: gzip, br")) == DEFAULTS


@pytest.mark.parametrize(
    ("fields", "method", "status"),
    [
        ([], "DELETE", 405),
        ([], "OPTIONS", 204),
        ([], "BREW", 501),
        (["Content-Length: 1", "Content-Length: 2"], "GET", 400),
        (["Content-Length: 99999999999"], "POST", 413),
        (["Expect: miracles"], "GET", 417),
    ],
)
def test_the_server_s_own_responses_have_them(site: Any, fields: list[str], method: str, status: int) -> None:
    """Also those that no app makes: what is refused while it is read."""
    head = "\r\n".join([f"{method} /form HTTP/1.1", "Host: a", *fields, "Connection: close", "", ""])
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as sock:
        sock.sendall(head.encode())
        data = sock.recv(65536).lower()
    assert data.startswith(f"http/1.1 {status}".encode())
    for name, value in DEFAULTS.items():
        assert data.count(f"{name}: {value.lower()}\r\n".encode()) == 1


def test_a_304_and_a_part_have_them(site: Any) -> None:
    """A browser updates what it has stored by the fields of a 304 (RFC 9111 section 3.2)."""
    etag = site.send("GET", "/static/a.css").get("etag")
    same = site.send("GET", "/static/a.css", f"If-None-Match: {etag}")
    assert (same.status, _fields(same)) == (304, DEFAULTS)
    part = site.send("GET", "/static/big.bin", "Range: bytes=0-9")
    assert (part.status, _fields(part)) in [(206, DEFAULTS), (200, DEFAULTS)]


def test_a_response_keeps_its_own(serve: Serve) -> None:
    """Set in any way: once, and not beside that of the site. Others are added."""

    def own() -> Response:
        response = Response(LONG, headers={"X-Frame-Options": "SAMEORIGIN"})
        response.headers.add("referrer-policy", "no-referrer")
        return response

    def left_out() -> Response:
        response = Response(LONG)
        response.headers.leave_out("X-Frame-Options")
        return response

    def copied() -> Response:
        return left_out().copy()

    def taken_back() -> Response:
        response = own()
        del response.headers["x-frame-options"]
        return response

    def step() -> Any:
        response = yield
        response.headers["cross-origin-opener-policy"] = "unsafe-none"

    def tuple_() -> Any:
        return "x", 200, {"x-frame-options": "SAMEORIGIN"}

    def stream() -> Response:
        return Response(_stream(), headers={"x-frame-options": "SAMEORIGIN"})

    def file() -> Response:
        return file_response(__file__, headers={"x-frame-options": "SAMEORIGIN"})

    views = [own, left_out, copied, taken_back, tuple_, stream, file]
    site = serve({f"/{view.__name__}": view for view in views}, middleware=[step])
    frames = {}
    for coding in ("identity", "gzip"):
        for view in views:
            response = site.send("GET", f"/{view.__name__}", f"Accept-Encoding: {coding}")
            assert response.get("cross-origin-opener-policy") == "unsafe-none"
            assert response.get("x-content-type-options") == "nosniff"
            frames[view.__name__] = response.get("x-frame-options")
            assert response.get("referrer-policy") == (
                "no-referrer" if view in (own, taken_back) else DEFAULTS["referrer-policy"]
            )
        assert frames == {
            "own": "SAMEORIGIN",
            "left_out": "",
            "copied": "",
            "taken_back": "DENY",
            "tuple_": "SAMEORIGIN",
            "stream": "SAMEORIGIN",
            "file": "SAMEORIGIN",
        }


def test_uploaded_files_have_their_own_policy(serve: Serve) -> None:
    """Once: that of the site's pages is not beside it, also in a 304 and for a part."""
    security = Security(content_security_policy=ContentSecurityPolicy(), nosniff=False)
    site = serve({"/u": Static("u", uploads=True)}, files={"u/a.html": "<b>", "u/b.png": "x"}, security=security)
    for name in ("a.html", "b.png"):
        response = site.send("GET", f"/u/{name}")
        assert response.get("content-security-policy").startswith("default-src 'none'; ")
        assert response.get("x-content-type-options") == "nosniff"
        assert response.get("referrer-policy") == DEFAULTS["referrer-policy"]
        for field in (f"If-None-Match: {response.get('etag')}", "Range: bytes=0-0"):
            again = site.send("GET", f"/u/{name}", field)
            assert again.get("content-security-policy") == response.get("content-security-policy")


def test_each_default_is_changed_in_one_line(serve: Serve) -> None:
    """Or left out, by None or False."""
    site = serve({"/": "home"}, security=Security(frame=None, referrer_policy=None, opener_policy=None, nosniff=False))
    assert set(_fields(site.send("GET", "/")).values()) == {""}
    changed = Security(frame="SAMEORIGIN", referrer_policy="same-origin", opener_policy="same-origin-allow-popups")
    assert list(_fields(serve({"/": "home"}, security=changed).send("GET", "/")).values()) == [
        *("nosniff", "same-origin", "same-origin-allow-popups", "SAMEORIGIN")
    ]


def test_other_fields_of_this_kind_can_be_added(serve: Serve) -> None:
    """They cost nothing for each request either, and give way in the same manner."""
    security = Security(fields={"Permissions-Policy": "camera=()", "cross-origin-resource-policy": "same-origin"})
    own = Response("x", headers={"permissions-policy": "camera=(self)"})
    site = serve({"/": "home", "/own": own}, security=security)
    assert site.send("GET", "/").get("permissions-policy") == "camera=()"
    assert site.send("GET", "/own").get("permissions-policy") == "camera=(self)"
    assert site.send("GET", "/own").get("cross-origin-resource-policy") == "same-origin"


def test_sites_that_may_frame_this_one_are_named(serve: Serve) -> None:
    """X-Frame-Options knows no other site, so the policy's frame-ancestors says it, with or without a policy."""
    partner = "https://partner.example"
    plain = serve({"/": "home"}, security=Security(frame=["'self'", partner])).send("GET", "/")
    assert plain.get("content-security-policy") == f"frame-ancestors 'self' {partner}"
    assert plain.get("x-frame-options") == ""
    policy = ContentSecurityPolicy(default_src=None, report_only=True)
    both = serve({"/": "home"}, security=Security(frame=[partner], content_security_policy=policy)).send("GET", "/")
    assert both.get("content-security-policy") == f"frame-ancestors {partner}"
    assert f"frame-ancestors {partner}" in both.get("content-security-policy-report-only")


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"frame": "deny"}, "frame is 'deny'", '"DENY"'),
        ({"frame": ["*"]}, 'frame: "*" is every site', "frame=None"),
        ({"frame": 5}, "frame is 5", '"SAMEORIGIN"'),
        ({"referrer_policy": "strict-orign"}, "referrer_policy is 'strict-orign'", 'did you mean "strict-origin"?'),
        ({"opener_policy": "x"}, "opener_policy is 'x'", "same-origin-allow-popups"),
        ({"nosniff": "yes"}, "nosniff is 'yes'", "True or False"),
        ({"fields": {"x-frame-options": "DENY"}}, "which has a setting", 'frame="DENY"'),
        ({"fields": {"permission-policy": "x"}}, "no field of this kind", 'did you mean "permissions-policy"?'),
        ({"fields": {"set-cookie": "a=1"}}, "no field of this kind", "middleware"),
        ({"fields": {"permissions-policy": "a\r\nb: c"}}, "without line ends", "one line"),
        ({"fields": "x"}, "fields is 'x'", "write a dict"),
        ({"cors": ["https://a.example"]}, "cors is ", "CORS(...)"),
        ({"content_security_policy": "default-src 'self'"}, "content_security_policy is", "ContentSecurityPolicy(...)"),
    ],
)
def test_what_a_browser_would_not_understand_is_a_mistake(
    mistakes: Callable[..., list[Mistake]], settings: dict[str, Any], message: str, hint: str
) -> None:
    """Before the port opens, with what to write."""
    (mistake,) = mistakes({"/": "home"}, security=Security(**settings))
    assert mistake.message.startswith("security: ")
    assert message in mistake.message
    assert hint in mistake.hint


def test_something_else_is_no_security(mistakes: Callable[..., list[Mistake]]) -> None:
    """A dict, for one."""
    (mistake,) = mistakes({"/": "home"}, security={"frame": "DENY"})
    assert mistake.hint == "write security=Security(...)"


def test_another_handler_s_fields_are_checked() -> None:
    """A line end in a field of every response would be a disaster."""

    class Handler:
        default_fields = (("x-a", "1\r\nx-b: 2"),)

        def find(self, request: Any) -> Any:
            raise NotImplementedError

        async def start(self) -> None:
            pass

        async def stop(self) -> None:
            pass

    with pytest.raises(InvalidResponse), LiveServer(Handler()):
        pass


def test_what_is_replaced_is_known_of_each_set_of_fields() -> None:
    """However they were set; a name that the server never adds makes no difference."""
    headers = MutableHeaders({"X-Frame-Options": "DENY", "x-other": "1"})
    assert headers.replaced == {"x-frame-options"}
    headers.leave_out("x-other")
    headers.leave_out("referrer-policy")
    assert headers.replaced == {"x-frame-options", "referrer-policy"}
    assert "x-other" not in headers
    loaded = MutableHeaders()
    loaded.load_checked([("referrer-policy", "origin")])
    assert loaded.replaced == {"referrer-policy"}
    assert headers.copy().replaced == headers.replaced


def test_there_may_be_many_sets_of_replaced_fields(serve: Serve) -> None:
    """What is remembered of them is bounded."""
    names = ["x-frame-options", "referrer-policy", "permissions-policy", "x-robots-tag", "document-policy"]
    names += ["x-dns-prefetch-control", "origin-agent-cluster"]

    def view(number: int) -> Response:
        return Response("x", headers={name: "1" for bit, name in enumerate(names) if number >> bit & 1})

    site = serve({"/{number}": view}, compression=Compression())
    for number in range(128):
        assert site.send("GET", f"/{number}").get("x-frame-options") == ("1" if number & 1 else "DENY")
