"""The chat: two people in two windows, four workers, and what a browser that allows only its own scripts says to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.browser import Tab
from tests.journeys.conftest import Serve, Site, serve  # noqa: F401 - a fixture

from fanlight import WebSocketClosed
from fanlight.testing import Client, WebSocketRefused

CHAT = Path(__file__).parents[2] / "examples" / "chat"
READY = "document.querySelector('#state').textContent.startsWith('connected')"
NOTE_STATES = """
window.states = [];
new MutationObserver(() => states.push(document.querySelector("#state").textContent)).observe(
    document.querySelector("#state"), {childList: true, characterData: true, subtree: true});
"""


def say(tab: Tab, text: str) -> None:
    """Type a line and send it."""
    tab.type("[name=text]", text)
    tab.evaluate("document.querySelector('#say').requestSubmit()")


def call(tab: Tab, name: str) -> None:
    """Type a name, with which the page connects again."""
    tab.type("[name=name]", name)
    tab.evaluate("document.querySelector('[name=name]').dispatchEvent(new Event('change'))")
    tab.wait_for(f"document.querySelector('#state').textContent === 'connected as {name}'")


def test_two_windows_see_what_each_says(serve: Serve, new_tab: Callable[..., Tab]) -> None:  # noqa: F811 - the fixture
    """On four workers: at once, in one order, after a reload of the page, and not in another room."""
    site: Site = serve(CHAT, "--workers", "4", "--no-access-log")
    anna, ben = new_tab(), new_tab()
    for tab, name in ((anna, "Anna"), (ben, "Ben")):
        tab.open(site.url)
        tab.wait_for(READY)
        call(tab, name)
    for tab, text in ((anna, "Is the tea ready?"), (ben, "In a minute."), (anna, "<b>Fine</b>")):
        say(tab, text)
        for each in (anna, ben):
            each.wait_for(f"document.querySelector('#lines').innerText.includes('{text}')")
    ben.open(site.url)
    ben.wait_for("document.querySelectorAll('#lines li').length === 3")
    assert "Anna <b>Fine</b>" in ben.text
    ben.open(f"{site.url}/rooms/kitchen")
    ben.wait_for(READY)
    assert ben.evaluate("document.querySelectorAll('#lines li').length") == 0
    assert [*anna.errors(), *ben.errors()] == []


def test_a_window_comes_back_after_a_reload_of_the_site(serve: Serve, new_tab: Callable[..., Tab]) -> None:  # noqa: F811
    """What was said is still there, because the supervisor keeps it."""
    import signal

    site: Site = serve(CHAT, "--workers", "2", "--no-access-log")
    tab = new_tab()
    tab.open(site.url)
    tab.wait_for(READY)
    call(tab, "Anna")
    say(tab, "before")
    tab.wait_for("document.querySelector('#lines').innerText.includes('before')")
    tab.evaluate(NOTE_STATES)
    site.send_signal(signal.SIGHUP)
    tab.wait_for("states.includes('connecting')")
    tab.wait_for(f"{READY} && document.querySelectorAll('#lines li').length === 1")
    say(tab, "after")
    tab.wait_for("document.querySelectorAll('#lines li').length === 2")


@pytest.fixture
def client() -> Iterator[Client]:
    """Serve the chat in this process."""
    from fanlight.site.loading import load

    with Client(load(CHAT / "main.py")) as one:
        yield one


def test_an_unknown_room_is_not_found(client: Client) -> None:
    """Neither its page nor its socket."""
    assert client.get("/rooms/cellar").status == 404
    with pytest.raises(WebSocketRefused) as refused, client.websocket("/chat/cellar?name=Anna"):
        pass
    assert refused.value.response.status == 404


def test_a_line_that_is_too_long_closes_the_socket(client: Client) -> None:
    """With a reason, and no one sees it."""
    with client.websocket("/chat/lobby?name=Anna") as anna, client.websocket("/chat/lobby?name=Ben") as ben:
        ben.send("x" * 501)
        with pytest.raises(WebSocketClosed, match="a line at most 500"):
            ben.receive()
        anna.send("short")
        assert anna.receive(dict)["text"] == "short"


def test_it_is_small() -> None:
    """The whole of its Python has fewer than 60 lines."""
    assert len((CHAT / "main.py").read_text().splitlines()) < 60
