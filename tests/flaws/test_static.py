"""Folders of files that disclosed more than their files, by class of flaw."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.sockets import read_all
from tests.speed import PATIENCE

from fanlight import App, Static
from fanlight.pages.static.file_names import segments_of
from fanlight.testing import LiveServer

Get = Callable[..., tuple[int, bytes, bytes]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a site's folder with files, and secrets around it."""
    site = tmp_path / "site"
    (site / "static" / "docs").mkdir(parents=True)
    (site / "static" / "app.css").write_text("teal " * 100)
    (site / "static" / "docs" / "index.html").write_text("docs")
    (site / "static-private").mkdir()
    for path in (
        tmp_path / "secret.txt",
        site / "main.py",
        site / "static-private" / "secret.txt",
        site / "index.html",
    ):
        path.write_text("secret")
    return site


@pytest.fixture
def get(site: Path) -> Iterator[Get]:
    """Return a function that requests a raw target and returns status, head and content."""
    with LiveServer(App({"/static": Static("static")}, file=site / "main.py")) as server:

        def get_target(target: str, line: str = "") -> tuple[int, bytes, bytes]:
            head = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{line}\r\n"
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
                client.sendall(head.encode("latin-1"))
                response = read_all(client, or_reset=True)
            top, _, content = response.partition(b"\r\n\r\n")
            assert b"secret" not in response
            return int(top.split(b" ")[1]), top, content

        yield get_target


@pytest.mark.parametrize(
    "path",
    [
        *("../main.py", "%2e%2e/main.py", "docs/../../main.py", "..%2fmain.py", "%2e%2e%2f%2e%2e%2fsecret.txt"),
        *(
            "..%5cmain.py",
            "%252e%252e%252fmain.py",
            "%c0%ae%c0%ae/main.py",
            "..%c0%afmain.py",
            "docs%2f..%2f..%2fmain.py",
        ),
    ],
)
def test_static_traversal(get: Get, path: str) -> None:
    """No spelling of `..` leaves the folder."""
    assert get(f"/static/{path}")[0] in (400, 404)


@pytest.mark.parametrize("path", ["docs%2findex.html", "docs%2Findex.html", "docs%5cindex.html"])
def test_static_lateral_folders(get: Get, path: str) -> None:
    """An encoded slash does not lead into a folder that a rule of a proxy guards by its path."""
    assert get(f"/static/{path}")[0] == 404
    assert get("/static/docs/index.html")[2] == b"docs"


@pytest.mark.parametrize("path", ["%00", "docs%00", "app.css%00.html", "docs/%00"])
def test_static_null(get: Get, path: str) -> None:
    """A NUL does not truncate a path, so no index of a parent folder is served."""
    assert get(f"/static/{path}")[0] == 400


def test_static_sibling_with_the_same_prefix(site: Path, get: Get) -> None:
    """A folder whose name begins with that of the served one is not served, by its path or by a link."""
    (site / "static" / "link").symlink_to("../static-private")
    for target in ("/static-private/secret.txt", "/static/../static-private/secret.txt", "/static/link/secret.txt"):
        assert get(target)[0] == 404


def test_static_links_out_of_the_folder(site: Path, tmp_path: Path, get: Get) -> None:
    """Links to files or folders outside are not followed, relative or absolute."""
    (site / "static" / "up").symlink_to("..")
    (site / "static" / "file.txt").symlink_to(tmp_path / "secret.txt")
    for target in ("/static/up/main.py", "/static/up/static-private/secret.txt", "/static/file.txt"):
        assert get(target)[0] == 404


def test_static_compressed_variant_out_of_the_folder(site: Path, tmp_path: Path, get: Get) -> None:
    """A compressed variant that is a link to the outside is not sent in place of its file."""
    for ending in (".gz", ".br", ".zst"):
        (site / "static" / f"app.css{ending}").symlink_to(tmp_path / "secret.txt")
    status, head, content = get("/static/app.css", "Accept-Encoding: gzip, br, zstd\r\n")
    assert status == 200
    if b"content-encoding" not in head:  # else the server has compressed it
        assert content.startswith(b"teal")


def test_static_existence_of_outside_paths(site: Path, tmp_path: Path, get: Get) -> None:
    """The response for a path outside is the same, whether the file exists or not."""
    (site / "static" / "there").symlink_to(tmp_path / "secret.txt")
    (site / "static" / "nowhere").symlink_to(tmp_path / "nothing.txt")
    pairs = [
        ("/static/there", "/static/nowhere"),
        ("/static/../main.py", "/static/../nothing.py"),
        ("/static//etc/passwd", "/static//etc/nothing"),
    ]
    for there, nowhere in pairs:
        first, second = get(there), get(nowhere)
        assert (first[0], first[2]) == (second[0], second[2]) == (404, first[2])


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "%2f%2fhost%2fshare", "\\\\host\\share"]
)
def test_static_absolute_paths(get: Get, path: str) -> None:
    """An absolute path, or one on another machine, is not found."""
    assert get(f"/static/{path}")[0] == 404


@pytest.mark.parametrize(
    "name", ["con", "NUL.txt", "aux.js", "com1", "LPT9.css", "c:", "c:x", "a::$DATA", "a.", "a ", "G~1"]
)
def test_static_windows_names(name: str) -> None:
    """Devices, drives, streams and alternative names are refused on systems that have them."""
    assert segments_of(name, is_windows=True) is None
    assert segments_of(f"docs/{name}", is_windows=True) is None


def test_static_no_list_of_files(site: Path, get: Get) -> None:
    """Files are not listed, so no name of a file can be a script in a list."""
    (site / "static" / "<script>alert(1)<").mkdir()
    for target in ("/static/", "/static/%3Cscript%3Ealert(1)%3C/", "/static/%3Cscript%3Ealert(1)%3C"):
        status, _, content = get(target)
        assert status == 404
        assert b"<script>alert" not in content


@pytest.mark.parametrize("target", ["//evil.example/static/docs", "/static//evil.example", "/static/docs", "/static"])
def test_static_open_redirect(get: Get, target: str) -> None:
    """The redirect to a folder's slash stays on this site."""
    status, head, _ = get(target)
    assert status in (308, 404)
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"location:"):
            assert line in (b"location: ./docs/", b"location: /static/")
