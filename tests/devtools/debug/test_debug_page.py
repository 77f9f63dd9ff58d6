"""What is shown of an exception that nothing has caught, in development."""

from __future__ import annotations

import http.client
import json
import logging
from pathlib import Path

import pytest
from tests.devtools.debug.conftest import BROWSER, LOCAL, Debugged, ParsedPage

from fanlight.message.response import Response
from fanlight.site.loading import load
from fanlight.testing import Client

AVERAGE = """
    def average(prices):
        return sum(prices) / len(prices)

    def home(request):
        basket = [1, 2]
        return str(average([]))

    URLS = {"/": home}
"""


def test_the_exception_comes_first_with_source_and_variables(debugged: Debugged) -> None:
    """The page begins with the exception; each frame of the site has its lines and its variables."""
    page = debugged.page(AVERAGE)
    text = page.text
    assert text.index("ZeroDivisionError") < text.index("main.py:2") < text.index("main.py:6")
    assert "sum(prices) / len(prices)" in text
    assert "basket" in text
    assert "[1, 2]" in text
    marked = [each for tag, attributes in page.tags if (each := attributes.get("class") or "").endswith("mark")]
    assert marked


def test_frames_of_libraries_are_closed(debugged: Debugged) -> None:
    """A run of frames that are not the site's is one line, which opens without a script."""
    page = debugged.page("""
        import json

        def home():
            return json.loads("{")

        URLS = {"/": home}
    """)
    assert "Raised below it, in 3 frames of json" in page.text
    folds = [attributes for tag, attributes in page.tags if tag == "details" and attributes.get("class") == "fold"]
    assert len(folds) == 2
    assert all("open" not in each for each in folds)


def test_a_program_gets_problem_details(debugged: Debugged) -> None:
    """A client that prefers JSON gets the error with the lines of the traceback."""
    fields = {"accept": "application/json", "x-request-id": "seven-7"}
    response = debugged.client(AVERAGE).get("/", headers=fields)
    assert (response.status, response.headers["content-type"]) == (500, "application/problem+json")
    members = json.loads(response.content)
    assert members["detail"] == "ZeroDivisionError: division by zero"
    assert members["traceback"][:2] == ["ZeroDivisionError: division by zero", "  main.py:2 in average"]
    assert members["request_id"] == "seven-7"


def test_a_table_whose_errors_are_json_gets_problem_details(debugged: Debugged) -> None:
    """Whatever the client accepts, unless it names HTML."""
    client = debugged.client(
        "from fanlight import table\n\ndef home():\n    1 / 0\n\n"
        "URLS = {'/api': table({'/': home}, json_errors=True), '/': home}"
    )
    for path, accept, kind in (
        ("/api", "*/*", "application/problem+json"),
        ("/api", "text/html", "text/html; charset=utf-8"),
        ("/", "*/*", "text/plain; charset=utf-8"),
    ):
        assert client.get(path, headers={"accept": accept}).headers["content-type"] == kind


@pytest.mark.parametrize("accept", ["*/*", "text/plain"])
def test_curl_gets_text(debugged: Debugged, accept: str) -> None:
    """A client that does not accept HTML by name gets the traceback as plain text."""
    response = debugged.client(AVERAGE).get("/?a=1", headers={"accept": accept})
    assert (response.status, response.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert response.text.startswith("ZeroDivisionError: division by zero\n  main.py:2 in average\n")
    assert "\nGET http://localhost:8000/?a=1\n" in response.text


def test_the_request_is_shown_without_its_secrets(debugged: Debugged) -> None:
    """URL, route, parameters, query, form, cookies and fields are there; what is secret in them is not."""
    client = debugged.client("""
        def save(name: str, request):
            request.state["plan"] = "gold"
            raise ValueError(request.form["city"])

        URLS = {"POST /save/{name}": save}
    """)
    fields = BROWSER | {"authorization": "Bearer h1dd3n-a", "cookie": "sid=h1dd3n-b; theme=dark"}
    form = {"city": "Wien", "password": "h1dd3n-c"}
    response = client.post("/save/ann?token=h1dd3n-d&page=7", form=form, headers=fields)
    assert response.status == 500
    text = ParsedPage(response.text).text
    for shown in ("POST /save/{name}", "main.save at main.py:1", "Wien", "page", "7", "Bearer ***", "theme", "gold"):
        assert shown in text, shown
    assert "h1dd3n" not in response.text


def test_content_that_can_t_be_read_is_a_line(debugged: Debugged) -> None:
    """A malformed form, malformed JSON and a query that is not UTF-8 do not keep the page from being shown."""
    client = debugged.client("def home(request):\n    raise ValueError\n\nURLS = {'POST /': home}")
    for kind, content in (("application/x-www-form-urlencoded", b"a=%zz&b=%ff"), ("application/json", b"{")):
        response = client.post("/?q=%ff", content=content, headers={"accept": "text/html", "content-type": kind})
        assert response.status == 500
        assert ParsedPage(response.text).text.count("can't be read") == 2


def test_json_is_shown_with_its_secrets_masked(debugged: Debugged) -> None:
    """The members of a JSON document are a table, for a browser that sends JSON and prefers a page."""
    client = debugged.client("def home(request):\n    raise ValueError\n\nURLS = {'POST /': home}")
    document = {"city": "Wien", "login": {"password": "h1dd3n"}}
    response = client.post("/", json=document, headers={"accept": "text/html"})
    assert "Wien" in response.text
    assert "h1dd3n" not in response.text


def test_a_template_shows_its_own_line_and_names(debugged: Debugged) -> None:
    """The page of a failing template has the template's line, and the names of its context, not the compiled code's."""
    page = debugged.page(
        """
        from fanlight import render

        def home():
            return render("home.html", title="Books", books=["The Waves"])

        URLS = {"/": home}
        """,
        home="<h1>{{ title }}</h1>\n{% for book in books %}\n{{ book.upper() }} {{ titel }}\n{% endfor %}",
    )
    text = page.text
    assert "templates/home.html:3" in text
    assert "{{ book.upper() }} {{ titel }}" in text
    assert "Did you mean title?" in text
    assert "'The Waves'" in text
    assert "cycler" not in text


def test_causes_and_groups_are_shown(debugged: Debugged) -> None:
    """An earlier exception and the members of a group have their own frames on the page."""
    page = debugged.page("""
        def fail(text):
            raise KeyError(text)

        def home():
            errors = []
            for text in ("first", "second"):
                try:
                    fail(text)
                except KeyError as error:
                    errors.append(error)
            raise ExceptionGroup("both", errors) from ValueError("root")

        URLS = {"/": home}
    """)
    text = page.text
    assert "both (2 exceptions)" in text
    assert "KeyError: 'first'" in text
    assert "KeyError: 'second'" in text
    assert "caused by" in text
    assert text.count("in fail") >= 2


MIDDLEWARE = """
    def named(request):
        response = yield
        response.headers["x-named"] = str(response.status)

    def home():
        raise ValueError("no")

    URLS = {"/": home}
    MIDDLEWARE = [named]
"""


def test_the_way_out_through_middleware_is_taken(debugged: Debugged) -> None:
    """Middleware runs to its end for the debug page, as for the page of a 500."""
    response = debugged.client(MIDDLEWARE).get("/", headers=BROWSER)
    assert (response.status, response.headers["x-named"]) == (500, "500")
    assert "ValueError" in response.text


BROKEN_MIDDLEWARE = """
def broken(request):
    1 / 0
    yield

def home():
    return "x"

URLS = {"/": home}
MIDDLEWARE = [broken]
"""
BROKEN_DEPENDENCY = """
from typing import Annotated

def database():
    1 / 0

def home(db: Annotated[object, database]):
    return "x"

URLS = {"/": home}
"""


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (BROKEN_MIDDLEWARE, "main.py:2"),
        (BROKEN_DEPENDENCY, "main.py:4"),
        ("async def home():\n    1 / 0\n\nURLS = {'/': home}", "main.py:2"),
        ("from fanlight import lane\n\n@lane('thread')\ndef home():\n    1 / 0\n\nURLS = {'/': home}", "main.py:5"),
    ],
    ids=["middleware", "dependency", "async view", "in a thread"],
)
def test_wherever_code_of_the_site_fails_there_is_a_page(debugged: Debugged, source: str, shown: str) -> None:
    """Middleware, dependencies, async views and views in threads have their line on the page."""
    page = debugged.page(source)
    assert "ZeroDivisionError" in page.text
    assert shown in page.text


def test_a_failing_error_handler_is_shown(debugged: Debugged) -> None:
    """An exception of the site's own error handler gets a page, with the error that it was called for."""
    page = debugged.page(
        "def missing(error):\n    return 1 / 0\n\nURLS = {'/': 'home'}\nERRORS = {404: missing}", "/nowhere"
    )
    assert "ZeroDivisionError" in page.text
    assert "main.py:2" in page.text


def test_a_stream_that_fails_is_in_the_log_alone(debugged: Debugged, caplog: pytest.LogCaptureFixture) -> None:
    """What has been sent can't become a page: the exception is logged, and the response is cut off."""
    client = debugged.client("""
        def pieces():
            yield "first"
            raise ValueError("half way")

        def home():
            return pieces()

        URLS = {"/": home}
    """)
    with pytest.raises(http.client.IncompleteRead), client.stream("GET", "/", headers=BROWSER) as response:
        b"".join(response)
    assert "ValueError: half way" in caplog.text


def test_a_background_task_is_in_the_log_alone(debugged: Debugged, caplog: pytest.LogCaptureFixture) -> None:
    """The response of a view whose background task fails is the view's own."""
    client = debugged.client("""
        def fail():
            raise ValueError("afterwards")

        def home(request):
            request.after(fail)
            return "done"

        URLS = {"/": home}
    """)
    assert client.get("/", headers=BROWSER).text == "done"
    client.close()
    assert "ValueError: afterwards" in caplog.text


def test_production_shows_nothing(debugged: Debugged) -> None:
    """The same app without the observer sends the page of a 500, whatever a client prefers."""
    debugged.write("main.py", AVERAGE)
    with Client(load("main.py"), base_url=LOCAL) as client:
        for accept in ("text/html", "application/json", "*/*"):
            response = client.get("/", headers={"accept": accept})
            assert response.status == 500
            for secret in ("ZeroDivision", "main.py", "average", "basket"):
                assert secret not in response.text


@pytest.mark.parametrize("error", ["OSError(28, 'full')", "fanlight.ClientDisconnected()"])
def test_what_is_no_mistake_of_the_site_has_no_page(debugged: Debugged, error: str) -> None:
    """A full disk, and a client that has disconnected, get the response of their own status."""
    source = "import fanlight, fanlight.errors\nfanlight.ClientDisconnected = fanlight.errors.ClientDisconnected\n\n"
    client = debugged.client(f"{source}def home():\n    raise {error}\n\nURLS = {{'/': home}}")
    response = client.get("/", headers=BROWSER)
    assert response.status in (400, 507)
    assert "Copy as text" not in response.text


@pytest.mark.parametrize("part", ["sections_of", "source_around"])
def test_a_page_that_fails_is_logged(
    debugged: Debugged, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """An exception in the making of the page is logged, and the client gets the page of a 500."""

    def fail(*_: object, **__: object) -> Response:
        raise RuntimeError("the page")

    monkeypatch.setattr(f"fanlight.devtools.debug.debug_page.{part}", fail)
    with caplog.at_level(logging.ERROR):
        response = debugged.client(AVERAGE).get("/", headers=BROWSER)
    assert response.status == 500
    assert "division" not in response.text
    assert "the debug page failed" in caplog.text


def test_the_text_to_be_copied_is_all_of_it(debugged: Debugged) -> None:
    """The text on the page is the folded traceback and the request line, in an element that opens without a script."""
    page = debugged.page(AVERAGE, "/?a=1")
    assert "ZeroDivisionError: division by zero\n  main.py:2 in average\n" in page.text
    assert "GET http://localhost:8000/?a=1" in page.text


def test_the_source_comes_from_files_of_now(debugged: Debugged, tmp_path: Path) -> None:
    """A file that is gone since it was loaded leaves a page without its lines."""
    client = debugged.client(AVERAGE)
    (tmp_path / "main.py").unlink()
    response = client.get("/", headers=BROWSER)
    assert response.status == 500
    assert "main.py:2" in response.text


def test_a_page_does_not_count_as_time_of_the_view(debugged: Debugged, caplog: pytest.LogCaptureFixture) -> None:
    """A page that takes long to make, for a slow repr, does not send the view to the thread pool."""
    caplog.set_level(logging.INFO)
    client = debugged.client("""
        import threading

        class Slow:
            def __repr__(self):
                threading.Event().wait(0.1)
                return "slow"

        def home():
            slow = Slow()
            raise ValueError("no")

        URLS = {"/": home}
    """)
    for _ in range(3):
        assert "slow" in client.get("/", headers=BROWSER).text
    assert "blocked the server" not in caplog.text
