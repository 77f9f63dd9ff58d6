"""Streams and server-sent events, served by the command and read by curl and a browser."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.speed import PATIENCE

SITE = """\
import asyncio
from pathlib import Path

from fanlight import EarlyHints, Event, EventStream, Request


async def ticks():
    try:
        yield "begun\\n"
        await asyncio.Event().wait()
    finally:
        print("ticks are closed", flush=True)


def slow_ticks():
    try:
        yield "begun\\n"
        while True:
            yield "more\\n" * 1000
    finally:
        print("slow ticks are closed", flush=True)


def events(request: Request):
    last = int(request.last_event_id or 0)
    if last == 4:
        return None  # 204: come back no more

    async def news():
        for number in range(last + 1, last + 3):
            yield Event({"number": number}, "news", id=str(number))

    return EventStream(news(), retry_seconds=0.01)


def endless(request: Request):
    async def news():
        try:
            yield "begun"
            await asyncio.Event().wait()
        finally:
            print("news are closed", flush=True)

    return EventStream(news(), keep_alive_seconds=0.05)


def hinted(hints: EarlyHints):
    hints.preload("/app.css", "/app.mjs")
    return "<h1>hinted</h1>"


URLS = {
    "/": lambda: Path(__file__).with_name("page.html"),
    "/ticks": ticks,
    "/slow-ticks": slow_ticks,
    "/events": events,
    "/endless": endless,
    "/hinted": hinted,
}
"""
PAGE = """\
<h1>News</h1><ol></ol><script>
const source = new EventSource("/events");
source.addEventListener("news", event => {
    document.querySelector("ol").append(`${event.lastEventId}: ${JSON.parse(event.data).number}; `);
});
source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) document.querySelector("h1").textContent = "That was all";
});
</script>
"""
Run = Callable[..., str]


@pytest.fixture
def site(serve: Any, tmp_path: Path) -> Any:
    """Serve the site."""
    (tmp_path / "main.py").write_text(SITE)
    (tmp_path / "page.html").write_text(PAGE)
    return serve(tmp_path)


def reading(url: str, *words: str) -> subprocess.Popen[bytes]:
    """Return a curl that prints data as it arrives."""
    return subprocess.Popen(["curl", "-sSN", *words, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_stream_ends_when_curl_is_stopped(site: Any) -> None:
    """When curl is stopped, a waiting generator is closed, and so is one that yields faster than curl reads."""
    for path, logged in (("/ticks", "\nticks are closed"), ("/slow-ticks", "slow ticks are closed")):
        with reading(f"{site.url}{path}") as curl:
            assert curl.stdout is not None
            assert curl.stdout.readline() == b"begun\n"
            curl.kill()
        site.read_until(logged.strip())


def test_curl_reads_events_and_keep_alive_comments(site: Any) -> None:
    """Events arrive at once, then comments."""
    with reading(f"{site.url}/endless", "-i") as curl:
        assert curl.stdout is not None
        lines = [curl.stdout.readline() for _ in range(20)]
        curl.kill()
    assert b"content-type: text/event-stream\r\n" in lines
    assert lines[lines.index(b"data: begun\n") :][:5] == [b"data: begun\n", b"\n", b":\n", b"\n", b":\n"]
    site.read_until("news are closed")


def test_events_end_normally_when_the_site_is_stopped(site: Any) -> None:
    """Ctrl+C ends a stream of events normally: curl reports no error."""
    with reading(f"{site.url}/endless") as curl:
        assert curl.stdout is not None
        assert curl.stdout.readline() == b"data: begun\n"
        site.send_signal(signal.SIGINT)
        assert curl.stdout.read().replace(b":\n\n", b"") == b"\n"
        assert curl.wait(PATIENCE) == 0
    assert site.wait_for_exit() == 0
    assert "cut off" not in site.rest()


def test_a_browser_reconnects(site: Any, dom_of: Callable[..., str]) -> None:
    """An EventSource reconnects with the last event id when its stream ends, and stops at a 204."""
    page = dom_of(f"{site.url}/", "<h1>That was all")
    assert "1: 1; 2: 2; 3: 3; 4: 4; " in page
    assert "<h1>That was all</h1>" in page


def test_a_browser_opens_a_page_with_early_hints(site: Any, dom_of: Callable[..., str]) -> None:
    """A browser shows the page, whether it uses the early hints or not."""
    assert "<h1>hinted</h1>" in dom_of(f"{site.url}/hinted", "hinted")


def test_curl_sees_early_hints(site: Any, run: Run) -> None:
    """A request like a browser's gets early hints; a plain one does not."""
    words = ("-H", "sec-fetch-mode: navigate", "-H", "sec-fetch-dest: document")
    printed = run("curl", "-si", *words, f"{site.url}/hinted")
    assert printed.startswith(
        "HTTP/1.1 103 Early Hints\r\nlink: </app.css>; rel=preload; as=style\r\n"
        "link: </app.mjs>; rel=modulepreload\r\n\r\nHTTP/1.1 200 OK\r\n"
    )
    assert run("curl", "-si", f"{site.url}/hinted").startswith("HTTP/1.1 200 OK\r\n")
