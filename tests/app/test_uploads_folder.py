"""A folder of files that visitors have sent: `Static("uploads", uploads=True)`, and one such file from a view."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.pictures import samples

from fanlight import App, Static, file_response
from fanlight.errors import Mistake, NoSuchURL, SetupError
from fanlight.message.media_types import BY_EXTENSION, INERT_MEDIA, essence_of
from fanlight.message.with_middleware import middleware
from fanlight.pages.static import versions
from fanlight.testing import Client, ClientResponse

EVIL = b"<!doctype html><script>alert(1)</script>"
URLS = {"/uploads": Static("uploads", uploads=True), "/static": Static("static")}
Serve = Callable[..., Client]
Wrong = Callable[..., list[Mistake]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a site's folder, with a folder of uploaded files and one of its own."""
    site = tmp_path / "site"
    (site / "uploads" / "docs").mkdir(parents=True)
    (site / "uploads" / ".well-known" / "acme-challenge").mkdir(parents=True)
    (site / "static").mkdir()
    (site / "main.py").write_text("secret = 1")
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("docs/index.html", "index.html", "app.css", ".htaccess", ".well-known/acme-challenge/x"):
        (site / "uploads" / name).write_bytes(EVIL)
    (site / "static" / "app.js").write_text("1")
    return site


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Return a function that serves URLS from the folder, and returns a client."""
    with ExitStack() as stack:

        def start(urls: Any = URLS, **settings: Any) -> Client:
            return stack.enter_context(Client(App(urls, file=folder / "main.py", **settings)))

        yield start


@pytest.fixture
def wrong(folder: Path) -> Wrong:
    """Return a function that returns the mistakes of a table."""

    def find(urls: Any) -> list[Mistake]:
        with pytest.raises(SetupError) as caught:
            App(urls, file=folder / "main.py")
        return list(caught.value.mistakes)

    return find


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files count as unchanged for long, so that they support ranges."""
    monkeypatch.setattr(versions, "STABLE_SECONDS", -1.0)


def is_download(response: ClientResponse, name: str) -> bool:
    fields = response.headers
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["cross-origin-resource-policy"] == "same-site"
    assert fields["content-security-policy"].startswith("default-src 'none'")
    assert "sandbox" in fields["content-security-policy"]
    assert "allow-scripts" not in fields["content-security-policy"]
    if "content-disposition" not in fields:
        return False
    assert fields["content-disposition"].startswith(f'attachment; filename="{name}"')
    assert fields["content-type"] == "application/octet-stream"
    assert fields["content-security-policy"] == "default-src 'none'; sandbox"
    return True


def test_only_images_sound_and_films_are_shown(serve: Serve, folder: Path) -> None:
    """Every other extension of the table, and one that is not in it, is a download of bytes."""
    client = serve()
    shown = set()
    for extension in (*BY_EXTENSION, "", "php", "weird", "HTML", "Svg", "png "):
        name = f"a.{extension}" if extension else "a"
        (folder / "uploads" / name).write_bytes(EVIL)
        response = client.get(f"/uploads/{name.replace(' ', '%20')}")
        assert (response.status, response.content) == (200, EVIL)
        if not is_download(response, name):
            shown.add(response.headers["content-type"])
    assert shown == INERT_MEDIA
    assert not {each for each in shown if each.endswith("xml") or not each.startswith(("image/", "audio/", "video/"))}


def test_every_type_that_is_shown_has_an_extension() -> None:
    """The list has no type that no file gets."""
    assert {essence_of(each) for each in BY_EXTENSION.values()} >= INERT_MEDIA


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.mp3"])
def test_a_page_with_the_name_of_a_picture_is_a_picture(serve: Serve, folder: Path, name: str) -> None:
    """Its type follows from its name, and no browser may guess another one."""
    (folder / "uploads" / name).write_bytes(EVIL)
    response = serve().get(f"/uploads/{name}")
    assert response.headers["content-type"] in INERT_MEDIA
    assert not is_download(response, name)


@pytest.mark.parametrize("size", [100, 200_000])
@pytest.mark.usefixtures("at_rest")
def test_the_fields_are_on_every_response_to_a_file(serve: Serve, folder: Path, size: int) -> None:
    """Also to HEAD, to a range, and for a large file that is sent from the disk."""
    (folder / "uploads" / "a.html").write_bytes(EVIL.ljust(size))
    client = serve()
    for method, fields, status in (
        ("GET", {}, 200),
        ("HEAD", {}, 200),
        ("GET", {"range": "bytes=0-9"}, 206),
        ("GET", {"accept-encoding": "gzip, br, zstd"}, 200),
    ):
        response = client.request(method, "/uploads/a.html", headers=fields)
        assert response.status == status
        assert is_download(response, "a.html")
        assert "content-encoding" not in response.headers


@pytest.mark.usefixtures("at_rest")
def test_a_picture_is_cached_and_can_be_resumed(serve: Serve, folder: Path) -> None:
    """It has a tag and a date, and supports ranges, as every file."""
    (folder / "uploads" / "a.png").write_bytes(samples()["png"])
    client = serve()
    first = client.get("/uploads/a.png")
    assert (first.content, first.headers["content-type"]) == (samples()["png"], "image/png")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/uploads/a.png", headers={"if-none-match": first.headers["etag"]}).status == 304
    assert client.get("/uploads/a.png", headers={"range": "bytes=1-3"}).content == b"PNG"


def test_a_file_beside_another_is_no_form_of_it(serve: Serve, folder: Path) -> None:
    """Someone may upload a.png.gz: it is not sent in place of a.png."""
    (folder / "uploads" / "a.png").write_bytes(samples()["png"])
    for ending in (".gz", ".br", ".zst"):
        (folder / "uploads" / f"a.png{ending}").write_bytes(gzip.compress(EVIL))
    response = serve().get("/uploads/a.png", headers={"accept-encoding": "gzip, br, zstd"})
    assert (response.content, "content-encoding" in response.headers) == (samples()["png"], False)
    assert "vary" not in response.headers


@pytest.mark.parametrize("path", ["/uploads/", "/uploads/docs/", "/uploads/docs", "/uploads//"])
def test_a_folder_has_no_page(serve: Serve, path: str) -> None:
    """An uploaded index.html is not the page of its folder, and no folder is redirected to."""
    assert serve().get(path).status == 404


def test_an_uploaded_index_is_a_download(serve: Serve) -> None:
    """Under its own name it is a file like any other."""
    assert is_download(serve().get("/uploads/docs/index.html"), "index.html")


@pytest.mark.parametrize(
    "path",
    [
        *("..%2fsecret.txt", "%2e%2e/secret.txt", "..%2f..%2fsecret.txt", "docs/..%2f..%2fmain.py", "..\\secret.txt"),
        *("%2e%2e%5csecret.txt", "..%c0%afsecret.txt", "a%00.png", ".htaccess", "%2ehtaccess", "docs/./index.html"),
        *(".well-known/acme-challenge/x", "%2ewell-known/acme-challenge/x", "/etc/passwd", "link.txt", "linked/x.txt"),
        *("%252e%252e/secret.txt", "docs%2f..%2f..%2fstatic%2fapp.js"),
    ],
)
def test_nothing_else_is_served(serve: Serve, folder: Path, path: str) -> None:
    """No spelling of a path leaves the folder; what is hidden stays so, and `.well-known` is the site's own affair."""
    (folder / "uploads" / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "outside").mkdir()
    (folder / "outside" / "x.txt").write_text("secret")
    (folder / "uploads" / "linked").symlink_to(folder / "outside")
    response = serve().get(f"/uploads/{path}")
    assert response.status in (400, 404)
    assert "secret" not in response.text


def test_an_odd_name_is_quoted(serve: Serve, folder: Path) -> None:
    """A name with quotes, or in another script, can't add to the fields of a download."""
    for name, written in (
        ('a";x=".html', "a%22%3Bx%3D%22.html"),
        ("ü.html", "%C3%BC.html"),
        ("a%0d.html", "a%250d.html"),
    ):
        (folder / "uploads" / name).write_bytes(EVIL)
        response = serve().get(f"/uploads/{written}")
        assert response.status == 200
        assert response.headers["content-disposition"].count('"') == 2


def test_an_uploaded_file_is_no_asset(folder: Path) -> None:
    """Else an uploaded app.css would be the site's own, from the first folder in URLS that has it."""
    app = App(URLS, file=folder / "main.py")
    assert app.asset("app.js").startswith("/static/app.")
    with pytest.raises(NoSuchURL, match="there is no asset"):
        app.asset("app.css")


def test_a_name_with_a_fingerprint_is_a_name(serve: Serve, folder: Path) -> None:
    """A file has one address."""
    (folder / "uploads" / "a.png").write_bytes(samples()["png"])
    client = serve()
    assert client.get("/uploads/a.00000000.png").status == 404
    (folder / "uploads" / "a.00000000.png").write_bytes(samples()["gif"])
    assert client.get("/uploads/a.00000000.png").content == samples()["gif"]


def test_it_may_be_for_some_visitors_only(serve: Serve, folder: Path) -> None:
    """With middleware it is private, as every folder."""

    def guard(_: object) -> Iterator[None]:
        yield

    (folder / "uploads" / "a.png").write_bytes(samples()["png"])
    client = serve({"/uploads": middleware(guard)(Static("uploads", uploads=True))})
    assert client.get("/uploads/a.png").headers["cache-control"] == "private, no-cache"


def test_a_view_sends_an_uploaded_file_alike(serve: Serve, folder: Path) -> None:
    """`file_response(..., uploaded=True)` has the fields of such a folder, under the name of the view's choice."""
    (folder / "uploads" / "a.html").write_bytes(EVIL)
    (folder / "uploads" / "a.png").write_bytes(samples()["png"])
    uploads = folder / "uploads"
    client = serve(
        {
            "/page": lambda: file_response(uploads / "a.html", uploaded=True),
            "/claimed": lambda: file_response(uploads / "a.html", uploaded=True, media_type="text/html"),
            "/named": lambda: file_response(uploads / "a.html", uploaded=True, download_as="Report.html"),
            "/picture": lambda: file_response(uploads / "a.png", uploaded=True),
            "/saved": lambda: file_response(uploads / "a.png", uploaded=True, download_as="b.png"),
        }
    )
    assert is_download(client.get("/page"), "a.html")
    assert is_download(client.get("/claimed"), "a.html")
    assert is_download(client.get("/named"), "Report.html")
    picture, saved = client.get("/picture"), client.get("/saved")
    assert not is_download(picture, "a.png")
    assert picture.headers["content-type"] == saved.headers["content-type"] == "image/png"
    assert saved.headers["content-disposition"] == 'attachment; filename="b.png"'


# --- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("own", ["static", "static/uploads", "static/./"])
def test_uploads_in_a_folder_of_the_site_are_a_mistake(wrong: Wrong, folder: Path, own: str, *, is_first: bool) -> None:
    """The outer folder would serve them as pages, whichever is written first."""
    (folder / "static" / "uploads").mkdir()
    items = [("/static", Static(own)), ("/uploads", Static("static/uploads", uploads=True))]
    (mistake,) = wrong(dict(items if is_first else items[::-1]))
    assert f"{Static(own)} would serve the files of Static('static/uploads', uploads=True) as pages" in mistake.message
    assert "a folder beside it" in mistake.hint


def test_a_folder_of_the_site_may_be_inside_one_of_uploads(folder: Path) -> None:
    """Nothing that visitors send comes there, and its own files are served as such."""
    (folder / "uploads" / "own").mkdir()
    App({"/uploads": Static("uploads", uploads=True), "/own": Static("uploads/own")}, file=folder / "main.py")


def test_a_single_file_is_no_folder_of_uploads(wrong: Wrong) -> None:
    """It is the site's own choice."""
    (mistake,) = wrong({"/a.css": Static("uploads/app.css", uploads=True)})
    assert "is a file, and uploads=True is for a folder" in mistake.message


def test_it_says_what_it_is() -> None:
    """In messages and in the list of routes."""
    assert repr(Static("uploads", uploads=True)) == "Static('uploads', uploads=True)"
    assert repr(Static("static")) == "Static('static')"
