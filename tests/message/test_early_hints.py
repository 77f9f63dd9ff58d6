"""Early hints: which links are sent, and to which clients."""

import pytest

from fanlight.errors import InvalidResponse, NoSuchURL
from fanlight.message.early_hints import HINT_SENDER_KEY, EarlyHints
from fanlight.message.request import Request
from fanlight.testing import FakeHead

PAGE = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


class Site(Request):
    """A request of an app with one asset."""

    __slots__ = ()
    assets = staticmethod({"app.css": "/static/app.css?v=1"}.__getitem__)


def hints(fields: dict[str, str] | None = None, *, minor: int = 1) -> tuple[EarlyHints, list[tuple[str, ...]]]:
    """Return hints for a request, and the list of what they send."""
    told: list[tuple[str, ...]] = []
    head = FakeHead(fields=PAGE if fields is None else fields)
    head.minor = minor
    request = Site(head, None, None)
    request.cache_value(HINT_SENDER_KEY, told.append)
    return EarlyHints(request), told


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("app.css", "</static/app.css?v=1>; rel=preload; as=style"),
        ("/a b.css", "</a%20b.css>; rel=preload; as=style"),
        ("/app.js?v=1", "</app.js?v=1>; rel=preload; as=script"),
        ("/app.mjs", "</app.mjs>; rel=modulepreload"),
        ("/text.woff2", "</text.woff2>; rel=preload; as=font; crossorigin"),
        ("https://cdn.test/sea.png", "<https://cdn.test/sea.png>; rel=preload; as=image"),
        ("/data.json", "</data.json>; rel=preload; as=fetch; crossorigin"),
        ('/a">;b', "</a%22%3E;b>; rel=preload; as=fetch; crossorigin"),
    ],
)
def test_a_file_is_loaded_as_what_it_is(name: str, link: str) -> None:
    """A preload link has the type of use; one for a font has `crossorigin`."""
    given, told = hints()
    given.preload(name)
    assert told == [(link,)]


def test_links_are_sent_unchanged() -> None:
    """All links of `send` are sent in one response; without links nothing is sent."""
    given, told = hints()
    given.send("</a.css>; rel=preload; as=style", "<https://cdn.test>; rel=preconnect")
    given.send()
    given.preload()
    assert told == [("</a.css>; rel=preload; as=style", "<https://cdn.test>; rel=preconnect")]


@pytest.mark.parametrize(
    ("fields", "minor"),
    [
        ({}, 1),
        ({"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 1),
        ({"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 1),
        (PAGE, 0),
    ],
)
def test_only_a_navigating_browser_gets_early_hints(fields: dict[str, str], minor: int) -> None:
    """Other clients could take a 103 for the final response, or have no use for it."""
    given, told = hints(fields, minor=minor)
    given.preload("app.css")
    assert told == []


@pytest.mark.parametrize(
    "link",
    ["/app.css", "</a\r\nset-cookie: a=b>", "</a>; rel=preload\r\nx: y", "</a\nb>", "</é>", "<a>b\n", "</a>\x7f", ""],
)
def test_what_is_no_link_is_refused(link: str) -> None:
    """An invalid link raises for every client, also for those that get no hints."""
    for fields in (PAGE, {}):
        with pytest.raises(InvalidResponse, match="is not a link"):
            hints(fields)[0].send(link)


def test_too_many_are_refused() -> None:
    """They would not find room in a buffer for sure."""
    with pytest.raises(InvalidResponse, match="over 4096 bytes"):
        hints()[0].send(*["</app.css>; rel=preload; as=style"] * 200)


def test_an_asset_has_to_be_there() -> None:
    """A request without an app has none."""
    with pytest.raises(NoSuchURL, match="without an app"):
        EarlyHints(Request(FakeHead(fields=PAGE), None, None)).preload("app.css")
