"""A visitor whose request fails can report it: the number on the page leads to the lines of the logs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.browser import Tab
from tests.speed import PATIENCE

SITE = """\
def broken():
    raise RuntimeError("hunter2")


URLS = {"/broken": broken}
"""


@pytest.fixture
def site(serve: Any, tmp_path: Path) -> Any:
    """Serve a site with a broken view."""
    (tmp_path / "main.py").write_text(SITE)
    return serve(tmp_path)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_number_is_in_both_logs(site: Any, accept: str) -> None:
    """The page, the problem details, the header field, the access log and the traceback have one and the same id."""
    response = httpx.get(f"{site.url}/broken", headers={"accept": accept}, timeout=PATIENCE)
    if accept == "text/html":
        shown = re.findall("<code>(.*)</code>", response.text)[0]
    else:
        shown = json.loads(response.text)["request_id"]
    assert response.headers["x-request-id"] == shown
    assert "hunter2" not in response.text
    log = ""
    for line in (f"failed: GET /broken, id {shown}\n", "GET /broken  500"):  # two threads write, in any order
        log += "" if line in log else site.read_until(line)
    assert re.search(rf"GET /broken  500 .* {shown}\n", log)


def test_one_click_selects_the_number(site: Any, tab: Tab) -> None:
    """A browser shows the sentence, and a click on the number selects all of it."""
    tab.open(f"{site.url}/broken")
    assert "Mention this number if you report it:" in tab.text
    style = "getComputedStyle(document.querySelector('code')).userSelect"
    assert tab.evaluate(style) == "all"
    assert tab.evaluate("document.querySelector('code').textContent") in site.read_until("GET /broken  500")
