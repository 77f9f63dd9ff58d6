"""Injection, by its classes: a value that a client sends, or a view repeats, never becomes more than a value."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.speed import PATIENCE

from fanlight import App, Response
from fanlight.errors import InvalidResponse
from fanlight.settings.options import Options
from fanlight.testing import LiveServer

Get = Callable[..., tuple[int, str, bytes]]
Send = Callable[..., bytes]
SPLITS = ["a\r\nSet-Cookie: x=1", "a\nSet-Cookie: x=1", "a\rSet-Cookie: x=1", "a\x00b", "a\r\n\r\n<script>"]


@pytest.mark.parametrize("value", SPLITS)
def test_response_splitting_by_a_value(get: Get, value: str) -> None:
    """A value with a line end, or another control character, is never sent; it is an error, logged for the author."""
    status, head, _ = get(f"/field?name=x-a&value={quote(value)}")
    assert status == 500
    assert "x=1" not in head
    assert "script" not in head


@pytest.mark.parametrize("name", ["x\r\ny", "x y", "x:y", "", "x\x00", "ä"])
def test_response_splitting_by_a_name(get: Get, name: str) -> None:
    """A field name with other characters than those of a token is an error."""
    assert get(f"/field?name={quote(name)}&value=a")[0] in (422, 500)


@pytest.mark.parametrize("name", ["content-length", "transfer-encoding", "connection", "Content-Length"])
def test_a_view_that_frames_by_itself(get: Get, name: str) -> None:
    """Framing fields are written only by the server: a view can't split a response."""
    assert get(f"/field?name={name}&value=3")[0] == 500


@pytest.mark.parametrize("value", SPLITS)
def test_redirect_splitting(get: Get, value: str) -> None:
    """A redirect's target with a line end is refused."""
    status, head, _ = get(f"/go?to=/{quote(value)}")
    assert status == 500
    assert "x=1" not in head


def test_html_in_a_redirect(get: Get) -> None:
    """The page of a redirect shows its target escaped."""
    status, _, content = get(f"/go?to={quote('/<script>alert(1)</script>')}")
    assert status == 303
    assert b"<script" not in content


@pytest.mark.parametrize("media_type", ["text/html\r\nx: y", "text/html\n", "text/\x00html"])
def test_splitting_by_the_media_type(media_type: str) -> None:
    """A media type follows the same rules as every field value."""
    app = App({"/": lambda: Response("a", media_type=media_type)})
    with LiveServer(app, options=Options(bind=("127.0.0.1:0",))) as site:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.status, response.getheader("x")) == (500, None)
        connection.close()


def test_the_reason_phrase_is_never_set_by_a_view() -> None:
    """The reason phrase is that of the status; a view can't set it."""
    with pytest.raises(TypeError):
        Response("a", 400, reason="a\r\nb")  # type: ignore[call-arg]  # that is the point


@pytest.mark.parametrize(
    "parts",
    [
        {"value": "a\r\nSet-Cookie: b=c"},
        {"value": "a; Domain=evil.example"},
        {"name": "a=b; c"},
        {"name": ""},
        {"domain": "a.example; Secure"},
        {"path": "/; SameSite=None"},
        {"path": "/\r\nx: y"},
    ],
)
def test_attributes_in_a_cookie(get: Get, parts: dict[str, str]) -> None:
    """A cookie's name, value, domain and path can't begin another attribute, or another field."""
    query = "&".join(f"{name}={quote(value)}" for name, value in parts.items())
    status, head, _ = get(f"/cookie?{query}")
    set_ = head.lower().partition("set-cookie: ")[2].partition("\r\n")[0]
    assert status in (422, 500) or not re.search(r"; *domain=|; *samesite=none|[;,\s] *b=c", set_)
    assert "\nset-cookie: b=c" not in head.lower()


def test_control_characters_in_cookies() -> None:
    """Characters that http.cookies lets pass are encoded in a value, and refused in an attribute."""
    response = Response("")
    response.set_cookie("a", "a\x01")
    assert response.headers["set-cookie"].startswith("a=a%01;")
    for options in ({"path": "/\x1f"}, {"domain": "a\x7f"}):
        with pytest.raises(InvalidResponse):
            Response("").set_cookie("a", "a", **options)


def test_a_cookie_without_a_name(get: Get) -> None:
    """`=__Host-x=bad` is not parsed as the cookie __Host-x: a nameless cookie can't forge a named one."""
    _, _, content = get("/cookies", "Cookie: =__Host-session=bad; a=b; __Host-session=good")
    assert json.loads(content) == {"a": "b", "__Host-session": "good"}


def test_a_semicolon_in_a_query(get: Get) -> None:
    """`;` is no separator: a cache in front and the view see the same fields."""
    _, _, content = get("/query?a=1;b=2&c=3")
    assert json.loads(content) == [["a", "1;b=2"], ["c", "3"]]


@pytest.mark.parametrize(
    "target", ["//evil.example", "//evil.example/", "///evil.example/%2e%2e", "/\\evil.example", "//folder"]
)
def test_open_redirect_by_slashes(get: Get, target: str) -> None:
    """A path that begins with two slashes never becomes a redirect to another host."""
    _, head, _ = get(target)
    location = next((line for line in head.lower().split("\r\n") if line.startswith("location:")), "")
    assert "evil" not in location
    assert not location.removeprefix("location:").strip().startswith("//")


def test_the_redirect_to_a_slash_stays_on_this_site(get: Get) -> None:
    """The redirect that the table makes is a path of this site, with its query."""
    status, head, _ = get("/folder?x=http://evil.example")
    assert status in (301, 307, 308, 303)
    assert "\r\nlocation: /folder/" in head.lower()


@pytest.mark.parametrize(
    "host", ['a"><script>', "a b", "a/b", "user@evil.example", "a\\b", "a?b", "a#b", "[::1", "a,b", "a\x7f"]
)
def test_an_invalid_host(send: Send, host: str) -> None:
    """A Host that is not a name or an address with a port is refused, so that no page or URL repeats it."""
    response = send(f"GET /fields HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1"))
    assert response.startswith(b"HTTP/1.1 400")
    assert b"<script>" not in response


@pytest.mark.parametrize("target", ["evil.example/x", "@evil.example/", ":80/x", "?x", "x"])
def test_a_path_that_moves_the_authority(send: Send, target: str) -> None:
    """A target that is neither a path nor a URL is refused: appended to `http://host` it would name another host."""
    assert send(f"GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()).startswith(b"HTTP/1.1 400")


def test_a_cache_poisoned_by_an_absolute_target(send: Send) -> None:
    """If target and Host name different hosts, the target counts in everything that a view sees (RFC 9112 3.2.2)."""
    response = send(b"GET http://real.example/fields HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    seen: dict[str, Any] = json.loads(response.partition(b"\r\n\r\n")[2])
    assert (seen["host"], seen["url"], seen["path"]) == ("real.example", "http://real.example/fields", "/fields")


def test_a_cache_poisoned_by_forwarded_fields(get: Get) -> None:
    """X-Forwarded-Host and similar fields are ignored from clients that are not trusted."""
    lines = (
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 6.6.6.6",
        "Forwarded: host=evil",
    )
    _, _, content = get("/fields", *lines)
    seen: dict[str, Any] = json.loads(content)
    assert (seen["host"], seen["scheme"], seen["client"]) == ("site.example", "http", "127.0.0.1")


def test_html_in_an_error_page(get: Get) -> None:
    """An error page escapes what it shows of a request."""
    status, _, content = get("/%3Cscript%3Ealert(1)%3C/script%3E", "Accept: text/html")
    assert status == 404
    assert b"<script>alert" not in content


@pytest.mark.parametrize("form", ["text", "combined", "json"])
def test_log_injection(tmp_path: Path, form: str) -> None:
    """A line of the access log is one line, whatever the client sends: escape sequences and line ends are escaped."""
    log = tmp_path / "access.log"
    options = Options(bind=("127.0.0.1:0",), access_file=str(log), access_format=form)
    messages = [
        b"GET /a%0d%0a127.0.0.1%20-%20-%20%22GET HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b'GET /"\\x1b[31m HTTP/1.1\r\nHost: a\r\nUser-Agent: \xc2\x9b31m" "x\r\nReferer: \xff"\r\n\r\n',
        b"GET /\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\nUser-Agent: a\x1bb\r\n\r\n",
    ]
    with LiveServer(App({"/": "a"}), options=options) as site:
        for data in messages:
            with socket.create_connection(("127.0.0.1", site.port), PATIENCE) as client:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
    lines = log.read_bytes()
    assert lines.count(b"\n") == len(messages)
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", lines)


def test_a_validation_message_is_escaped(get: Get) -> None:
    """The page that lists invalid fields escapes their values."""
    status, _, content = get("/go", "Accept: text/html")
    assert status == 422
    assert b"<script" not in content
