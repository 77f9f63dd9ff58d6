"""The pages that Fanlight brings along: whole, handsome in both schemes, and dependent on nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from fanlight.pages.builtin_pages import error_page, heading_page, plain_error_page
from fanlight.pages.drawing import FAVICON, FAVICON_LINK
from fanlight.pages.palette import DARK, LIGHT
from fanlight.reason_phrases import REASON_PHRASES

PAGES = {
    "404": error_page(404),
    "422": error_page(422, "Some fields are wrong.", [("page", "'x' is not an integer"), ("name", "is missing")]),
    "499": error_page(499),
    "599": error_page(599, "a detail"),
    "heading": heading_page("Hello World"),
}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
_EMPTY_ELEMENTS = {"meta", "link", "stop", "path", "rect"}
FAVICON_URL = FAVICON_LINK.removeprefix('<link rel="icon" href="').removesuffix('">')


class Outline(HTMLParser):
    """Notes what a document is made of, and what was closed that was not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """Close what is open."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@EVERY_PAGE
def test_a_page_is_a_whole_document(page: str) -> None:
    """Every page has one title, one main part and one heading, in a language, and closes what it opens."""
    outline = Outline(page)
    assert page.startswith("<!doctype html>\n")
    assert (outline.wrong, outline.open) == ([], [])
    assert [outline.tags.count(tag) for tag in ("html", "head", "title", "body", "main", "h1")] == [1] * 6
    assert ("lang", "en") in outline.attributes
    assert ("charset", "utf-8") in outline.attributes


@EVERY_PAGE
def test_a_page_needs_nothing_from_elsewhere(page: str) -> None:
    """No page has a script, an event handler, or anything to load; its icon is in it, and its one link leads home."""
    outline = Outline(page)
    assert not {"script", "img", "iframe", "object", "embed", "form"} & set(outline.tags)
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name in ("src", "srcset", "action")]
    assert {value for name, value in outline.attributes if name == "href"} <= {"/", FAVICON_URL}
    assert set(re.findall(r"url\(([^)]*)\)", page)) == {"#glass"}
    assert "@import" not in page
    assert "//" not in page


@EVERY_PAGE
def test_a_page_has_its_icon_in_it(page: str) -> None:
    """Every page has the small drawing as its icon, as a `data:` URL, so that browsers don't request /favicon.ico."""
    assert Outline(page).tags.count("link") == 1
    assert page.index(FAVICON_LINK) < page.index("</head>")
    assert unquote(FAVICON_URL.removeprefix("data:image/svg+xml,")) == FAVICON.replace('"', "'")
    assert ET.fromstring(FAVICON).tag == "{http://www.w3.org/2000/svg}svg"


@EVERY_PAGE
def test_a_page_is_small(page: str) -> None:
    """A page that bots request all day is smaller than 4 KiB."""
    assert len(page.encode()) < 4096


@EVERY_PAGE
def test_a_page_suits_a_phone_and_both_schemes(page: str) -> None:
    """Every page has a viewport for narrow screens, and colours for light and for dark."""
    assert ("content", "width=device-width, initial-scale=1") in Outline(page).attributes
    assert "color-scheme:light dark" in page
    assert "@media (prefers-color-scheme: dark)" in page


@EVERY_PAGE
def test_a_page_defines_each_colour_that_it_uses(page: str) -> None:
    """Every page has the colours of the palette that it uses, and no colour of its own."""
    defined = set(re.findall(r"--([a-z-]+):#[0-9a-f]{6}", page))
    assert set(re.findall(r"var\(--([a-z-]+)\)", page)) <= defined
    assert set(re.findall("#[0-9a-f]{6}", page)) <= {*LIGHT.values(), *DARK.values()}


@EVERY_PAGE
def test_the_window_is_not_read_aloud(page: str) -> None:
    """The picture is decoration, so a screen reader passes it by."""
    assert '<svg viewBox="0 0 240 132" aria-hidden="true"' in page


def test_a_heading_stands_as_it_was_written() -> None:
    """A plain text is the heading, to the letter, and the title."""
    page = heading_page("Hello World")
    assert "<h1>Hello World</h1>" in page
    assert "<title>Hello World</title>" in page


def test_a_heading_page_is_no_error_page() -> None:
    """A page for a string may be found by search engines, and has nothing but the text."""
    assert "noindex" not in PAGES["heading"]
    assert "<p>" not in PAGES["heading"]


def test_an_error_page_names_the_error_and_links_home() -> None:
    """An error page has status, reason, detail and a link home, and is not for search engines."""
    page = error_page(404, "No post is called \u201csnow\u201d.")
    assert "<title>404 Not Found</title>" in page
    assert "<h1><small>404</small> Not Found</h1>" in page
    assert "<p>No post is called \u201csnow\u201d.</p>" in page
    assert '<a href="/">' in page
    assert '<meta name="robots" content="noindex">' in page


def test_an_error_page_lists_every_bad_field() -> None:
    """Each bad field is listed with what is wrong with it."""
    assert "<dt>page</dt><dd>&#x27;x&#x27; is not an integer</dd>" in PAGES["422"]
    assert "<dt>name</dt><dd>is missing</dd>" in PAGES["422"]


@pytest.mark.parametrize("status", range(400, 600))
def test_every_error_status_has_a_page_with_a_sentence(status: int) -> None:
    """Whatever the status, also one that no one has heard of, its page has a sentence for people."""
    page = plain_error_page(status).decode()
    assert page == error_page(status)
    assert f"<title>{status} {REASON_PHRASES.get(status, 'Error')}</title>".replace("'", "&#x27;") in page
    assert re.search(r"<p>[A-Z][^<]{15,}\.</p>", page)


def test_the_reasons_are_those_of_rfc_9110() -> None:
    """Where Python still has the names of an older RFC, we have today's."""
    assert [REASON_PHRASES.get(status, "") for status in (404, 413, 414, 416, 422, 599)] == [
        "Not Found",
        "Content Too Large",
        "URI Too Long",
        "Range Not Satisfiable",
        "Unprocessable Content",
        "",
    ]
    assert all(reason.isascii() for reason in REASON_PHRASES.values())
