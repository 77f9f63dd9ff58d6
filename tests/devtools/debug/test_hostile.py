"""The debug page holds, whatever a client has sent and a value contains."""

from __future__ import annotations

import logging
import re

import pytest
from tests.devtools.debug.conftest import BROWSER, Debugged, ParsedPage

from fanlight.devtools.debug.debug_page import SCRIPT

EVIL = "</pre></span></title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`{{7*7}}"
SITE = """
    class {name}(Exception):
        def __init__(self, text):
            super().__init__(text)
            self.add_note(text)

    Odd = type(EVIL, (), {{"__repr__": lambda self: EVIL}})

    def home(request, name=""):
        evil, odd, names = EVIL, Odd(), {{EVIL: EVIL}}  # </pre><script>alert(2)</script>
        vars().update({{EVIL: 1}})
        request.state[EVIL] = EVIL
        raise type(EVIL, ({name},), {{}})(EVIL)

    URLS = {{"/": home, "/at/{{name}}": home, "POST /": home}}
"""


def check(response_text: str) -> ParsedPage:
    """Return a page; fails if anything in it is markup that we have not written."""
    page = ParsedPage(response_text)
    assert page.count("script") == page.count("style") == page.count("title") == 1
    assert page.count("img") == page.count("iframe") == page.count("form") == 0
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
    assert re.findall(r"<script>(.*?)</script>", response_text, re.DOTALL) == [SCRIPT]
    return page


def test_scripts_in_every_position_are_text(debugged: Debugged) -> None:
    """Markup in a message, a note, a repr, a key, a type, the source, path, query, field, cookie and form is shown."""
    client = debugged.client(
        f"EVIL = {EVIL!r}\n" + SITE.replace("    ", "", 1).format(name="Bad").replace("\n    ", "\n")
    )
    quoted = "%3Cscript%3Ealert(3)%3C%2Fscript%3E"
    fields = BROWSER | {"x-evil": EVIL, "cookie": "<script>=<script>alert(4)</script>", "user-agent": EVIL}
    for path in (f"/?{quoted}={quoted}", f"/at/{quoted}?a={quoted}"):
        page = check(client.get(path, headers=fields).text)
        assert "<img src=x onerror=alert(1)>" in page.text
    page = check(client.post("/", form={EVIL: EVIL}, headers=fields).text)
    assert page.text.count("<script>alert(1)</script>") > 5
    parts = [("file", (EVIL, EVIL.encode()))]
    check(client.post("/", files=dict(parts), headers=fields).text)


def test_a_failing_template_with_scripts_is_text(debugged: Debugged) -> None:
    """The template's own markup is source on the page."""
    page = debugged.page(
        "from fanlight import render\n\ndef home():\n    return render('home.html', a='<b>')\n\nURLS={'/': home}",
        home="<script>alert(1)</script>\n<img src=x onerror=alert(1)>{{ missing }}",
    )
    assert page.count("img") == 0
    assert "<img src=x onerror=alert(1)>{{ missing }}" in page.text


@pytest.mark.parametrize(
    "value",
    ["'\\ud800\\udfff'", "'\\x00\\x1b[31m\\x07'", "'\\u202e\\u2066'", "bytes(range(256))", "'\\u2028\\ufeff'"],
)
def test_binary_values_are_escaped(debugged: Debugged, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control characters, lone surrogates and marks of direction are escapes: the page is valid UTF-8 without them."""
    monkeypatch.setattr(logging.getLogger("fanlight"), "propagate", False)  # pytest can't report lone surrogates
    client = debugged.client(f"def home():\n    value = {value}\n    raise ValueError(value)\n\nURLS = {{'/': home}}")
    for accept in ("text/html", "*/*", "application/json"):
        response = client.get("/", headers={"accept": accept})
        assert response.status == 500
        text = response.content.decode("utf-8")
        assert not set("\x00\x1b\x07\u202e\u2066\ufeff") & set(text)


def test_megabytes_make_a_small_page(debugged: Debugged) -> None:
    """Messages, variables, reprs and containers of megabytes are cut."""
    page = debugged.client("""
        class Big:
            def __repr__(self):
                return "x" * 20_000_000

        def home():
            text, data, numbers, big = "x" * 10**7, b"x" * 10**7, list(range(10**6)), Big()
            deep = []
            for _ in range(10_000):
                deep = [deep]
            raise ValueError("x" * 10**7)

        URLS = {"/": home}
    """).get("/", headers=BROWSER)
    assert page.status == 500
    assert "list, 1,000,000 items" in page.text
    assert len(page.content) < 60_000


def test_a_repr_that_never_returns_costs_a_moment(debugged: Debugged) -> None:
    """Values whose repr hangs, raises or exits have a line that says so; the others are shown."""
    page = debugged.page("""
        import threading, time

        class Hangs:
            def __repr__(self):
                threading.Event().wait()

        class Loops:
            def __repr__(self):
                while True:
                    time.sleep(0)  # `pass` would keep the interpreter from all threads under coverage

        class Exits:
            def __repr__(self):
                raise SystemExit

        def home():
            first, hangs, loops, exits, last = "first", Hangs(), Loops(), Exits(), "the last"
            raise ValueError("no")

        URLS = {"/": home}
    """)
    assert page.text.count("(its repr takes longer than 0.25 s)") == 2
    assert "(its repr raises SystemExit)" in page.text
    assert "'the last'" in page.text


@pytest.mark.parametrize(
    ("host", "fields", "is_shown"),
    [
        ("localhost:8000", {}, True),
        ("127.0.0.1:8000", {}, True),
        ("shop.localhost", {}, True),
        ("localhost:8000", {"sec-fetch-site": "same-site"}, True),
        ("evil.example", {}, False),
        ("localhost.evil.example:8000", {}, False),
        ("localhost:8000", {"sec-fetch-site": "cross-site"}, False),
    ],
)
def test_a_page_of_another_site_gets_no_page(
    debugged: Debugged, host: str, fields: dict[str, str], *, is_shown: bool
) -> None:
    """By a foreign name, or for a foreign page, the response is the page of a 500, as in production."""
    client = debugged.client("def home():\n    raise ValueError('no')\n\nURLS = {'/': home}")
    response = client.get("/", headers=BROWSER | {"host": host} | fields)
    assert response.status == 500
    assert ("ValueError" in response.text) == is_shown


def test_the_page_is_neither_stored_nor_framed(debugged: Debugged) -> None:
    """No cache keeps the page, no page frames it, and it runs no script but its own."""
    fields = (
        debugged.client("def home():\n    raise ValueError\n\nURLS = {'/': home}").get("/", headers=BROWSER).headers
    )
    assert fields["cache-control"] == "no-store"
    policy = fields["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
