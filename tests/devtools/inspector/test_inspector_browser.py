"""The inspector in a browser: live, by keyboard, bounded, readable, and no script of a request ever runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from msgspec.structs import replace
from tests.browser import Tab
from tests.contrast import faint_in_both_schemes
from tests.devtools.inspector import samples

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.exchange_store import Store

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LIVE = "document.getElementById('state').textContent === 'live'"
IDS = "[...document.querySelectorAll('#rows tr')].map(row => row.id.slice(2))"
KEYS = {"Escape": 27, "Enter": 13, "ArrowDown": 40, "/": 191, "j": 74, "k": 75, "p": 80}


def press(tab: Tab, key: str) -> None:
    """Press a key where the focus is."""
    text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
    tab._call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=KEYS[key], **text)
    tab._call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=KEYS[key])


def point_at(tab: Tab, selector: str) -> None:
    """Move the pointer over an element."""
    x, y = tab.evaluate(
        f"(() => {{ const element = document.querySelector({selector!r}); element.scrollIntoView({{block: 'center'}});"
        " const box = element.getClientRects()[0]; return [box.x + box.width / 2, box.y + box.height / 2] })()"
    )
    tab._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)


def many(count: int, first: int = 0) -> Iterator[Exchange]:
    page = samples.page()
    return (
        replace(page, id=f"004-{number:05}", began_at=page.began_at + number, target=f"/posts/{number}")
        for number in range(first, first + count)
    )


@pytest.fixture
def desk(new_tab: Callable[..., Tab]) -> Tab:
    """Return a tab of the size of a desk's screen."""
    return new_tab(**DESK)


def opened(tab: Tab, url: str) -> Tab:
    """Open the list, and wait until it is live."""
    tab.open(url)
    tab.wait_for(LIVE)
    return tab


def test_an_exchange_stands_in_the_list_as_it_comes(inspector: str, store: Store, desk: Tab) -> None:
    """A row appears on top without a reload, changes where it stands, and leads to its exchange."""
    tab = opened(desk, inspector)
    assert "No request has come yet" in tab.text
    store.add([samples.login()])
    tab.wait_for(f"{IDS}.length === 1")
    page = samples.page()
    store.add([replace(page, id="003-00020", outcome="open", status=0)])
    tab.wait_for(f"{IDS}[0] === '003-00020'")
    store.add([replace(page, id="003-00020")])
    tab.wait_for("document.querySelector('#x-003-00020 .status').textContent.trim() === '200'")
    assert tab.evaluate(IDS) == ["003-00020", "003-00002"]
    tab.click("#x-003-00020 .target a")
    assert "/posts/snow?page=2" in tab.text
    assert tab.errors() == []


def test_rows_stand_in_the_order_in_which_they_began(inspector: str, store: Store, desk: Tab) -> None:
    """An exchange that took long, and so comes behind a later one, stands below it."""
    tab = opened(desk, inspector)
    early, late = many(2)
    store.add([late])
    tab.wait_for(f"{IDS}.length === 1")
    store.add([early])
    tab.wait_for(f"{IDS}.length === 2")
    assert tab.evaluate(IDS) == ["004-00001", "004-00000"]


def test_nothing_jumps_for_a_reader_further_down(inspector: str, store: Store, desk: Tab) -> None:
    """While the list is scrolled, new rows wait behind a button, and what is read stays where it is."""
    store.add(many(100))
    tab = opened(desk, inspector)
    tab.evaluate("window.scrollTo(0, 900)")
    place = "document.getElementById('x-004-00060').getBoundingClientRect().top"
    before = tab.evaluate(place)
    store.add(many(3, first=100))
    tab.wait_for("document.getElementById('waiting').textContent === '3 new'")
    assert (tab.evaluate(place), tab.evaluate(f"{IDS}[0]")) == (before, "004-00099")
    tab.evaluate("document.getElementById('waiting').click()")
    tab.wait_for(f"{IDS}[0] === '004-00102'")
    assert tab.evaluate("window.scrollY") == 0
    assert tab.evaluate("document.getElementById('waiting').hidden")


def test_thousands_of_exchanges_stay_few_rows(inspector: str, store: Store, desk: Tab) -> None:
    """However many come, the document has at most 400 rows, the newest on top."""
    tab = opened(desk, inspector)
    for first in range(0, 3000, 250):
        store.add(many(250, first=first))
        tab.wait_for(f"{IDS}[0] === '004-{first + 249:05}'")
    assert "too many to show each" in tab.text
    assert tab.evaluate(f"{IDS}.length") <= 400
    assert tab.evaluate("document.querySelectorAll('*').length") < 10_000
    assert tab.errors() == []


def test_the_filter_works_while_typing_and_for_what_comes(inspector: str, store: Store, desk: Tab) -> None:
    """Typing filters what is there and what comes; Escape leaves the field, and the address keeps the filter."""
    store.add(samples.realistic())
    tab = opened(desk, inspector)
    press(tab, "/")
    assert tab.evaluate("document.activeElement.id") == "q"
    tab._call("Input.insertText", text="is:refused")
    tab.wait_for(f"{IDS}.join() === '003-00005,003-00004'")
    tab.wait_for(LIVE)
    store.add([replace(samples.page(), id="003-00030"), replace(samples.refused(), id="003-00031")])
    tab.wait_for(f"{IDS}.length === 3")
    assert "003-00031" in tab.evaluate(IDS)
    assert tab.path == "/__fanlight__?q=is%3Arefused"
    press(tab, "Escape")
    assert tab.evaluate("document.activeElement === document.body")
    tab.evaluate("document.querySelector('.quick a').click()")
    tab.wait_for(f"{IDS}.length === 12")
    assert tab.errors() == []


def test_the_list_and_a_page_are_used_by_keyboard(inspector: str, store: Store, desk: Tab) -> None:
    """J and k move along the rows, Enter opens one, j goes on to the older one, Escape leads back."""
    store.add(samples.realistic())
    tab = opened(desk, inspector)
    focused = "document.activeElement.closest('tr').id"
    for key, expected in (
        ("j", "x-003-00010"),
        ("j", "x-003-00009"),
        ("ArrowDown", "x-003-00008"),
        ("k", "x-003-00009"),
    ):
        press(tab, key)
        assert tab.evaluate(focused) == expected
    tab.press_enter()
    assert tab.path == "/__fanlight__/exchanges/003-00009"
    press(tab, "j")
    tab.wait_for("location.pathname.endsWith('003-00008') && document.readyState === 'complete'")
    press(tab, "Escape")
    tab.wait_for("location.pathname === '/__fanlight__' && document.readyState === 'complete'")


def test_pause_and_clear(inspector: str, store: Store, desk: Tab) -> None:
    """A paused list stays as it is and catches up later; a cleared one is empty, and the store too."""
    store.add([samples.page()])
    tab = opened(desk, inspector)
    press(tab, "p")
    tab.wait_for("document.getElementById('state').textContent === 'paused'")
    store.add([samples.login()])
    assert tab.evaluate("source") is None  # its stream
    assert tab.evaluate(IDS) == ["003-00001"]
    press(tab, "p")
    tab.wait_for(f"{IDS}.length === 2")
    tab.evaluate("document.querySelector('#clear button').click()")
    tab.wait_for(f"{IDS}.length === 0 && !document.getElementById('empty').hidden")
    assert store.summaries(0, 10) == []


def test_a_field_and_its_bytes_light_up_together(inspector: str, store: Store, desk: Tab) -> None:
    """Pointing at bytes lights their field in the list, and the focus on a field lights its bytes, in both forms."""
    store.add([samples.page()])
    desk.open(f"{inspector}/exchanges/003-00001")
    lit = (
        "[...document.querySelectorAll('.lit')].map(each =>"
        " each.closest('.parts') ? 'list' : each.closest('.as-hex') ? 'hex' : 'text')"
    )
    point_at(desk, ".as-text [data-part='in-field-0']")
    assert set(desk.evaluate(lit)) == {"list", "text", "hex"}
    assert "Host" in desk.evaluate("document.querySelector('.parts .lit').textContent")
    desk.evaluate("document.querySelector('.parts [data-part=in-target]').focus()")
    assert desk.evaluate("document.querySelector('.as-text .lit').textContent") == "/posts/snow?page=2"
    press(desk, "Escape")
    assert desk.evaluate(lit) == []
    desk.evaluate("document.getElementById('hex-in').click()")
    assert desk.evaluate("document.querySelector('.as-hex').offsetParent !== null")
    point_at(desk, ".as-hex [data-part='in-method']")
    assert desk.evaluate("document.querySelector('.as-hex .lit').textContent") == "47 45 54 "
    assert desk.errors() == []


def test_a_parameter_leads_to_its_bytes(inspector: str, store: Store, desk: Tab) -> None:
    """A parameter lights the bytes that its value came from, and Enter leads there; so does a field of the response."""
    store.add([samples.page()])
    desk.open(f"{inspector}/exchanges/003-00001")
    lit = "document.querySelector('.as-text .lit').textContent"
    desk.evaluate("document.querySelectorAll('.parameters tbody tr')[1].focus()")
    assert desk.evaluate(lit) == "/posts/snow?page=2"
    press(desk, "Enter")
    place = "document.querySelector('.as-text .lit').getBoundingClientRect()"
    assert desk.evaluate(f"{place}.top > 0 && {place}.bottom < innerHeight")
    desk.evaluate("document.querySelectorAll('.parameters tbody tr')[3].focus()")
    assert desk.evaluate(lit) == "Cookie"
    assert desk.evaluate("document.querySelectorAll('.parameters tbody tr')[2].dataset.part") is None
    desk.evaluate("document.querySelectorAll('.origins tbody tr')[1].focus()")
    assert desk.evaluate(lit) == "server-timing"
    assert desk.errors() == []


@pytest.mark.parametrize("path", ["", "/exchanges/003-00011"])
def test_no_script_of_a_request_runs(inspector: str, store: Store, desk: Tab, path: str) -> None:
    """Markup in every place of an exchange is text, in the list, in a row that comes live, and on its page."""
    store.add([samples.hostile()])
    desk.open(inspector + path)
    if not path:
        desk.wait_for(LIVE)
        store.add([samples.hostile(21)])
        desk.wait_for("document.getElementById('x-003-00021')")
        desk.evaluate("document.getElementById('q').value = '<script>'; filter()")
        desk.wait_for(LIVE)
    assert "window.ran = true" in desk.text
    assert desk.evaluate("window.ran") is None
    assert desk.evaluate("document.scripts.length") == 1
    assert desk.evaluate("[...document.images].every(each => each.src.endsWith('/fanlight.svg'))")
    assert desk.errors() == []


def test_an_error_has_a_page_of_the_inspector(inspector: str, desk: Tab) -> None:
    """What is not kept any more gets a page in the style of the others, with the way back."""
    desk.open(f"{inspector}/exchanges/009-00001")
    assert "not kept any more" in desk.text
    assert desk.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "600"
    assert [error for error in desk.errors() if "404" not in error] == []
    desk.click("main a")
    assert desk.path == "/__fanlight__"
    desk.resize(**PHONE)
    assert faint_in_both_schemes(desk, f"{inspector}/exchanges/009-00001") == []


@pytest.mark.parametrize(
    ("path", "size"),
    [
        *(pytest.param(path, DESK, id=f"{path or 'list'}-desk") for path in ("", "1", "4", "8", "11")),
        *(pytest.param(path, PHONE, id=f"{path or 'list'}-phone") for path in ("", "1")),
    ],
)
def test_every_page_can_be_read(inspector: str, store: Store, reader: Tab, path: str, size: dict[str, int]) -> None:
    """Each text has a contrast of at least 4.5:1 in light and dark."""
    store.add([*samples.realistic(), samples.hostile()])
    url = f"{inspector}/exchanges/003-{path:0>5}" if path else inspector
    reader.resize(**size)
    assert faint_in_both_schemes(reader, url) == []


def test_no_page_is_wider_than_a_phone(inspector: str, store: Store, reader: Tab) -> None:
    """Whatever was sent, nothing makes a page wider than the screen."""
    store.add([*samples.realistic(), samples.hostile(), samples.huge()])
    reader.resize(**PHONE)
    for path in ("", *(f"/exchanges/003-{number:05}" for number in range(1, 13))):
        reader.open(inspector + path)
        assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


class OtherSite(BaseHTTPRequestHandler):
    """A page of another origin that frames the inspector and reads it."""

    target = ""

    def do_GET(self) -> None:
        page = (
            f"<!doctype html><iframe src='{self.target}'></iframe><script>window.found = '';"
            f"fetch('{self.target}').then(r => r.text()).then(t => found = t, e => found = 'failed');"
            f"new EventSource('{self.target}/live').onerror = () => window.closed_stream = true;</script>"
        )
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_request(self, *_: object) -> None:
        """Log nothing."""


def test_a_page_of_another_origin_sees_nothing(inspector: str, store: Store, tab: Tab) -> None:
    """It can neither read the list, nor its stream, nor show it in a frame."""
    store.add([samples.page()])
    site = type("Site", (OtherSite,), {"target": inspector.replace("127.0.0.1", "localhost")})
    with HTTPServer(("127.0.0.1", 0), site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            tab.open(f"http://127.0.0.1:{server.server_address[1]}/")
            tab.wait_for("window.found && window.closed_stream")
            assert tab.evaluate("window.found") == "failed"
            assert tab.evaluate("window.frames[0].length") == 0
            frame = "(() => { try { return window.frames[0].document.body.innerText } catch { return '' } })()"
            assert tab.evaluate(frame) == ""
        finally:
            server.shutdown()
            thread.join()
