"""A browser with cookies that says nothing of its page: its own form has a token, a sibling's form has none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from tests.browser import Tab

from fanlight import Request, Response, Security, render
from fanlight.testing.fakes import FakeHead

Serve = Callable[..., Any]
OURS, SIBLING = "ours.localhost", "sibling.ours.localhost"  # of one site, so that the sibling's form has our cookies
START = "<!doctype html><link rel=icon href='data:,'>"
PAGE = START + "<title>Ours</title><form method=post action=/pay>{{ csrf_field() }}<button>Pay</button></form>"
done: list[str] = []


def forget_fields(request: Request, route: str) -> Iterator[None]:
    """Make an old browser of the one of today: outside all guards, without what it has sent of its page."""
    del route
    head, forgotten = request.head, ("sec-fetch-site", "origin", "referer")
    request.head = FakeHead(head.method, head.target, {n: v for n, v in head.values.items() if n not in forgotten})
    yield


def pay(request: Request) -> str:
    done.append(request.headers.get("cookie"))
    return START + "paid"


@pytest.fixture
def ours(serve: Serve) -> str:
    done.clear()
    urls = {"/": lambda: render("front.html"), "POST /pay": pay}
    site = serve(urls, pages={"front.html": PAGE}, security=Security(tokens=True), wrap_calls=[forget_fields])
    return f"http://{OURS}:{site.port}"


def test_its_own_form_works(ours: str, tab: Tab) -> None:
    """The hidden field comes back, with the cookie."""
    tab.open(ours)
    tab.click("button")
    assert (tab.text, len(done), tab.errors()) == ("paid", 1, [])


@pytest.mark.parametrize("field", ["", "<input type=hidden name=_csrf value=x>"])
def test_the_form_of_a_sibling_is_refused(ours: str, serve: Serve, tab: Tab, field: str) -> None:
    """The browser sends the cookies of this site with it, but the sibling can't read the token."""
    tab.open(ours)
    form = f"{START}<form method=post action={ours}/pay>{field}<button>Win</button></form>"
    sibling = serve({"/": Response(form)}, security=Security(opener_policy=None), templates=None)
    tab.open(f"http://{SIBLING}:{sibling.port}/")
    tab.click("button")
    assert (tab.status, done) == (403, [])
    assert "Load the page with the form again" in tab.text


def test_a_cookie_that_a_sibling_has_set_is_not_trusted(ours: str, serve: Serve, tab: Tab) -> None:
    """It is the attacker's own, with the token for it; beside that of the visitor, none of the two counts."""
    with urlopen(ours.replace(OURS, "127.0.0.1")) as response:
        cookie, page = response.headers["set-cookie"].partition(";")[0], response.read().decode()
    token = page.partition('value="')[2].partition('"')[0]
    field = f"<input type=hidden name=_csrf value={token}>"
    form = f"{START}<form method=post action={ours}/pay>{field}<button>Win</button></form>"
    tossed = Response(form, headers={"set-cookie": f"{cookie}; domain={OURS}; path=/pay"})
    sibling = serve({"/": tossed}, security=Security(opener_policy=None), templates=None)
    tab.open(ours)
    tab.open(f"http://{SIBLING}:{sibling.port}/")
    tab.click("button")
    assert (tab.status, done) == (403, [])
