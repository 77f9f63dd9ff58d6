"""The lesson's site, served by the command and requested by curl, nc and a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LESSON = Path(__file__).parents[2] / "examples" / "lesson" / "templates"
SITE = Path(__file__).parents[2] / "examples" / "site"
Run = Callable[..., str]
Open = Callable[..., str]


# --- curl -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "file"),
    [
        (["/"], 200, "home.html"),
        (["/blog"], 200, "blog.html"),
        (["/blog?page=2"], 200, "blog.html"),
        (["/nowhere"], 404, "error/error404.html"),
        (["/blog", "-X", "POST"], 405, "error/error405.html"),
        (["/", "-X", "DELETE"], 405, "error/error405.html"),
    ],
)
def test_curl_gets_each_page(lesson: Any, run: Run, words: list[str], status: int, file: str) -> None:
    """Curl gets every page of the lesson whole, with its status."""
    path, *options = words
    printed = run("curl", "--silent", *options, "--write-out", "\n%{http_code}", f"{lesson.url}{path}")
    page, _, code = printed.rpartition("\n")
    assert int(code) == status
    assert page.rstrip() == (LESSON / file).read_text().rstrip()


def test_curl_gets_the_allowed_methods_with_a_405(lesson: Any, run: Run) -> None:
    """A 405 response to curl has an Allow field."""
    assert "\r\nallow: GET, HEAD, OPTIONS\r\n" in run("curl", "-si", "-X", "PUT", f"{lesson.url}/blog")


def test_curl_sends_three_requests_on_one_connection(lesson: Any, run: Run) -> None:
    """A connection is kept alive: only the first of three requests connects, whatever the responses are."""
    urls = [f"{lesson.url}{path}" for path in ("/", "/nowhere", "/blog")]
    printed = run(
        "curl", "-s", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", *urls
    )
    assert printed.split() == ["1", "0", "0"]


def test_curl_in_http_1_0_gets_the_page(lesson: Any, run: Run) -> None:
    """An HTTP/1.0 client gets the page, and the connection is closed after it."""
    assert "<h1>Home</h1>" in run("curl", "-s", "--http1.0", f"{lesson.url}/")


def test_curl_head_gets_the_length_only(lesson: Any, run: Run) -> None:
    """HEAD returns the header fields of GET, Content-Length included, and no content."""
    printed = run("curl", "-sI", f"{lesson.url}/")
    assert f"content-length: {len((LESSON / 'home.html').read_bytes())}\r\n" in printed
    assert printed.endswith("\r\n\r\n")


def test_curl_by_unix_socket(serve: Any, run: Run, tmp_path: Path) -> None:
    """A site on a Unix socket is reached by `curl --unix-socket`."""
    by_socket = ("-m", "fanlight", "run", "--bind", f"unix:{tmp_path / 'site.sock'}")
    site = serve(SITE.parent / "lesson", command=by_socket)
    assert "<h1>Blog</h1>" in run("curl", "-s", "--unix-socket", str(tmp_path / "site.sock"), "http://localhost/blog")
    assert site.url == f"unix:{tmp_path / 'site.sock'}"


# --- nc -------------------------------------------------------------------------------------------


def test_a_request_typed_by_hand_gets_its_page(lesson: Any, run: Run) -> None:
    """A request of two lines sent by nc gets its page, and `Connection: close` is honoured."""
    typed = b"GET /blog HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    printed = run("nc", "-N", "127.0.0.1", lesson.port, stdin=typed)
    assert printed.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nconnection: close\r\n" in printed
    assert printed.endswith((LESSON / "blog.html").read_text())


def test_a_request_with_bare_line_feeds_is_refused_with_a_reason(lesson: Any, run: Run) -> None:
    """Without -C, nc ends lines in LF alone; the response says so at once, instead of waiting for more."""
    printed = run("nc", "-N", "127.0.0.1", lesson.port, stdin=b"GET / HTTP/1.1\nHost: localhost\n\n")
    assert printed.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "LF without CR" in printed


def test_pipelined_requests_get_responses_in_order(lesson: Any, run: Run) -> None:
    """Two requests sent at once get their responses in order."""
    typed = b"GET /blog HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    printed = run("nc", "-N", "127.0.0.1", lesson.port, stdin=typed)
    assert printed.index("<h1>Blog</h1>") < printed.index("<h1>404: not found</h1>")


def test_tls_on_the_plain_port_is_refused_with_a_reason(lesson: Any, run: Run) -> None:
    """A client that speaks TLS to the plain port gets a response that says so."""
    assert "this is TLS" in run("nc", "-N", "127.0.0.1", lesson.port, stdin=b"\x16\x03\x01\x02\x00\x01\x00")


# --- a browser ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "heading"), [("/", "Home"), ("/blog", "Blog"), ("/nowhere", "404: not found")])
def test_a_browser_shows_each_page(lesson: Any, dom_of: Open, path: str, heading: str) -> None:
    """A browser shows the pages of the lesson, its error page included."""
    assert f"<h1>{heading}</h1>" in dom_of(f"{lesson.url}{path}", heading)


def test_a_browser_sends_a_form_and_follows_the_redirect(serve: Any, dom_of: Open, tmp_path: Path) -> None:
    """A form with a file, sent by a browser, arrives whole; the browser follows the redirect to the page of thanks."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "form.html").write_text(
        '<form method="post" enctype="multipart/form-data"><input name="name" value="Ada &amp; Łukasz">'
        '<input name="note" type="file"></form><script>'
        'const files = new DataTransfer(); files.items.add(new File(["a note"], "note.txt"));'
        "document.forms[0].note.files = files.files; document.forms[0].submit()</script>"
    )
    (tmp_path / "templates" / "thanks.html").write_text("<h1>Thank you, {{ name }}: {{ note }}</h1>")
    (tmp_path / "main.py").write_text(
        "from urllib.parse import quote\n\nfrom fanlight import Upload, redirect, render\n\n\n"
        "def send(name: str, note: Upload):\n"
        '    return redirect(f"/thanks?name={quote(name)}&note={quote(note.file.read())}")\n\n\n'
        "def thanks(name: str, note: str):\n"
        '    return render("thanks.html", name=name, note=note)\n\n\n'
        'URLS = {"/form": "form.html", "POST /form": send, "/thanks": thanks}\n'
    )
    site = serve(tmp_path)
    assert "<h1>Thank you, Ada &amp; Łukasz: a note</h1>" in dom_of(f"{site.url}/form", "Thank you")
    log = site.read_until("GET /thanks")
    assert "POST /form  303" in log


def test_a_browser_follows_the_links_of_the_journal(serve: Any, dom_of: Open) -> None:
    """The link to the newest entry on the front page leads to that entry."""
    site = serve(SITE)
    front = dom_of(f"{site.url}/", "<article>")
    link = front.partition("<article>")[2].partition('href="')[2].partition('"')[0]
    assert "<h1>A desk that looks north</h1>" in dom_of(f"{site.url}{link}", "A desk")
