"""Cookies as curl, httpx and a browser handle them: any text survives, and a partitioned cookie can be deleted."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.browser import Tab

from fanlight import App, Request, Response
from fanlight.testing import LiveServer

Open = Callable[..., str]
TEXTS = [
    "Ada Lovelace",
    "José; é=ü",
    '"quoted", \\ and %41 100%',
    " blank ",
    "日本🎉",
    "a\r\nb\x00c\x7f",
    "plain-123",
    "",
]
FRAMED = '''
import asyncio

from fanlight import App, Response, Security

FOUND = asyncio.Queue()


def keep():
    response = Response("kept")
    response.set_cookie("s", "1", partitioned=True)
    return response


def forget():
    response = Response("forgotten")
    response.delete_cookie("s", partitioned=True)
    return response


async def report(before, after):
    await FOUND.put(f"{before} then {after}")


async def result():
    return await FOUND.get()


URLS = {
    "/outer": lambda port: f"""<!doctype html><p></p><iframe src="https://localhost:{port}/frame"></iframe>
<script>
fetch("/result").then((found) => found.text()).then((text) => document.querySelector("p").textContent = text)
</script>""",
    "/frame": lambda: """<!doctype html><script>
const text = async (path) => await (await fetch(path)).text();
(async () => {
  await text("/keep");
  const before = await text("/cookies");
  await text("/forget");
  await text(`/report?before=${before}&after=${await text("/cookies")}`);
})();
</script>""",
    "/cookies": lambda request: request.cookies,
    "/keep": keep,
    "/forget": forget,
    "/report": report,
    "/result": result,
}
app = App(URLS, security=Security(frame=None))
'''


def keep(value: str) -> Response:
    response = Response("kept")
    response.set_cookie("text", value)
    return response


def shown(request: Request) -> dict[str, str]:
    return request.cookies


def many(request: Request) -> Response:
    response = Response("<script>location = '/shown'</script>")
    for number, text in enumerate(TEXTS):
        response.set_cookie(f"c{number}", text, http_only=False)
    return response


def scripted() -> str:
    return """<!doctype html><script>
document.cookie = "encoded=" + encodeURIComponent("Ada, é; 100%");
document.cookie = "raw=José";
location = "/shown";
</script>"""


URLS = {"POST /keep": keep, "/shown": shown, "/many": many, "/scripted": scripted}


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Serve a site that stores a text in a cookie and shows what the next request has."""
    with LiveServer(App(URLS)) as running:
        yield running


@given(text=st.text(max_size=200))
@settings(deadline=None)
def test_any_text_comes_back_by_http(server: LiveServer, text: str) -> None:
    """A value set in one response is the value in the next request, to the letter."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/keep", json.dumps({"value": text}), {"content-type": "application/json"})
    response = connection.getresponse()
    response.read()
    cookie = (response.getheader("set-cookie") or "").partition(";")[0]
    connection.request("GET", "/shown", headers={"cookie": cookie})
    assert json.loads(connection.getresponse().read()) == {"text": text}
    connection.close()


def _json_in(dom: str) -> dict[str, str]:
    found = re.search(r"\{.*\}", dom, re.DOTALL)
    assert found, dom
    text = found[0].replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\xa0").replace("&amp;", "&")
    values: dict[str, str] = json.loads(text)
    return values


def test_a_browser_keeps_any_text(server: LiveServer, dom_of: Open) -> None:
    """Chromium sends back any value that was set."""
    dom = dom_of(f"http://localhost:{server.port}/many", "c7")
    assert _json_in(dom) == {f"c{number}": text for number, text in enumerate(TEXTS)}


def test_a_cookie_set_by_a_script_is_read(server: LiveServer, dom_of: Open) -> None:
    """A cookie set by a page's script has the value that the script meant, encoded or not."""
    assert _json_in(dom_of(f"http://localhost:{server.port}/scripted", "{")) == {
        "encoded": "Ada, é; 100%",
        "raw": "José",
    }


def test_a_partitioned_cookie_is_deleted_in_its_frame(serve: Callable[..., Any], tab: Tab, tmp_path: Path) -> None:
    """In a frame of another site, `delete_cookie(partitioned=True)` deletes what `partitioned=True` has set."""
    (tmp_path / "main.py").write_text(FRAMED)
    port = serve(tmp_path, "--tls", "dev").port
    tab.accept_any_certificate()
    tab.open(f"https://127.0.0.1:{port}/outer?port={port}")
    tab.wait_for("document.querySelector('p').textContent")
    assert tab.text == '{"s":"1"} then {}'
