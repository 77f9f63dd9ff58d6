"""The app of the lesson: a table, four functions without parameters, four HTML files."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from fanlight.testing import Client

LESSON = Path(__file__).parents[2] / "examples" / "lesson"
Start = Callable[[str], Client]


@pytest.mark.parametrize(("path", "file"), [("/", "home.html"), ("/blog", "blog.html")])
def test_a_url_in_the_table_has_its_page(client_of: Start, path: str, file: str) -> None:
    """GET of a URL in URLS returns 200 with the content of the file that its view opens."""
    response = client_of("lesson").get(path)
    assert response.status == 200
    assert response.text == (LESSON / "templates" / file).read_text()
    assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_an_unknown_url_has_the_lessons_404_page(client_of: Start) -> None:
    """A URL that is not in URLS returns 404 with templates/error/error404.html."""
    response = client_of("lesson").get("/nowhere")
    assert response.status == 404
    assert response.text.rstrip() == (LESSON / "templates/error/error404.html").read_text().rstrip()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_another_method_has_the_lessons_405_page(client_of: Start, method: str) -> None:
    """A method that is not allowed returns 405 with the lesson's page, and Allow lists those that are."""
    response = client_of("lesson").request(method, "/blog")
    assert response.status == 405
    assert response.text.rstrip() == (LESSON / "templates/error/error405.html").read_text().rstrip()
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


def test_main_holds_the_table_and_nothing_else() -> None:
    """main.py of the lesson is one import and one dict, and imports nothing of Fanlight."""
    tree = ast.parse((LESSON / "main.py").read_text())
    assert [type(node) for node in tree.body] == [ast.ImportFrom, ast.Assign]
    assert "fanlight" not in (LESSON / "main.py").read_text()


def test_views_are_four_functions_without_parameters() -> None:
    """views.py of the lesson has index, blog, error404 and error405; none takes an argument or imports anything."""
    tree = ast.parse((LESSON / "views.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [each.name for each in functions] == ["index", "blog", "error404", "error405"]
    assert len(functions) == len(tree.body)
    assert [ast.unparse(each.args) for each in functions] == ["", "", "", ""]


def test_the_lessons_first_form_is_pages_with_headings(client_of: Start) -> None:
    """A plain text in URLS is a whole page with the text as its heading."""
    client = client_of("hello")
    assert "<h1>home</h1>" in client.get("/").text
    assert "<h1>Hello World</h1>" in client.get("/blog").text
    assert client.get("/blog").text.startswith("<!doctype html>")
