"""Redirects in a browser: they lead to the host that the app means."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from itertools import product

from fanlight import App, Request, Response, redirect
from fanlight.errors import InvalidResponse
from fanlight.message.safe_targets import redirect_back
from fanlight.testing import LiveServer

HERE = "here.example"
BEGINNINGS = (
    *(
        "",
        "/",
        "//",
        "///",
        "\\",
        "/\\",
        "\\/",
        "/.//",
        "/..\\",
        " /",
        "\t/",
        "/\t/",
        "/\n",
        "./",
        "../",
        "?",
        "#",
        "/x?",
        "@",
        ":",
    ),
    *(
        "https:",
        "https:/",
        "https://",
        "https:\\\\",
        "http:",
        "HTTP://",
        "https://us.example",
        "https://us.example/",
        "//us.example",
    ),
    *("https://us.example:443", "https://[::1]", "javascript:", "/%2F", "/%5C", "/%09/", "\u3000//", "/\u2028/", "x:"),
)
ENDINGS = (
    *(
        "",
        "evil.example",
        "/evil.example",
        "//evil.example",
        "\\evil.example",
        "@evil.example",
        "\\@evil.example",
        ":x@evil.example",
    ),
    *(
        "%2F@evil.example",
        "%5C@evil.example",
        "%40evil.example",
        "\uff0fevil.example",
        "\uff20evil.example",
        "\u2100evil.example",
    ),
    *(
        "#@evil.example",
        "?@evil.example",
        ".evil.example",
        "。evil.example",
        ":8000/evil.example",
        "%00evil.example",
        "a\tb",
    ),
)
ALL = [first + last for first, last in product(BEGINNINGS, ENDINGS)]


def apparent_host(to: str) -> str:
    """Return the host that a reader sees in a target."""
    found = re.match(r"[a-z]+://([^/?#]*)", to, re.IGNORECASE)
    return re.sub(r":\d+$", "", found[1]).replace("。", ".") if found else HERE


def test_a_browser_goes_to_the_apparent_host(dom_of: Callable[..., str]) -> None:
    """Each of over a thousand targets is refused, or leads Chromium to the host that a reader sees in it."""
    sent = {}
    for to in ALL:
        try:
            sent[redirect(to).headers["location"]] = apparent_host(to)
        except InvalidResponse:
            continue
    assert 100 < len(sent) < len(ALL)
    page = f"""<!doctype html><pre></pre><script>
const wrong = [];
for (const [location, host] of Object.entries({json.dumps(sent)})) {{
  let url;
  try {{ url = new URL(location, "https://{HERE}/a/b?c"); }} catch {{ continue; }}  // it goes nowhere
  if (url.protocol.startsWith("http") && url.hostname !== host) wrong.push([location, host, url.href]);
}}
document.querySelector("pre").textContent = "wrong: " + JSON.stringify(wrong);
</script>"""
    with LiveServer(App({"/": lambda: page})) as server:
        dom = html.unescape(dom_of(f"http://localhost:{server.port}/", "<pre>wrong: "))
    assert "<pre>wrong: []</pre>" in dom


def back(request: Request) -> Response:
    return redirect_back(request, "/default")


def test_redirect_back_stays_on_the_site(dom_of: Callable[..., str]) -> None:
    """Whatever the value of `next`, a browser that follows `redirect_back` stays on this site."""
    page = f"""<!doctype html><pre></pre><script>
(async () => {{
  const gone = [];
  for (const next of {json.dumps(ALL[::5])}) {{
    const response = await fetch("/back?next=" + encodeURIComponent(next)).catch(() => ({{url: "nowhere"}}));
    if (new URL(response.url, "x:y").host !== location.host) gone.push([next, response.url]);
  }}
  document.querySelector("pre").textContent = "gone: " + JSON.stringify(gone);
}})();
</script>"""
    urls = {"/": lambda: page, "/back": back, "/{rest...}": lambda rest: rest}
    with LiveServer(App(urls)) as server:
        dom = html.unescape(dom_of(f"http://localhost:{server.port}/", "<pre>gone: "))
    assert "<pre>gone: []</pre>" in dom
