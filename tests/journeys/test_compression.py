"""Compressed and padded responses, decoded by curl, Chromium and httpx."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from fanlight import App, Request, Response
from fanlight.compression.codecs import CODINGS
from fanlight.compression.compression_settings import Compression
from fanlight.testing import LiveServer

Run = Callable[..., str]
Open = Callable[..., str]
LINES = "".join(f"<li>line {number}, which says what the others say</li>\n" for number in range(200))
PAGE = f"<!doctype html><title>Lines</title><ul>\n{LINES}</ul><p>the end</p>"
BIG = PAGE + f"<!-- {LINES * 40} -->"
COOKIE = "session=secret"


class Site:
    """A site that records which requests had a cookie, and their `accept-encoding`."""

    def __init__(self, coding: str) -> None:
        self.command: list[tuple[str, bool]] = []
        urls = {"/": self.enter, "/page": self.page, "/big": self.big, "/lines": self.lines}
        self.app = App(urls, compression=Compression(encodings=(coding,)))

    def enter(self) -> Response:
        response = Response("<script>location = '/page'</script>")
        response.headers["set-cookie"] = COOKIE
        return response

    def page(self, request: Request) -> str:
        self.command.append((request.headers.get("accept-encoding"), "cookie" in request.headers))
        return PAGE

    def big(self) -> str:
        return BIG

    def lines(self) -> Response:
        return Response(iter(PAGE.splitlines(keepends=True)), media_type="text/html")


@pytest.mark.parametrize("cookie", [[], ["--cookie", COOKIE]], ids=["a stranger", "somebody"])
@pytest.mark.parametrize("coding", CODINGS)
def test_curl_decodes_the_content(run: Run, coding: str, cookie: list[str]) -> None:
    """`curl --compressed` decodes each coding: a page, big content, and a stream."""
    with LiveServer(Site(coding).app) as server:
        for path, content in (("page", PAGE), ("big", BIG), ("lines", PAGE)):
            url = f"http://127.0.0.1:{server.port}/{path}"
            assert run("curl", "-sS", "--compressed", *cookie, url) == content, path
            form = "%header{content-encoding} %header{vary} %{size_download}"
            printed = run("curl", "-sS", "-o", "/dev/null", "--compressed", *cookie, "-w", form, url)
            encoding, vary, size = printed.rsplit(" ", 2)
            is_plain = path == "lines" and bool(cookie)
            assert (encoding.strip(), vary) == ("" if is_plain else coding, "accept-encoding")
            assert (int(size) == len(content)) is is_plain


@pytest.mark.parametrize("coding", CODINGS)
def test_a_browser_decodes_the_page(dom_of: Open, coding: str) -> None:
    """Chromium decodes all three codings, and shows a page that was padded because of its cookie."""
    site = Site(coding)
    with LiveServer(site.app) as server:
        for path in ("", "big", "lines"):
            dom = dom_of(f"http://localhost:{server.port}/{path}", "the end")
            assert "<li>line 199, which says what the others say</li>" in dom, path
            assert "<p>the end</p>" in dom, path
    (offered, has_cookie), *_ = site.command
    assert has_cookie
    assert coding in [each.strip() for each in offered.split(",")]


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("headers", [{}, {"cookie": COOKIE}], ids=["a stranger", "somebody"])
def test_httpx_decodes_the_content(coding: str, headers: dict[str, str]) -> None:
    """Httpx decodes the codings whose packages it has."""
    with LiveServer(Site(coding).app) as server, httpx.Client(base_url=server.url, headers=headers) as client:
        for path, content in (("/page", PAGE), ("/big", BIG)):
            response = client.get(path)
            assert response.headers["content-encoding"] == coding
            assert response.text == content
        lengths = {client.get("/page").headers["content-length"] for _ in range(20)}
    assert (len(lengths) > 5) is bool(headers)


def test_a_padded_page_has_another_length_each_time(run: Run) -> None:
    """With a cookie, lengths vary by up to a hundred bytes; without one they are equal."""
    for coding in CODINGS:
        with LiveServer(Site(coding).app) as server:
            url = f"http://127.0.0.1:{server.port}/page"
            command = ["curl", "-sS", "-H", f"accept-encoding: {coding}", "-w", "%{size_download} "]
            command += [word for _ in range(20) for word in ("-o", "/dev/null", url)]
            plain, padded = (run(*command, *cookie).split() for cookie in ([], ["--cookie", COOKIE]))
        assert len(set(plain)) == 1
        assert len(set(padded)) > 5
        assert max(map(int, padded)) - min(map(int, padded)) < 100
