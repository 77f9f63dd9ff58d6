"""A folder of files in URLS, requested through real sockets."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight import App, Request, Response, Static, lane
from fanlight.message.with_middleware import middleware
from fanlight.pages.static import files as files_module
from fanlight.pages.static import versions as versions_module
from fanlight.pages.static.file_cache import FileCache
from fanlight.testing import Client, LiveServer

CSS = "body { color: teal }\n"
LONG_AGO = 1_700_000_000
Serve = Callable[..., Client]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a site's folder, with files to serve and others that must not be served."""
    site = tmp_path / "site"
    (site / "static" / "docs" / "deep").mkdir(parents=True)
    (site / "static" / ".well-known").mkdir()
    (site / "static" / ".git").mkdir()
    for name, text in {
        "app.css": CSS,
        "app.js": "1",
        "docs/index.html": "<h1>docs</h1>",
        "docs/deep/page.html": "deep",
        ".well-known/security.txt": "Contact: us",
        ".env": "secret",
        ".git/config": "secret",
        "a b+ü.txt": "odd",
    }.items():
        (site / "static" / name).write_text(text)
    (site / "main.py").write_text("secret = 1")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "site" / "static-private").mkdir()
    (tmp_path / "site" / "static-private" / "secret.txt").write_text("secret")
    return site


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Return a function that serves URLS from the folder, and returns a client."""
    with contextlib.ExitStack() as stack:

        def start(urls: Any = None, **settings: Any) -> Client:
            app = App(urls or {"/static": Static("static")}, file=folder / "main.py", **settings)
            return stack.enter_context(Client(app))

        yield start


def at_rest(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make files count as unchanged for long; the time of a change can't be set."""
    monkeypatch.setattr(versions_module, "STABLE_SECONDS", -1.0)
    os.utime(path, (LONG_AGO, LONG_AGO))


def asset(folder: Path, name: str, urls: Any = None) -> str:
    return App(urls or {"/static": Static("static")}, file=folder / "main.py").asset(name)


# --- a file ---------------------------------------------------------------------------------------


def test_a_file_is_served_with_its_type_and_validators(serve: Serve) -> None:
    """The plain URL has the media type, `no-cache`, an entity tag and a date."""
    response = serve().get("/static/app.css")
    assert (response.status, response.text) == (200, CSS)
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["etag"].startswith('"')
    assert response.headers["last-modified"]
    assert "vary" not in response.headers


def test_a_current_copy_is_304(serve: Serve, folder: Path) -> None:
    """A current tag or date gets a 304 without content."""
    long_ago = time.time() - 60  # the date of a file is a second before now at most, so that of a new one moves
    os.utime(folder / "static" / "app.css", (long_ago, long_ago))
    client = serve()
    first = client.get("/static/app.css")
    for name, field in (("if-none-match", "etag"), ("if-modified-since", "last-modified")):
        response = client.get("/static/app.css", headers={name: first.headers[field]})
        assert (response.status, response.content) == (304, b"")
        assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("size", [10, 500_000])
def test_a_range_of_a_file_is_sent(serve: Serve, folder: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file and a large one have the same responses to ranges."""
    data = bytes(range(256)) * (size // 256 + 1)
    (folder / "static" / "film.mp4").write_bytes(data[:size])
    at_rest(folder / "static" / "film.mp4", monkeypatch)
    client = serve()
    response = client.get("/static/film.mp4", headers={"range": "bytes=2-5"})
    assert (response.status, response.content) == (206, data[2:6])
    assert response.headers["content-range"] == f"bytes 2-5/{size}"
    whole = client.get("/static/film.mp4")
    assert (whole.content, whole.headers["etag"]) == (data[:size], response.headers["etag"])
    assert not whole.headers["etag"].startswith("W/")
    assert client.get("/static/film.mp4", headers={"range": "bytes=900000-900001"}).status == 416


def test_head_is_get_without_content(serve: Serve, folder: Path) -> None:
    """HEAD has the same headers, for small files and big ones."""
    (folder / "static" / "big.bin").write_bytes(b"x" * 100_000)
    client = serve()
    for path in ("/static/app.css", "/static/big.bin"):
        headed, got = client.head(path), client.get(path)
        assert headed.content == b""
        volatile = ("date", "etag", "last-modified")  # the last two: of files that were written just now
        assert [each for each in headed.headers.pairs() if each[0] not in volatile] == [
            each for each in got.headers.pairs() if each[0] not in volatile
        ]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/static/app.css", "/static/nothing", "/static/"])
def test_files_allow_only_get_and_head(serve: Serve, method: str, path: str) -> None:
    """Any other method gets a 405, for missing files too, and OPTIONS lists the methods."""
    client = serve()
    response = client.request(method, path)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert client.options(path).headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_changed_file_is_served_at_once(serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next request after a change gets the new content, under a new tag, without a restart."""
    at_rest(folder / "static" / "app.css", monkeypatch)
    client = serve()
    before = client.get("/static/app.css")
    assert client.get("/static/app.css").headers["etag"] == before.headers["etag"]
    (folder / "static" / "app.css").write_text("b {}")
    after = client.get("/static/app.css")
    assert after.text == "b {}"
    assert after.headers["etag"] != before.headers["etag"]
    (folder / "static" / "app.css").unlink()
    assert client.get("/static/app.css").status == 404
    (folder / "static" / "app.css").write_text("c {}")
    assert client.get("/static/app.css").text == "c {}"


def test_new_content_under_the_old_time_and_size_is_seen(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New content is noticed even if a copy keeps the time and size of the old file."""
    path = folder / "static" / "app.css"
    at_rest(path, monkeypatch)
    client = serve()
    client.get("/static/app.css")
    time.sleep(0.02)  # more than a tick of the file system's clock
    path.write_text(CSS.replace("teal", "blue"))
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert "blue" in client.get("/static/app.css").text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.wasm", "application/wasm"),
        ("a.woff2", "font/woff2"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.json", "application/json"),
        ("a.map", "application/json"),
        ("a.ICO", "image/vnd.microsoft.icon"),
        ("a.mp4", "video/mp4"),
        ("a.pdf", "application/pdf"),
        ("a.gz", "application/gzip"),
        ("a.unknown", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
    ],
)
def test_media_types_are_those_of_the_web(serve: Serve, folder: Path, name: str, media_type: str) -> None:
    """Media types are of Fanlight's own table, so they are the same on every machine."""
    (folder / "static" / name).write_bytes(b"x")
    response = serve().get(f"/static/{name}")
    assert (response.headers["content-type"], "content-encoding" in response.headers) == (media_type, False)


# --- URLs with a hash -----------------------------------------------------------------------------


def test_an_asset_is_immutable(serve: Serve, folder: Path) -> None:
    """The URL has the first digits of the content's SHA-256, and its response is immutable."""
    url = asset(folder, "app.css")
    assert url.startswith("/static/app.")
    assert len(url) == len("/static/app.12345678.css")
    response = serve().get(url)
    assert (response.status, response.text) == (200, CSS)
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/css; charset=utf-8"


def test_a_template_can_call_asset(serve: Serve, folder: Path) -> None:
    """`{{ asset("app.css") }}` is the URL of a file; odd names are percent-encoded."""
    (folder / "templates").mkdir()
    (folder / "templates" / "home.html").write_text('{{ asset("app.css") }} {{ asset("a b+ü.txt") }}')
    client = serve({"/": "home.html", "/static": Static("static")})
    css, odd = client.get("/").text.split(" ")
    assert client.get(css).text == CSS
    assert odd.startswith("/static/a%20b+%C3%BC.")
    assert client.get(odd).headers["cache-control"].endswith("immutable")


def test_an_asset_follows_its_file(folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed file has another URL at once; the old one still works, and is not cached."""
    at_rest(folder / "static" / "app.css", monkeypatch)
    app = App({"/static": Static("static")}, file=folder / "main.py")
    old = app.asset("app.css")
    assert app.asset("app.css") == old
    client = serve()
    assert client.get(old).headers["cache-control"].endswith("immutable")
    (folder / "static" / "app.css").write_text("b {}")
    new = app.asset("app.css")
    assert new != old
    response = client.get(old)
    assert (response.text, response.headers["cache-control"]) == ("b {}", "no-cache")
    assert client.get(new).headers["cache-control"].endswith("immutable")


def test_a_large_file_is_immutable_only_when_it_is_at_rest(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file sent from the disk could change while it is sent: one that was just changed is not immutable."""
    (folder / "static" / "big.js").write_bytes(b"x" * 100_000)
    url = asset(folder, "big.js")
    client = serve()
    assert client.get(url).headers["cache-control"] == "no-cache"
    monkeypatch.setattr(versions_module, "STABLE_SECONDS", -1.0)
    assert client.get(url).headers["cache-control"].endswith("immutable")


def test_a_file_with_a_hash_in_its_name_is_a_plain_one(serve: Serve, folder: Path) -> None:
    """An existing file takes precedence over the hash of an asset, and is revalidated."""
    (folder / "static" / "app.0123abcd.css").write_text("built")
    response = serve().get("/static/app.0123abcd.css")
    assert (response.text, response.headers["cache-control"]) == ("built", "no-cache")


def test_asset_uses_the_first_folder_with_the_file(serve: Serve, folder: Path) -> None:
    """The order is that of URLS, nested tables included."""
    (folder / "more").mkdir()
    (folder / "more" / "app.css").write_text("more")
    (folder / "more" / "only.css").write_text("only")
    urls = {"/static": Static("static"), "/site": {"/more": Static("more")}}
    assert asset(folder, "app.css", urls).startswith("/static/app.")
    url = asset(folder, "only.css", urls)
    assert url.startswith("/site/more/only.")
    assert serve(urls).get(url).text == "only"


def test_files_behind_middleware_are_private(serve: Serve, folder: Path) -> None:
    """With middleware on a folder, its responses are `private`, because it may guard them."""

    def guard() -> Iterator[None]:
        yield

    urls = {"/static": middleware(guard)(Static("static")), "/below": middleware(guard)({"/static": Static("static")})}
    client = serve(urls)
    for prefix in ("/static", "/below/static"):
        assert client.get(f"{prefix}/app.css").headers["cache-control"] == "private, no-cache"
        url = asset(folder, "app.css").replace("/static", prefix)
        assert client.get(url).headers["cache-control"] == "private, max-age=31536000, immutable"


def test_middleware_may_add_fields_to_a_file(serve: Serve) -> None:
    """Header fields that middleware adds to one response are not in the next."""

    def marking(request: Request) -> Generator[None, Any, None]:
        response: Response = yield
        response.headers["x-path"] = request.path

    client = serve({"/static": middleware(marking)(Static("static"))})
    for name in ("app.css", "app.js", "app.css"):
        assert client.get(f"/static/{name}").headers.get_all("x-path") == [f"/static/{name}"]


def test_what_observes_calls_changes_one_response_only(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that a wrapper adds to one response is not in the next, though both are the same to the server."""
    at_rest(folder / "static" / "app.css", monkeypatch)

    def mark(request: Request, route: str) -> Generator[None, Response]:
        response = yield
        response.headers.add("x-path", f"{request.path} {route}")

    client = serve(wrap_calls=[mark])
    for _ in range(3):
        response = client.get("/static/app.css")
        assert response.headers.get_all("x-path") == ["/static/app.css /static/{path...}"]


# --- side files -----------------------------------------------------------------------------------


def side(folder: Path, ending: str, data: bytes = b"compressed") -> None:
    path = folder / "static" / f"app.css{ending}"
    path.write_bytes(data)


@pytest.mark.parametrize(("coding", "ending"), [("gzip", ".gz"), ("br", ".br"), ("zstd", ".zst")])
def test_a_side_file_is_sent_to_a_client_that_accepts_it(serve: Serve, folder: Path, coding: str, ending: str) -> None:
    """With its coding, a tag of its own and the type of its file; other clients get the file, and Vary is set."""
    side(folder, ending)
    client = serve()
    packed = client.request("GET", "/static/app.css", headers={"accept-encoding": f"x, {coding}"})
    plain = client.get("/static/app.css")
    assert packed.headers["content-encoding"] == coding
    assert packed.headers["content-length"] == "10"
    assert packed.headers["content-type"] == "text/css; charset=utf-8"
    assert plain.text == CSS
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    assert not packed.headers["etag"].startswith("W/")
    reopen = {"accept-encoding": coding, "if-none-match": packed.headers["etag"]}
    assert client.get("/static/app.css", headers=reopen).status == 304
    assert client.get("/static/app.css", headers=reopen | {"accept-encoding": ""}).status == 200


def test_an_older_side_file_is_not_sent(serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A side file older than its file is ignored; when the file changes, its side file is ignored at once."""
    side(folder, ".gz")
    at_rest(folder / "static" / "app.css", monkeypatch)
    client = serve()
    accepting = {"headers": {"accept-encoding": "gzip"}}
    assert client.get("/static/app.css", **accepting).headers["content-encoding"] == "gzip"
    os.utime(folder / "static" / "app.css.gz", (LONG_AGO - 1, LONG_AGO - 1))
    assert "content-encoding" not in client.get("/static/app.css", **accepting).headers
    os.utime(folder / "static" / "app.css.gz", (LONG_AGO, LONG_AGO))
    monkeypatch.setattr(files_module, "RECHECK_SECONDS", -1.0)
    serve_again = client.get("/static/app.css", **accepting)
    assert serve_again.status == 200
    (folder / "static" / "app.css").write_text("new")
    response = client.get("/static/app.css", **accepting)
    assert (response.text, "content-encoding" in response.headers) == ("new", False)


def test_a_side_file_that_leads_out_of_the_folder_is_not_sent(serve: Serve, folder: Path) -> None:
    """A side file that links out of the folder is treated like any such file."""
    (folder / "static" / "app.css.gz").symlink_to(folder.parent / "secret.txt")
    response = serve().get("/static/app.css", headers={"accept-encoding": "gzip"})
    assert (response.text, "content-encoding" in response.headers) == (CSS, False)


def test_a_range_of_a_side_file_is_of_its_encoded_content(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges are those of the representation that the client accepts."""
    side(folder, ".gz", b"0123456789")
    at_rest(folder / "static" / "app.css", monkeypatch)
    response = serve().get("/static/app.css", headers={"accept-encoding": "gzip", "range": "bytes=2-4"})
    assert (response.status, response.headers["content-range"]) == (206, "bytes 2-4/10")


def test_a_small_file_is_compressed_once_and_cached(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without side files, small text is compressed too, under a tag of its own; ranges are not."""
    path = folder / "static" / "app.css"
    path.write_text(CSS * 500)
    at_rest(path, monkeypatch)
    client = serve()
    accepting = {"accept-encoding": "gzip"}
    packed, plain = client.get("/static/app.css", headers=accepting), client.get("/static/app.css")
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 500
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    assert client.get("/static/app.css", headers=accepting | {"if-none-match": packed.headers["etag"]}).status == 304
    part = client.get("/static/app.css", headers=accepting | {"range": "bytes=0-3"})
    assert (part.status, part.content, part.headers["etag"]) == (206, b"body", plain.headers["etag"])
    url = asset(folder, "app.css")
    assert client.get(url, headers=accepting).headers["cache-control"].endswith("immutable")
    path.write_text("new")
    assert client.get("/static/app.css", headers=accepting).text == "new"


def test_incompressible_files_are_sent_as_they_are(serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures, tiny files and noise are not compressed."""
    monkeypatch.setattr(versions_module, "STABLE_SECONDS", -1.0)
    (folder / "static" / "photo.jpg").write_bytes(b"x" * 5000)
    (folder / "static" / "noise.txt").write_bytes(os.urandom(5000))
    client = serve()
    for name in ("photo.jpg", "noise.txt", "app.css"):
        assert "content-encoding" not in client.get(f"/static/{name}", headers={"accept-encoding": "gzip"}).headers


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_has_its_index_or_nothing(serve: Serve) -> None:
    """With a trailing slash it is its index.html, without one it redirects there; files are never listed."""
    client = serve()
    assert client.get("/static/docs/").text == "<h1>docs</h1>"
    response = client.get("/static/docs?a=1")
    assert (response.status, response.headers["location"]) == (308, "./docs/?a=1")
    assert client.get("/static/docs?a=1", follow_redirects=True).text == "<h1>docs</h1>"
    for path in ("/static/", "/static/docs/deep/", "/static/docs/deep", "/static/app.css/", "/static/docs//"):
        assert client.get(path).status == 404, path
    assert client.get("/static").headers["location"] == "/static/"


@pytest.mark.parametrize("raw", ["//evil.example", "/%2fevil.example", "/%5cevil.example", "/\\evil.example"])
def test_the_redirect_to_a_folder_stays_on_this_site(folder: Path, raw: str) -> None:
    """Whatever the path begins with, no response redirects a client to another site."""
    (folder / "static" / "evil.example").mkdir()
    (folder / "static" / "evil.example" / "index.html").write_text("x")
    with LiveServer(App({"/": Static("static")}, file=folder / "main.py")) as server:
        for target in (raw, f"{raw}/..", f"/docs{raw}"):
            head = send(server, target.encode()).partition(b"\r\n\r\n")[0].lower()
            assert b"location: /" not in head
            assert b"location: http" not in head


def test_a_folder_at_the_root_does_not_hide_views(serve: Serve, folder: Path) -> None:
    """Files are the least specific routes; a key with {path...} leaves "/" to a view."""
    (folder / "static" / "robots.txt").write_text("robots")
    (folder / "static" / "about").write_text("never")
    client = serve({"/": "Home", "/about": "About us", "/{path...}": Static("static")})
    assert client.get("/robots.txt").text == "robots"
    assert "<h1>About us</h1>" in client.get("/about").text
    assert "<h1>Home</h1>" in client.get("/").text
    assert client.get("/docs/").text == "<h1>docs</h1>"
    assert client.get("/nothing").status == 404


def test_a_single_file_may_have_a_url(serve: Serve) -> None:
    """`Static` of a file serves it at its key."""
    client = serve({"/style": Static("static/app.css"), "/static": Static("static")})
    response = client.get("/style")
    assert (response.text, response.headers["content-type"]) == (CSS, "text/css; charset=utf-8")
    assert client.get("/style/app.css").status == 404
    assert client.get("/style/").headers["location"] == "/style"


# --- hostile paths --------------------------------------------------------------------------------


def send(server: LiveServer, target: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return read_all(client, or_reset=True)


HOSTILE = [
    *(b"/static/../main.py", b"/static/docs/../../main.py", b"/static/./app.css", b"/static/../../secret.txt"),
    *(b"/static/%2e%2e/main.py", b"/static/%2E%2E/main.py", b"/static/.%2e/main.py", b"/static/%2e./main.py"),
    *(b"/static/..%2fmain.py", b"/static/%2e%2e%2fmain.py", b"/static/docs%2f..%2f..%2fmain.py"),
    *(b"/static/docs%2findex.html", b"/static/docs%2Fdeep%2Fpage.html", b"/static%2fapp.css", b"/static/%2fapp.css"),
    *(b"/static/..%5cmain.py", b"/static/..\\main.py", b"/static/docs\\index.html", b"/static/docs%5cindex.html"),
    *(b"/static/%252e%252e/main.py", b"/static/%252e%252e%252fmain.py", b"/static/..%252fmain.py"),
    *(b"/static/%c0%ae%c0%ae/main.py", b"/static/%c0%af../main.py", b"/static/%e0%80%ae%e0%80%ae/main.py"),
    *(b"/static/%uff0e%uff0e/main.py", b"/static/..%c1%9cmain.py", b"/static/%ef%bc%8e%ef%bc%8e/main.py"),
    *(b"/static/\xc0\xae\xc0\xae/main.py", b"/static/app.css\xff", b"/static/%ff", b"/static/%"),
    *(b"/static/app.css%00", b"/static/app.css%00.html", b"/static/%00", b"/static/docs/%00", b"/static/a\x00b"),
    *(
        b"/static//etc/passwd",
        b"/static///etc/passwd",
        b"/static//app.css",
        b"//static/app.css",
        b"/static/%2fetc/passwd",
    ),
    *(b"/static/c:/windows/win.ini", b"/static/C%3A%5Cwin.ini", b"/static/app.css::$DATA", b"/static/app.css:x"),
    *(b"/static/con", b"/static/nul.css", b"/static/aux", b"/static/COM1", b"/static/lpt1.txt", b"/static/app.css."),
    *(
        b"/static/.env",
        b"/static/%2eenv",
        b"/static/.git/config",
        b"/static/%2egit/config",
        b"/static/.well-known/.env",
    ),
    *(b"/static/.", b"/static/..", b"/static/...", b"/static/.../", b"/static/~root", b"/static/app.css/../app.css"),
    *(
        b"/static-private/secret.txt",
        b"/static/../static-private/secret.txt",
        b"/static..%2fmain.py",
        b"/staticapp.css",
    ),
    *(b"/static/app.css/", b"/static/app.css/x", b"/static/app.css;a=1", b"/static/app.css%20", b"/static/%20app.css"),
    *(b"/static/app.css%0d%0aset-cookie:a=b", b"/static/%0a", b"/static/a%7f", b"/static/file:///etc/passwd"),
    *(b"/STATIC/app.css", b"/static/APP.css.", b"/static/out/secret.txt", b"/static/out.txt", b"/static/abs.txt"),
    *(b"/static/pipe", b"/static/loop", b"/static/hidden.txt", b"/static/device", b"/static/dangling"),
    *(
        b"/static/.ssh/..%2f.env",
        b"/static/" + b"a/" * 200 + b"b",
        b"/static/" + b"a" * 5000,
        b"/static/" + b"%2e" * 200,
    ),
    *(b"/static/.00000000.env", b"/static/.env.00000000", b"/static/out.00000000.txt", b"/static/..00000000./main.py"),
]


@pytest.fixture
def traps(folder: Path) -> Path:
    """Put symlinks out of the folder and special files into it."""
    static = folder / "static"
    (static / "out").symlink_to("../..")
    (static / "out.txt").symlink_to("../../secret.txt")
    (static / "abs.txt").symlink_to(folder.parent / "secret.txt")
    (static / "loop").symlink_to("loop")
    (static / "dangling").symlink_to("nowhere")
    (static / "hidden.txt").symlink_to(".env")
    (static / "device").symlink_to("/dev/zero")
    os.mkfifo(static / "pipe")
    return folder


def test_no_path_leads_out_of_the_folder(traps: Path) -> None:
    """Raw bytes in every known spelling of a traversal get 400 or 404, at once."""
    with LiveServer(App({"/static": Static("static")}, file=traps / "main.py")) as server:
        for target in HOSTILE:
            response = send(server, target)
            assert response.split(b" ", 2)[1] in (b"400", b"404"), (target, response[:300])
            for secret in (b"secret", b"teal", b"<h1>docs", b"root:", str(traps).encode()):
                assert secret not in response, target
        assert b"teal" in send(server, b"/static/app.css")
        assert b"teal" in send(server, b"/static/%61pp.css")
        assert b"Contact" in send(server, b"/static/.well-known/security.txt")


def test_no_path_leads_out_of_a_folder_at_the_root(traps: Path) -> None:
    """A folder at "/" is as closed as another."""
    with LiveServer(App({"/": Static("static")}, file=traps / "main.py")) as server:
        for target in HOSTILE:
            raw = target.replace(b"/static", b"", 1) or b"/"
            if not raw.startswith(b"/"):
                raw = b"/" + raw
            response = send(server, raw)
            for secret in (b"secret", b"root:", str(traps).encode()):
                assert secret not in response, raw


def test_outside_files_look_like_missing_ones(traps: Path) -> None:
    """A link out of the folder has the same response whether its target exists or not."""
    (traps / "static" / "no.txt").symlink_to("../../nothing.txt")
    with LiveServer(App({"/static": Static("static")}, file=traps / "main.py")) as server:
        there, nowhere = (send(server, f"/static/{each}.txt".encode()) for each in ("out", "no"))
        assert there.partition(b"\r\n\r\n")[2] == nowhere.partition(b"\r\n\r\n")[2]


def test_a_link_that_is_changed_later_is_not_followed(
    folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache of files is by the file itself, not by its name."""
    path = folder / "static" / "app.css"
    at_rest(path, monkeypatch)
    os.utime(folder.parent / "secret.txt", (LONG_AGO, LONG_AGO))
    client = serve()
    assert client.get("/static/app.css").status == 200
    path.unlink()
    path.symlink_to(folder.parent / "secret.txt")
    assert client.get("/static/app.css").status == 404
    big = folder / "static" / "big.bin"
    big.write_bytes(b"x" * 100_000)
    assert client.get("/static/big.bin").status == 200
    big.unlink()
    (folder.parent / "big-secret").write_bytes(b"s" * 100_000)
    big.symlink_to(folder.parent / "big-secret")
    assert client.get("/static/big.bin").status == 404


def test_invented_urls_are_not_cached(folder: Path) -> None:
    """Many spellings and versions of a name take no memory."""
    app = App({"/static": Static("static")}, file=folder / "main.py")
    with Client(app) as client:
        for number in range(300):
            client.get(f"/static/app.{number:08x}.css")
            client.get(f"/static/nothing{number}")
            client.get("/static/%61pp.css")
    assert len(cache_of(app)) <= 1


def cache_of(app: App) -> FileCache:
    (files,) = app.statics._files.values()
    assert files is not None
    return files.cache


def test_a_name_that_must_be_encoded_is_cached_in_its_one_right_spelling(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`a%20b+%C3%BC.txt` is how browsers write it; other spellings of it take no memory."""
    at_rest(folder / "static" / "a b+ü.txt", monkeypatch)
    app = App({"/static": Static("static")}, file=folder / "main.py")
    with Client(app) as client:
        for path, kept in (("/static/%61%20b+%C3%BC.txt", 0), ("/static/a%20b+%C3%BC.txt", 1)):
            assert client.get(path).text == "odd"
            assert len(cache_of(app)) == kept


def test_the_memory_of_a_folder_can_be_limited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `cache_bytes=0` no content stays in memory, and files are served all the same."""
    at_rest(folder / "static" / "app.css", monkeypatch)
    app = App({"/static": Static("static", cache_bytes=0)}, file=folder / "main.py")
    with Client(app) as client:
        assert [client.get("/static/app.css").text for _ in range(2)] == [CSS, CSS]
    assert cache_of(app).bytes_in_memory == 0


def test_files_that_can_not_be_opened_are_a_503(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file descriptors the response is 503, and the file is served again when there are some."""
    client = serve()
    with monkeypatch.context() as patch:

        def refuse(*_: object, **__: object) -> int:
            raise OSError(24, "Too many open files")

        patch.setattr(os, "open", refuse)
        assert client.get("/static/app.css").status == 503
    assert client.get("/static/app.css").status == 200


def test_a_file_in_a_thread_is_served_the_same(serve: Serve) -> None:
    """A folder works beside views of every lane."""

    @lane("thread")
    def slow() -> str:
        return "slow"

    client = serve({"/slow": slow, "/static": Static("static")})
    assert (client.get("/slow").text, client.get("/static/app.css").text) == ("slow", CSS)


def test_the_test_client_does_not_decode(serve: Serve, folder: Path) -> None:
    """The compressed content decodes to the file."""
    side(folder, ".gz", gzip.compress(CSS.encode()))
    response = serve().get("/static/app.css", headers={"accept-encoding": "gzip"})
    assert gzip.decompress(getattr(response, "raw_content", response.content)).decode() == CSS
