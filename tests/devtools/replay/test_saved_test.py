"""Tests that are written from exchanges."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest
from fanlight.devtools.inspector.replay.response_reader import ReadResponse
from fanlight.devtools.inspector.replay.saved_test import (
    add_test,
    fields_for_test,
    request_of_test,
    site_import,
    write_test,
)

SITE = site_import("main", "app")
REQUEST = RawRequest(
    b"GET /posts?q=1 HTTP/1.1\r\nHost: x\r\nCookie: id=geheim\r\nAccept: */*\r\n\r\n", "GET", "/posts?q=1"
)


def response(content: str, kind: str = "text/html", status: int = 200) -> ReadResponse:
    return ReadResponse(status=status, fields=(("content-type", kind),), content=content.encode())


def written(*responses: ReadResponse) -> str:
    source = write_test(REQUEST, b"", responses, "test_it", SITE)
    ast.parse(source)
    return source


def test_a_test_reads_as_if_written_by_hand() -> None:
    """The test sends the request with the client, and asserts what the response was; cookies are left out."""
    assert written(response("<h1>Posts</h1>")) == (
        "def test_it():\n"
        '    """GET /posts?q=1 responds with 200."""\n'
        "    with Client(app) as client:\n"
        '        response = client.request("GET", "/posts?q=1", headers={"accept": "*/*"})\n'
        "    assert response.status == 200\n"
        '    assert response.headers["content-type"] == "text/html"\n'
        "    assert response.text == '<h1>Posts</h1>'\n"
    )


def test_what_changes_between_two_responses_is_not_asserted() -> None:
    """Lines that differ, and those with dates and ids, are left out; what stays is asserted line by line."""
    source = written(
        response("<h1>Posts</h1>\n<p>7 visits\n<p>2026-11-29 10:00"), response("<h1>Posts</h1>\n<p>8 visits")
    )
    assert '"<h1>Posts</h1>" in response.text' in source
    assert "visits" not in source
    assert "2026" not in source


def test_documents_are_asserted_as_documents() -> None:
    """A JSON response is compared as a document; of one that changes, the members that stay."""
    kind = "application/json"
    assert 'response.json() == {"a": 1}'.replace('"', "'") in written(response('{"a": 1}', kind))
    source = written(response('{"a": 1, "n": 1}', kind), response('{"a": 1, "n": 2}', kind))
    assert 'response.json()["a"] == 1' in source
    assert '["n"]' not in source


def test_a_response_full_of_quotes_is_asserted() -> None:
    """Whatever a page has in it, the test is valid Python, and it is text in it."""
    text = 'a"b\'c\\d"""\n{x}\n</script>'
    tree = ast.parse(written(response(text)))
    assert text in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_a_target_full_of_quotes_is_asserted() -> None:
    """A hostile target can't end the docstring, or begin code."""
    request = RawRequest(b'GET /"""\\ HTTP/1.1\r\n\r\n', "GET", '/"""\\')
    ast.parse(write_test(request, b"", [response("")], "test_it", SITE))


def test_tests_are_added_to_one_file(tmp_path: Path) -> None:
    """Each test has a name of its own, and what the author has written stays."""
    file = tmp_path / "test_recorded.py"
    for status in (200, 200, 404):
        add_test(file, REQUEST, b"", [response("", status=status)], SITE)
    file.write_text(file.read_text().replace("Requests that", "My requests that"))
    add_test(file, REQUEST, b"", [response("")], SITE)
    tree = ast.parse(file.read_text())
    names = [each.name for each in tree.body if isinstance(each, ast.FunctionDef)]
    assert names == ["test_get_posts", "test_get_posts_2", "test_get_posts_404", "test_get_posts_3"]
    assert (ast.get_docstring(tree) or "").startswith("My requests")


def test_a_site_without_an_app_is_made_of_its_table() -> None:
    """A file that only has URLS is imported as the commands do it."""
    assert site_import("pkg.main", "").app == "App(pkg.main.URLS, file=pkg.main.__file__)"
    assert site_import("main", "create_app()").lines == ("from main import create_app",)


def test_content_is_part_of_the_test() -> None:
    """A form is sent by the test as it was sent, with its media type."""
    data = b"POST /s HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1"
    request = RawRequest(data, "POST", "/s")
    source = write_test(request, b"a=1", [response("")], "test_it", SITE)
    assert "content=b'a=1'" in source
    assert '"content-type": "application/x-www-form-urlencoded"' in source
    assert request_of_test(request, b"a=1").data.endswith(b"content-length: 3\r\n\r\na=1")


def test_what_is_no_request_can_not_be_tested_by_the_client() -> None:
    """A broken message is refused, with what to write instead."""
    with pytest.raises(CannotReplay, match="raw bytes"):
        request_of_test(RawRequest(b"nonsense", "", ""), b"")


def test_only_lines_with_text_are_asserted() -> None:
    """Of a page the lines that have something to read are asserted, and not each tag."""
    page = "<!doctype html>\n<html lang=en>\n<body>\n<h1>Posts</h1>\n" + "<p>x</p>\n" * 60
    source = written(response(page))
    assert source.count(" in response.text") == 2
    assert '"<h1>Posts</h1>" in response.text' in source


def test_what_a_browser_accepts_is_short() -> None:
    """The long list of a browser's Accept is text/html in a test."""
    data = b"GET / HTTP/1.1\r\nAccept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n\r\n"
    assert fields_for_test(RawRequest(data, "GET", "/")) == [("accept", "text/html")]
