"""An app with several hosts behind a proxy, and beside `--hosts`: through real sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fanlight import Hosts, Request
from fanlight.settings.options import Options

Serve = Callable[..., Any]


def home(request: Request, user: str) -> str:
    return f"{user} {request.url_for('front')}"


TABLES = {"example.org": {"/": lambda: "front", "/front": "front"}, "{user}.example.org": {"/": home, "POST /": home}}


def options(*hosts: str, **more: Any) -> Options:
    return Options(bind=("127.0.0.1:0",), access_log=False, hosts=hosts, **more)


def test_the_host_is_what_a_trusted_proxy_forwards(serve: Serve) -> None:
    """And its scheme is in the URLs of other hosts."""
    site = serve(Hosts(TABLES), options=options(trusted_proxies=("127.0.0.1",)))
    fields = ("X-Forwarded-Host: alice.example.org", "X-Forwarded-Proto: https")
    assert site.send("GET", "/", *fields, host="internal:8000").text == "alice https://example.org/front"


def test_nobody_else_can_forward_a_host(serve: Serve) -> None:
    """The field of any other client is ignored."""
    site = serve(Hosts(TABLES), options=options())
    assert site.send("GET", "/", "X-Forwarded-Host: alice.example.org", host="example.org").text == "front"
    assert site.send("GET", "/", "X-Forwarded-Host: alice.example.org", host="internal").status == 421


def test_the_port_of_a_request_is_in_its_urls(serve: Serve) -> None:
    """Of whatever port the client has asked."""
    site = serve(Hosts(TABLES), options=options())
    assert site.send("GET", host="alice.example.org:81").text == "alice http://example.org:81/front"
    assert site.send("GET", host="ALICE.Example.org").text == "alice http://example.org/front"


@pytest.mark.parametrize(
    ("host", "status"),
    [("alice.example.org", 200), ("bob.example.org", 421), ("example.org", 421), ("evil.test", 421)],
)
def test_both_lists_of_hosts_hold(serve: Serve, host: str, status: int) -> None:
    """A host that `--hosts` leaves out is refused, and so is one that it has and the app has not."""
    site = serve(Hosts(TABLES), options=options("alice.example.org", "evil.test"))
    assert site.send("GET", host=host).status == status


def test_content_for_a_foreign_host_is_not_kept(serve: Serve) -> None:
    """The 421 needs none of it."""
    site = serve(Hosts(TABLES), options=options())
    response = site.send("POST", "/", "Accept: text/html", content=b"x" * 1000, host="evil.test")
    assert response.status == 421
    assert "This site is not served at the host in this address." in response.text
    assert "evil.test" not in response.text
