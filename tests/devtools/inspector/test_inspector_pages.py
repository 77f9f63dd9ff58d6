"""The inspector's pages as a client gets them: complete, masked, escaped, bounded, for this machine's pages only."""

from __future__ import annotations

import gc
import http.client
import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from msgspec import json
from msgspec.structs import replace
from tests.devtools.inspector import samples
from tests.speed import PATIENCE, measured

from fanlight.devtools.inspector.exchange_record import Exchange, Frame, Span
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.pages.exchange_page import exchange_page
from fanlight.devtools.inspector.pages.inspector_views import MAX_ROWS

ATTRIBUTES = frozenset(
    """
    aria-current aria-hidden aria-label aria-labelledby action alt autocomplete checked charset class content
    data-base data-last data-live data-part data-q data-side defer dx focusable for height hidden href id lang method
    name open placeholder rel role spellcheck src tabindex text-anchor title type value viewbox width x x1 x2 y y1 y2
    """.split()
)
SECRETS = (samples.PASSWORD, "8b1d00c7a9e24f55", "0d1f7c52b6a94e0f")
EXPORTS = ("request.bin", "response.bin", "exchange.json", "exchange.har")


class Markup(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def fetch(
    url: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    connection.request(method, f"{parts.path}{'?' + parts.query if parts.query else ''}", headers=headers or {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.headers, content


def page_of(url: str, method: str = "GET") -> str:
    status, _, content = fetch(url, method)
    assert status == 200
    return content.decode()


def rows_of(page: str) -> list[str]:
    return [str(given["id"])[2:] for tag, given in Markup(page).elements if tag == "tr" and "id" in given]


def test_the_list_has_every_exchange_the_newest_first(inspector: str, store: Store) -> None:
    """All exchanges stand in the list with their outcome, also those that never became a request."""
    store.add(samples.realistic())
    page = page_of(inspector)
    assert rows_of(page) == [f"003-{number:05}" for number in range(10, 0, -1)]
    text = Markup(page).text
    for word in (
        "refused",
        "cut off",
        "timed out",
        "failed",
        "open",
        "/posts/snow?page=2",
        "GET /posts/{slug}",
        "main.post",
    ):
        assert word in text


def test_the_list_is_filtered_without_a_script(inspector: str, store: Store) -> None:
    """The form of the filter is a plain GET, and a word that makes no sense is explained."""
    store.add(samples.realistic())
    assert rows_of(page_of(f"{inspector}?q=is:refused")) == ["003-00005", "003-00004"]
    assert rows_of(page_of(f"{inspector}?q=%22read%20by%20anna%22")) == ["003-00001"]
    assert "write a status" in Markup(page_of(f"{inspector}?q=status:many")).text


def test_the_list_is_cut_and_goes_on(inspector: str, store: Store) -> None:
    """Of a thousand exchanges a page has the newest 300, and a link to those before."""
    page = samples.page()
    store.add(replace(page, id=f"001-{number:05}", began_at=page.began_at + number) for number in range(700))
    first = page_of(inspector)
    assert rows_of(first)[0] == "001-00699"
    assert len(rows_of(first)) == MAX_ROWS
    assert f"older={MAX_ROWS}" in first
    assert rows_of(page_of(f"{inspector}?older=600")) == [f"001-{number:05}" for number in range(99, -1, -1)]


@pytest.mark.parametrize("make", samples.REALISTIC)
def test_a_page_has_the_whole_way(inspector: str, store: Store, make: object) -> None:
    """Each kind of exchange has a page with its bytes in both forms and the stages that it reached."""
    exchange: Exchange = make()  # type: ignore[operator]
    store.add([exchange])
    page = page_of(f"{inspector}/exchanges/{exchange.id}")
    markup = Markup(page)
    ids = {given.get("id") for _, given in markup.elements}
    assert {"connection", "received"} <= ids
    assert ("route" in ids) == bool(exchange.route or exchange.candidates)
    assert ("view" in ids) == bool(exchange.view)
    assert ("refused" in ids) == (exchange.refusal is not None)
    assert ("sent" in ids) == bool(exchange.sent)
    assert ("queries" in ids) == any(span.kind == "query" for span in exchange.spans)
    for link in (str(given["href"])[1:] for tag, given in markup.elements if tag == "a" and given["href"][:1] == "#"):  # type: ignore[index]
        assert link in ids


def test_a_page_shows_what_each_stage_did(inspector: str, store: Store) -> None:
    """Candidates with reasons, parameters, middleware, repeated queries, templates, logs, origins, compression."""
    store.add([samples.page()])
    text = " ".join(Markup(page_of(f"{inspector}/exchanges/003-00001")).text.split())
    for words in (
        "'snow' is not an int",
        "a plain view, fast so far",
        "out of timing",
        "closed: database",
        "3 times",
        "rows: 3, 0, 8",
        "0.20 ms of its own, 2.60 ms in all",
        "list, 11 items",
        "post snow is read by anna",
        "Fanlight: the media type of posts/post.html",
        "gzip: 2.1 kB before",
    ):
        assert words in text


def test_a_page_of_a_websocket_has_its_frames(inspector: str, store: Store) -> None:
    """Which way, of which kind and size, and how they begin."""
    frames = [Frame(0.001, True, "text", 12, "hello there"), Frame(0.002, False, "close", 2, "1000")]
    store.add([replace(samples.page(), status=101, frames=frames)])
    text = " ".join(Markup(page_of(f"{inspector}/exchanges/{samples.page().id}")).text.split())
    assert "received text, 12 bytes hello there" in text
    assert "sent close, 2 bytes 1000" in text


def test_a_refused_message_has_its_byte_and_its_rule(inspector: str, store: Store) -> None:
    """The byte at fault, the rule, a link to the section of the RFC, and that no view ran."""
    store.add([samples.refused()])
    page = page_of(f"{inspector}/exchanges/003-00004")
    text = Markup(page).text
    assert "byte 58, ' '" in text
    assert "a space before the colon?" in text
    assert "https://www.rfc-editor.org/rfc/rfc9112#section-5.1" in page
    assert "no view ran" in text


@pytest.mark.parametrize("is_called", [True, False])
def test_a_view_that_was_not_called_is_marked(inspector: str, store: Store, is_called: bool) -> None:
    """The view of a request that was refused before it, or that middleware has responded to, did not run."""
    exchange = samples.page()
    spans = [span for span in exchange.spans if is_called or span.kind != "view"]
    store.add([replace(exchange, spans=spans)])
    text = Markup(page_of(f"{inspector}/exchanges/{exchange.id}")).text
    assert ("was not called" in text) != is_called


def test_error_views_are_named_beside_the_view(inspector: str, store: Store) -> None:
    """Each with its place, and the error that it has raised, if it has made no response."""
    exchange = samples.page()
    spans = [
        Span("error view", "shop.sold_out", 0.002, 0.003, place="shop.py:7", error="Conflict"),
        Span("error view", "shop.conflict", 0.003, 0.004, place="shop.py:9"),
    ]
    store.add([replace(exchange, spans=[*exchange.spans, *spans])])
    markup = Markup(page_of(f"{inspector}/exchanges/{exchange.id}"))
    ids = [given["id"] for _, given in markup.elements if "id" in given]
    assert ids.index("view") + 1 == ids.index("error-view-1") == ids.index("error-view-2") - 1
    text = " ".join(markup.text.split())
    assert "shop.sold_out shop.py:7 raised Conflict" in text
    assert "shop.conflict shop.py:9" in text


def test_the_source_of_the_view_is_shown(inspector: str, store: Store) -> None:
    """The function at the view's place is on the page, escaped, and nothing outside of the site's folder."""
    exchange = samples.page()
    store.add([replace(exchange, view_place="main.py:5")])
    text = Markup(page_of(f"{inspector}/exchanges/{exchange.id}")).text
    assert 'return f"<h1>{slug}</h1>"' in text
    assert 'return "Home"' not in text
    for place in ("../../../etc/passwd:1", "/etc/passwd:1", "main.py:99", "main.py:x", "none.py:1", ""):
        store.add([replace(exchange, view_place=place)])
        assert "<figure" not in page_of(f"{inspector}/exchanges/{exchange.id}")


@pytest.mark.parametrize(
    ("content", "is_drawn"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), True),
        (b"GIF89a" + bytes(100), True),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>window.ran = true</script></svg>", False),
        (b"\xff\xd8\xff" + bytes(300_000), False),
    ],
)
def test_only_a_harmless_picture_is_drawn(inspector: str, store: Store, content: bytes, is_drawn: bool) -> None:
    """PNG, JPEG and GIF of moderate size are drawn from a data URL; everything else is text."""
    store.add([replace(samples.page(), response_content=content)])
    page = page_of(f"{inspector}/exchanges/003-00001")
    assert ('<img src="data:image/' in page) == is_drawn


def test_secrets_are_masked_everywhere(inspector: str, store: Store) -> None:
    """Neither the list, nor a page, nor a file that is saved has a secret, unless it is posted for."""
    store.add([samples.page(), samples.login()])
    for number in (1, 2):
        address = f"{inspector}/exchanges/003-{number:05}"
        for url in (inspector, address, *(f"{address}/{name}" for name in EXPORTS), f"{inspector}/exchanges.har"):
            _, _, content = fetch(url)
            assert not [secret for secret in SECRETS if secret.encode() in content], url
    login = f"{inspector}/exchanges/003-00002"
    assert "Show secrets" in page_of(login)
    shown = page_of(login, "POST")
    assert samples.PASSWORD in shown
    assert "Secrets are shown on this page" in shown
    assert samples.PASSWORD.encode() in fetch(f"{login}/request.bin", "POST")[2]
    assert samples.PASSWORD not in page_of(login)


def test_a_page_without_secrets_has_no_switch(inspector: str, store: Store) -> None:
    """Where nothing is masked there is nothing to show."""
    store.add([samples.refused()])
    assert "Show secrets" not in page_of(f"{inspector}/exchanges/003-00004")


@pytest.mark.parametrize("name", EXPORTS)
def test_a_file_is_saved_and_never_shown(inspector: str, store: Store, name: str) -> None:
    """An export is an attachment with the id in its name, and not a type that a browser runs."""
    store.add([samples.hostile()])
    status, fields, content = fetch(f"{inspector}/exchanges/003-00011/{name}")
    assert status == 200
    assert fields["content-disposition"] == f'attachment; filename="003-00011-{name}"'
    assert fields["content-type"] in ("application/octet-stream", "application/json")
    assert fields["x-content-type-options"] == "nosniff"
    assert content


def test_all_of_a_filter_are_saved_as_har(inspector: str, store: Store) -> None:
    """The HAR file has the exchanges that the filter accepts, the oldest first."""
    store.add(samples.realistic())
    log = json.decode(fetch(f"{inspector}/exchanges.har?q=path:/posts")[2])["log"]
    assert [entry["comment"].partition(",")[0] for entry in log["entries"]] == ["003-00001", "003-00003"]


@pytest.mark.parametrize("path", ["", "/exchanges/003-00011"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hostile_text_is_never_markup(inspector: str, store: Store, path: str, method: str) -> None:
    """With markup in every place of a record the page has its own elements and attributes only."""
    store.add([samples.hostile()])
    status, _, content = fetch(inspector + path, method)
    if status == 405:
        return
    markup = Markup(content.decode())
    assert "window.ran" in markup.text
    assert [given["src"] for tag, given in markup.elements if tag == "script"] == [
        f"/__fanlight__/static/{'exchange' if path else 'list'}.js"
    ]
    assert {name for _, given in markup.elements for name in given} <= ATTRIBUTES
    pictures = {str(given["src"]) for tag, given in markup.elements if tag == "img"}
    assert pictures == {"/__fanlight__/static/fanlight.svg"}
    assert not {"\u202e", "\u2066", "\x1b", "\0"} & set(content.decode())


def test_a_live_row_of_hostile_text_is_not_markup(inspector: str, store: Store) -> None:
    """The markup that a live row comes as has a row's elements only."""
    store.add([samples.hostile()])
    (event,) = events(f"{inspector}/live", 1)
    markup = Markup(event["rows"][0]["html"])
    assert {tag for tag, _ in markup.elements} == {"tr", "td", "time", "a", "bdi", "b", "span", "svg", "rect"}


def test_a_huge_exchange_has_a_small_page(inspector: str, store: Store) -> None:
    """Megabytes in thousands of pieces, hundreds of queries and log lines: the page stays small, and is made soon."""
    store.add([samples.huge()])
    assert len(fetch(f"{inspector}/exchanges/003-00012")[2]) < 800_000
    times = []
    for _ in range(3):
        gc.disable()  # it would walk over all objects that pytest holds
        began = time.thread_time()
        exchange_page(samples.huge(), shows_secrets=False, folder=None, origin="http://localhost")
        times.append(time.thread_time() - began)
        gc.enable()
    assert min(times) < 2 * measured(clock=time.thread_time)  # as fast as the machine is just now


def test_what_is_not_kept_is_not_found(inspector: str) -> None:
    """An id that is not kept any more gets 404 with the reason, also with markup in it."""
    status, _, content = fetch(f"{inspector}/exchanges/000-00001")
    assert (status, b"not kept any more" in content) == (404, True)
    assert fetch(f"{inspector}/exchanges/{quote('<script>', safe='')}/exchange.json")[0] == 404


PATHS = ["", "/exchanges/003-00001", "/live", "/exchanges.har", "/static/list.js", "/static/palette.css"]


@pytest.mark.parametrize("path", PATHS)
def test_other_sites_get_nothing(inspector: str, store: Store, path: str) -> None:
    """A page of another site can neither read nor frame anything of the inspector, by whatever name it comes."""
    store.add([samples.page()])
    url = inspector + path
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Host": "evil.example"},
    ):
        assert fetch(url, headers=headers)[0] == 403
    if path != "/live":
        status, fields, _ = fetch(url, headers={"Sec-Fetch-Site": "same-origin"})
        assert status == 200
        assert "frame-ancestors 'none'" in fields["content-security-policy"]
        assert "script-src 'self';" in fields["content-security-policy"]
        assert "unsafe" not in fields["content-security-policy"]
        assert fields["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in fields


def test_other_sites_change_nothing(inspector: str, store: Store) -> None:
    """A form of another site can neither clear the list nor show secrets."""
    store.add([samples.login()])
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert fetch(f"{inspector}/clear", "POST", headers)[0] == 403
    assert fetch(f"{inspector}/exchanges/003-00002", "POST", headers)[0] == 403
    assert store.get("003-00002") is not None
    assert fetch(f"{inspector}/clear", "POST")[0] == 303
    assert store.get("003-00002") is None


def events(url: str, count: int, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the first events of a stream."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    connection.request("GET", f"{parts.path}?{parts.query}", headers=headers or {})
    response = connection.getresponse()
    found: list[dict[str, Any]] = []
    while len(found) < count:
        line = response.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            found.append(json.decode(line[6:]))
    connection.close()
    return found


def test_the_live_stream_has_what_comes(inspector: str, store: Store) -> None:
    """A stream begins behind what its page has, sends what a filter accepts, and goes on where it was broken off."""
    store.add([samples.page()])
    after = store.summaries(0, 10)[-1].seq
    store.add([samples.login(), samples.refused()])
    (event,) = events(f"{inspector}/live?q=is:refused&after={after}", 1)
    assert [row["id"] for row in event["rows"]] == ["003-00004"]
    assert event["gone"] == ["003-00002"]
    (event,) = events(f"{inspector}/live", 1, {"Last-Event-ID": str(after + 1)})
    assert [row["id"] for row in event["rows"]] == ["003-00004"]
