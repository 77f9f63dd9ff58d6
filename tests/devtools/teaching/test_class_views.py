"""In development, what the site itself sends for exceptions of a class."""

from __future__ import annotations

import pytest
from tests.devtools.teaching.conftest import DevSite

MAIN = """
    from fanlight import Conflict

    class Taken(Conflict):
        pass

    class Down(Exception):
        pass

    class Sold(Exception):
        pass

    def taken():
        raise Taken("that name is taken")

    def down():
        raise Down

    def sold():
        raise Sold

    def translated():
        raise Conflict("sold out")

    def failing(error):
        return error.nowhere

    URLS = {"/taken": taken, "/down": down, "/sold": sold, "/failing": lambda: int("x")}
    ERRORS = {Taken: lambda error: "<h1>own page</h1>", Down: lambda: ("own 503", 503), Sold: translated}
    ERRORS[ValueError] = failing
"""
PAGE = {"accept": "text/html"}


def test_the_page_for_a_class_is_shown(dev_site: DevSite) -> None:
    """No explanation takes the place of what the site has for this very class."""
    client = dev_site(MAIN)
    response = client.get("/taken", headers=PAGE)
    assert (response.status, response.text) == (409, "<h1>own page</h1>")


def test_a_5xx_of_a_class_is_shown_and_logged(dev_site: DevSite, caplog: pytest.LogCaptureFixture) -> None:
    """Not the debug page: the view means this response; the terminal has the traceback."""
    response = dev_site(MAIN).get("/down", headers=PAGE)
    assert (response.status, response.text) == (503, "own 503")
    assert [type(each.exc_info[1]).__name__ for each in caplog.records if each.exc_info] == ["Down"]


def test_an_http_error_that_a_view_raises_is_explained(dev_site: DevSite) -> None:
    """As if the view of the site had raised it."""
    response = dev_site(MAIN).get("/sold", headers=PAGE)
    assert response.status == 409
    assert "sold out" in response.text


def test_an_exception_of_such_a_view_has_the_debug_page(dev_site: DevSite) -> None:
    """It is a failure like that of any view."""
    response = dev_site(MAIN).get("/failing", headers=PAGE)
    assert response.status == 500
    assert "has no attribute" in response.text
