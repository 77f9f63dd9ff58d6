"""The page of the description, in a real browser and without one."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.browser import Tab
from tests.contrast import faint_in_both_schemes

from fanlight import App, in_openapi
from fanlight.openapi.docs_page import content_policy, docs_page
from fanlight.openapi.schema_view import example_of, type_html
from fanlight.testing import Client, LiveServer

DESK, PHONE = {"width": 900, "height": 600}, {"width": 390, "height": 844}
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true })"


@pytest.fixture(scope="module")
def url(library: Any) -> Iterator[str]:
    """Serve the library; return its address."""
    with LiveServer(library.app) as server:
        yield server.url


def anchor(name: str) -> str:
    """Return the id of an operation on the page: of `books:add_cover`, or of `news`."""
    table, colon, view = name.rpartition(":")
    return f"operation-{table}{colon and '_'}library_main_{view}"


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_loads_nothing_and_runs_only_what_its_policy_names(library: Any) -> None:
    """One style and one script, each by its hash; no address elsewhere, no inline style, no handler."""
    with Client(library.app) as client:
        response = client.get("/docs")
    policy, page = response.headers["content-security-policy"], response.text
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    assert f"style-src {hash_of(style)};" in policy
    assert f"script-src {hash_of(script)};" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert re.findall(r'(?:src|href)="(?!#|/openapi\.json|data:)', page) == []
    assert re.findall(r"<[^>]+\s(?:style|on\w+)=", page) == []


def test_servers_elsewhere_may_be_connected_to() -> None:
    """And no others."""
    policy = content_policy({"servers": [{"url": "https://api.example.org/v1"}, {"url": "/v1"}]})
    assert "connect-src 'self' https://api.example.org;" in policy


def test_what_is_written_in_the_code_is_text() -> None:
    """Docstrings, names and defaults are no markup."""

    class Cat(msgspec.Struct):
        """<script>class</script>."""

        name: str = "</textarea><script>default</script>"

    def view(cat: Any, q: str = '"><script>query</script>') -> Any:
        """<script>summary</script> of `<b>`.

        <script>description</script>
        """

    view.__annotations__ |= {"cat": Cat, "return": list[Cat]}
    marked = in_openapi(tags=["<script>tag</script>"])(view)
    app = App({"POST /": marked}, openapi="/openapi.json", templates="templates")
    page = docs_page(app.describe().content, "/openapi.json")
    assert len(re.findall("<script", page)) == 1
    assert "&lt;script&gt;summary&lt;/script&gt; of <code>&lt;b&gt;</code>." in page


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_can_be_read(reader: Tab, url: str, size: dict[str, int]) -> None:
    """Every text and control has a contrast of 4.5:1, by day and by night."""
    reader.resize(**size)
    assert faint_in_both_schemes(reader, f"{url}/docs") == []


def test_nothing_is_wider_than_a_phone(reader: Tab, url: str) -> None:
    """Tables scroll by themselves, with everything unfolded."""
    reader.resize(**PHONE)
    reader.open(f"{url}/docs")
    reader.evaluate(OPEN_ALL)
    assert reader.evaluate("document.documentElement.scrollWidth") <= 390


def send(tab: Tab, operation: str) -> str:
    """Send the form of an operation, and return the text of what came back."""
    form = f"document.getElementById('{anchor(operation)}').querySelector('form')"
    tab.evaluate(f"{form}.closest('details').open = true")
    tab.evaluate(f"{form}.requestSubmit()")
    tab.wait_for(f"{form}.querySelector('button').textContent === 'Send' && {form}.querySelector('output .status')")
    text: str = tab.evaluate(f"{form}.querySelector('output').innerText")
    return text


def fill(tab: Tab, operation: str, selector: str, value: str) -> None:
    field = f"document.getElementById('{anchor(operation)}').querySelector('form {selector}')"
    tab.evaluate(f"{field}.value = {msgspec.json.encode(value).decode()}")


def test_requests_are_sent_from_the_page(tab: Tab, url: str) -> None:
    """Parameters of each kind, JSON, a form, credentials, a stream, and what went wrong."""
    tab.open(f"{url}/docs")
    fill(tab, "books:books", "[data-name=q]", "Emma")
    assert "200 OK" in (shown := send(tab, "books:books"))
    assert '"title": "Emma"' in shown
    fill(tab, "books:books", "[data-name=limit]", "1000")
    assert "422 Unprocessable" in (shown := send(tab, "books:books"))
    assert "must be at most 100" in shown
    assert "401 Unauthorized" in send(tab, "books:add_book")
    tab.evaluate("document.querySelector('#scheme-bearer input').value = 'reader-token'")
    assert "201 Created" in send(tab, "books:add_book")
    fill(tab, "settings", "[data-name=words]", "a\nb")
    fill(tab, "settings", "[data-name=x-page-size]", "7")
    assert '"size": 7' in (shown := send(tab, "settings"))
    assert '"a",\n    "b"' in shown
    assert '"letters": 1' in send(tab, "subscribe")
    assert 'data: {"books"' in send(tab, "news")
    assert "3 bytes of application/octet-stream" in send(tab, "blob")
    assert "after a redirect to /api/books" in send(tab, "latest")
    assert [
        each for each in tab.errors() if not each.startswith("Failed to load resource")
    ] == []  # the 422 and the 401


def test_basic_credentials_and_keys_are_sent(tab: Tab, url: str) -> None:
    """From the fields at the top of the page."""
    tab.open(f"{url}/docs")
    tab.evaluate("document.querySelectorAll('#scheme-basic input')[0].value = 'ada'")
    tab.evaluate("document.querySelectorAll('#scheme-basic input')[1].value = 'lovelace'")
    tab.evaluate("document.getElementById('scheme-x-api-key').querySelector('input').value = 'partner-key'")
    fill(tab, "books:remove_book", "[data-in=path]", "3f2b8f5e-6a0a-4d35-9d7f-5d2f0a1c9b10")
    assert "204 No Content" in send(tab, "books:remove_book")
    assert "200 OK" in send(tab, "lend")


def test_operations_are_found_by_words(tab: Tab, url: str) -> None:
    """In the list and on the page; a group without any is hidden."""
    tab.open(f"{url}/docs")
    tab.type("#filter", "post cover")
    found = "[...document.querySelectorAll('details.operation')].filter((each) => each.checkVisibility())"
    assert tab.evaluate(f"{found}.map((each) => each.id)") == [anchor("books:add_cover")]
    assert tab.evaluate("document.querySelectorAll('nav [data-group]:not([hidden])').length") == 1


def test_a_link_to_an_operation_unfolds_it(tab: Tab, url: str) -> None:
    """And one to a type."""
    tab.open(f"{url}/docs#{anchor('books:book')}")
    assert tab.evaluate(f"document.getElementById('{anchor('books:book')}').open") is True
    tab.evaluate("document.querySelector('a[href=\"#schema-StoredBook\"]').click()")
    tab.wait_for("document.getElementById('schema-StoredBook').open")


def test_without_a_script_the_page_can_be_read(library: Any) -> None:
    """What needs the script is hidden until it runs."""
    page = docs_page(library.app.describe().content, "/openapi.json")
    for each in re.findall(r"<form[^>]*>", page):
        assert " hidden" in each


@pytest.mark.parametrize(
    ("schema", "example", "text"),
    [
        ({"type": "string", "minLength": 6}, "textxx", "string"),
        ({"type": "string", "format": "date"}, "2026-01-31", "string"),
        ({"type": "integer", "minimum": 3}, 3, "integer"),
        ({"type": "number", "exclusiveMinimum": 3}, 4, "number"),
        ({"type": "integer", "maximum": 0}, 0, "integer"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1, "integer or null"),
        ({"type": "array", "prefixItems": [{"type": "boolean"}]}, [True], "(boolean)"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"name": 1}, "object of integer"),
        ({"$ref": "#/components/schemas/Loop"}, {"next": None}, '<a href="#schema-Loop">Loop</a>'),
        ({"enum": ["b", "a"], "type": "string"}, "b", "string"),
        ({}, "text", "anything"),
    ],
)
def test_types_are_shown_with_examples(schema: Any, example: Any, text: str) -> None:
    """A class that contains itself ends somewhere."""
    loop = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Loop"}}}
    assert type_html(schema) == text
    assert example_of(schema, {"Loop": loop}) == example
