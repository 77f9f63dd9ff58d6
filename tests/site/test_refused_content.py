"""Content that is refused: the site's own page for browsers, problem details for programs, advice in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from fanlight import Request, Upload, limits, render
from fanlight.app.application import Application
from fanlight.message.content import ContentStream
from fanlight.message.form import FormErrors
from fanlight.message.response import Response
from fanlight.settings.limits import Limits
from fanlight.testing import Client

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = {
    "error/error413.html": "<h1>Too much for us</h1><p>{{ detail }}</p>",
    "error/error415.html": "<h1>Not like this</h1>",
    "photo.html": (
        "<form>{{ errors[''] }}|{{ errors.photo }}|{{ errors.title }}|{{ errors.posted.get('title') }}</form>"
    ),
}
RUNS: list[str] = []


@limits(content_bytes=2000)
def take(request: Request) -> str:
    RUNS.append("take")
    return str(len(request.content))


@limits(content_bytes=2000)
async def take_async(title: str) -> str:
    RUNS.append("take_async")
    return title


@limits(content_bytes=2000)
async def take_stream(stream: ContentStream) -> str:
    return str(len(await stream.read()))


@limits(content_bytes=20_000, files=1, file_bytes=1000, fields=2, field_bytes=100)
def take_form(photo: Upload, title: str = "") -> str:
    return f"{photo.size} {title}"


@limits(content_bytes=20_000, files=1, file_bytes=1000)
def photo(
    request: Request, errors: FormErrors, photo: Upload, title: Annotated[str, Meta(min_length=2)], more: list[Upload]
) -> object:
    if errors or request.method == "GET":
        assert not more
        return render("photo.html", errors=errors)
    return f"{photo.filename} {title} {len(more)}"


def middleware(request: Request) -> Any:
    response = yield
    response.headers["x-middleware"] = "was here"


async def async_middleware(request: Request) -> Any:
    response: Response = yield
    response.headers["x-middleware"] = "was here"


Serve = Callable[..., Client]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that serves the views above."""
    for name, text in PAGES.items():
        path = tmp_path / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    running: list[Client] = []
    RUNS.clear()

    def start(**options: Any) -> Client:
        urls = {
            "POST /take": take,
            "POST /async": take_async,
            "POST /stream": take_stream,
            "POST /form": take_form,
            "GET|POST /photo": photo,
        }
        client = Client(Application(urls, folder=tmp_path, **options), limits=Limits(content_bytes=50_000))
        running.append(client)
        return client.__enter__()

    yield start
    for client in running:
        client.__exit__(None, None, None)


@pytest.mark.parametrize(
    "middleware", [(), (middleware,), (async_middleware,)], ids=["bare", "middleware", "async middleware"]
)
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("path", ["/take", "/async", "/stream"])
def test_a_visitor_sees_the_sites_page(
    serve: Serve, caplog: pytest.LogCaptureFixture, path: str, middleware: Any, *, is_chunked: bool
) -> None:
    """Content over the route's limit gets the page error413.html, within the middleware; the view never runs."""
    client = serve(middleware=middleware)
    data = b"title=" + b"x" * 3000
    headers = {**BROWSER, "content-type": "application/x-www-form-urlencoded"}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            response = client.post(
                path, content=iter([data[:1000], data[1000:]]) if is_chunked else data, headers=headers
            )
            assert response.status == 413
            assert response.text == "<h1>Too much for us</h1><p>the content is over 2000 bytes</p>"
            assert response.headers.get("x-middleware") == ("was here" if middleware else "")
    assert caplog.text.count(f"raise content_bytes in the @limits of POST {path} to allow it") == 1
    assert RUNS == []
    assert client.post(path, content=b"title=x", headers=headers).status == 200


def test_a_program_gets_problem_details(serve: Serve) -> None:
    """A client that accepts JSON, or sends it, gets JSON without advice in it."""
    client = serve()
    for headers in ({"accept": "application/json"}, {"content-type": "application/json"}):
        response = client.post("/take", content=b"x" * 3000, headers=headers)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"] == "the content is over 2000 bytes"


def test_the_table_of_errors_has_the_page(serve: Serve) -> None:
    """errors={413: ...} is the page, and gets the request."""
    client = serve(errors={413: lambda error, request: f"{request.path}: {error.detail}"})
    assert client.post("/take", content=b"x" * 3000).text == "/take: the content is over 2000 bytes"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"form": {"title": "x"}, "files": {"photo": b"x" * 1001}}, "a file of the form is over 1000 bytes"),
        ({"files": {"photo": [b"1", b"2"]}}, "there are over 1 files in the form"),
        ({"form": {"title": "x" * 101}, "files": {"photo": b"1"}}, "a field of the form is over 100 bytes"),
        ({"form": {"a": "1", "b": "2", "c": "3"}, "files": {"photo": b"1"}}, "there are over 2 fields in the form"),
        ({"files": {"photo": b"x" * 30_000}}, "the content is over 20000 bytes"),
    ],
)
def test_each_limit_of_a_form_has_the_sites_page(
    serve: Serve, caplog: pytest.LogCaptureFixture, sent: dict[str, Any], said: str
) -> None:
    """Each limit of a form names itself on the page; the log has how to raise it."""
    response = serve().post("/form", headers=BROWSER, **sent)
    assert (response.status, response.text) == (413, f"<h1>Too much for us</h1><p>{said}</p>")
    assert "in the" in caplog.text
    assert "@limits" in caplog.text


def test_encoded_content_has_the_sites_page(serve: Serve) -> None:
    """A 415 for content that is compressed is a page, too, with the accepted encodings."""
    response = serve().post("/take", content=b"x", headers={**BROWSER, "content-encoding": "gzip"})
    assert (response.status, response.text) == (415, "<h1>Not like this</h1>")
    assert response.headers["accept-encoding"] == "identity"


def test_a_view_shows_its_form_again(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """A view with FormErrors is called with the error at its field and the values before it; the status is 413."""
    client = serve()
    response = client.post("/photo", form={"title": "Sea"}, files={"photo": b"x" * 1001}, headers=BROWSER)
    assert (response.status, response.text) == (413, "<form>|a file of the form is over 1000 bytes||Sea</form>")
    assert "raise file_bytes in the view&#39;s @limits" not in response.text
    assert "raise file_bytes" in caplog.text
    response = client.post("/photo", form={"title": "Sea"}, files={"photo": b"x" * 30_000}, headers=BROWSER)
    assert (response.status, response.text) == (413, "<form>the content is over 20000 bytes|||</form>")
    assert "raise content_bytes in the @limits of" in caplog.text


def test_a_form_with_files_is_shown_and_sent(serve: Serve) -> None:
    """One view for GET and POST takes files; there are none when the form is only shown."""
    client = serve()
    assert (client.get("/photo").status, client.get("/photo").text) == (200, "<form>|||</form>")
    assert client.get("/photo?title=Sea").text == "<form>|||Sea</form>"
    sent = client.post("/photo", form={"title": "Sea"}, files={"photo": ("a.png", b"x")})
    assert (sent.status, sent.text) == (200, "a.png Sea 0")
    bad = client.post("/photo", form={"title": "S"})
    assert bad.status == 422
    assert "is missing" in bad.text
