"""A form that has no token, as those who develop its site get it: what to write, and where."""

from __future__ import annotations

from tests.devtools.teaching.conftest import DevSite

MAIN = """\
from fanlight import Security, render

def home():
    return render("home.html")

def send(name: str):
    return name

URLS = {"/": home, "POST /send": send}
SECURITY = Security(tokens=True)
"""
HOME = "<form method=post action=/send><input name=name></form>"


def test_it_says_what_to_put_into_the_form(dev_site: DevSite) -> None:
    """The page and the problem details of the 403 have the line for the template, and that for a script."""
    client = dev_site(MAIN, **{"home.html": HOME})
    headers = {"accept": "application/json", "cookie": "own=1"}
    response = client.post("/send", form={"name": "x"}, headers=headers)
    assert response.status == 403
    told = response.json()["development"]
    assert told["summary"] == (
        "send (main.py:6) was not called: a page of another site may have sent this (no Sec-Fetch-Site, no Origin, no"
        " Referer, and no token)"
    )
    assert "{{ csrf_field() }}" in told["steps"][0]
    assert "X-CSRF-Token" in told["steps"][1]
    page = client.post("/send", form={"name": "x"}, headers={"accept": "text/html", "cookie": "own=1"})
    assert "csrf_field()" in page.text
