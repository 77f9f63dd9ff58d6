"""Path traversal, and pages that disclose too much, by class of flaw."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.speed import PATIENCE

from fanlight import App, render
from fanlight.testing import LiveServer

Get = Callable[..., tuple[int, str, bytes]]


@pytest.mark.parametrize("path", ["..%2f..%2fsecret", "%2e%2e%2fsecret", "..%5csecret", "a%2fb"])
def test_traversal_by_encoded_slashes(get: Get, path: str) -> None:
    """An encoded slash is part of a segment, and no separator."""
    status, _, content = get(f"/segment/{path}")
    assert status in (200, 400, 404)
    if status == 200:
        assert json.loads(content)["name"].count("/") >= path.lower().count("%2f")


@pytest.mark.parametrize("path", ["/rest/../secret", "/rest/%2e%2e/secret", "/./secret", "/rest//../../secret"])
def test_traversal_by_dot_segments(get: Get, path: str) -> None:
    """Dot segments are not resolved: a path means the same to a proxy in front and to the table."""
    _, _, content = get(path)
    assert content != b"secret"
    assert b"<h1>secret</h1>" not in content


@pytest.mark.parametrize("path", ["/segment/a%00b", "/secret%00.html", "/%00"])
def test_a_null_in_a_path(get: Get, path: str) -> None:
    """An encoded NUL does not truncate a path."""
    status, _, content = get(path)
    assert status in (200, 400, 404)
    assert b"<h1>secret</h1>" not in content


@pytest.mark.parametrize(
    "name", ["../secret.html", "/etc/passwd", "a/../../secret.html", "..\\secret.html", "a\x00.html"]
)
def test_traversal_by_a_template_name(tmp_path: Path, name: str) -> None:
    """A template is only found in its folder; another name is an error, not a file."""
    folder = tmp_path / "site"
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / "home.html").write_text("home")
    (tmp_path / "secret.html").write_text("the secret")
    (folder / "secret.html").write_text("the secret")
    app = App({"/": lambda: render(name)}, templates=folder / "templates")
    with LiveServer(app) as site:
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 500
        assert b"secret" not in response.read().replace(name.encode(), b"")
        connection.close()


def test_a_debug_console_in_an_error_page(get: Get) -> None:
    """The page of an exception has neither its text, values or files, nor any way to run code."""
    status, _, content = get("/broken", "Accept: text/html", "Host: localhost")
    assert status in (500, 400)
    for secret in (b"hunter2", b"Traceback", b"conftest", b"password"):
        assert secret not in content


def test_disclosure_by_problem_details(get: Get) -> None:
    """The same error as JSON discloses no more."""
    status, head, content = get("/broken", "Accept: application/json")
    assert (status, "application/problem+json" in head) == (500, True)
    assert b"hunter2" not in content


def test_an_upload_that_names_its_own_path(get: Get) -> None:
    """A client's file name is kept as metadata, and has no effect on where the file is stored."""
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../etc/cron.d/x"\r\n\r\nx\r\n--b--\r\n'
    status, _, content = get("/upload", "Content-Type: multipart/form-data; boundary=b", method="POST", content=part)
    assert status == 200
    assert json.loads(content)["size"] == 1
    assert not Path("/etc/cron.d/x").exists()
