"""The journal: the parts of a small whole site, used by a browser and a program."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest
from tests.speed import seconds

from fanlight.testing import Client

Start = Callable[[str], Client]


@pytest.mark.parametrize("path", ["/", "/about", "/search", "/search?q=glass", "/contact", "/blog", "/thanks"])
def test_each_page_extends_the_base_template(client_of: Start, path: str) -> None:
    """Every page of the journal extends the one base template."""
    response = client_of("site").get(path)
    assert response.status == 200
    assert '<strong><a href="/">The Window Seat</a></strong>' in response.text


def test_an_entry_has_its_slug_as_its_url(client_of: Start) -> None:
    """The front page links to the newest entry by url_for, and the link leads there."""
    client = client_of("site")
    assert 'href="/blog/sitting-north"' in client.get("/").text
    assert "<h1>A desk that looks north</h1>" in client.get("/blog/sitting-north").text


def test_a_missing_entry_is_a_404_with_the_message_of_the_view(client_of: Start) -> None:
    """The message of a NotFound is on the site's own 404 page."""
    response = client_of("site").get("/blog/nothing")
    assert response.status == 404
    assert "This journal has no such entry." in response.text
    assert "There is no such page." in response.text


def test_the_search_takes_its_words_from_the_query(client_of: Start) -> None:
    """?q= is searched for in titles and texts, and shown escaped."""
    client = client_of("site")
    found = client.get("/search", query={"q": "GLASS"}).text
    assert "1 entry has" in found
    assert "Why the panes are small" in found
    assert "&lt;script&gt;" in client.get("/search", query={"q": "<script>"}).text


def test_a_posted_form_is_stored_and_redirected(client_of: Start) -> None:
    """The response is a 303 to a page of thanks, so that a reload does not send the form twice."""
    client = client_of("site")
    form = {"name": "Ada", "message": "Lovely light.", "stars": "4"}
    response = client.post("/contact", form=form)
    assert (response.status, response.headers["location"]) == (303, "/thanks")
    assert client.get("/guests").json() == {"guests": [{"name": "Ada", "message": "Lovely light.", "stars": 4}]}


def test_an_invalid_form_lists_every_field_at_once(client_of: Start) -> None:
    """A form with a missing and an invalid field gets a 422 on the site's own page, with both."""
    response = client_of("site").post("/contact", form={"name": "Ada", "stars": "many"})
    assert response.status == 422
    assert "<strong>message</strong> is missing" in response.text
    assert "<strong>stars</strong> &#39;many&#39; is not an integer" in response.text


def test_a_comment_appears_below_its_entry(client_of: Start) -> None:
    """A view takes the slug from the path and the text from the form, and redirects back to the entry."""
    client = client_of("site")
    response = client.post("/blog/over-the-door/comments", form={"text": "<b>Mine</b> squeaks."}, follow_redirects=True)
    assert response.url.endswith("/blog/over-the-door")
    assert "&lt;b&gt;Mine&lt;/b&gt; squeaks." in response.text


def test_the_api_returns_the_entries_as_json(client_of: Start) -> None:
    """A list of dataclasses is a JSON list of objects, with dates as strings."""
    response = client_of("site").get("/api/posts")
    assert response.headers["content-type"] == "application/json"
    assert response.json()[0]["day"] == "2026-03-16"


def test_pages_are_served_while_an_async_view_waits(client_of: Start) -> None:
    """A page is returned long before a view that awaits is done."""
    client, wait = client_of("site"), ceil(seconds(1))
    with ThreadPoolExecutor(1) as pool, client.connect() as waiting:
        slow = pool.submit(waiting.recv, 65536)
        waiting.sendall(b"GET /api/wait?seconds=%d HTTP/1.1\r\nHost: testserver\r\n\r\n" % wait)
        began = time.perf_counter()
        assert client.get("/").status == 200
        assert not slow.done(), f"the page took {time.perf_counter() - began:.2f} s"
        assert b'{"waited":%d.0}' % wait in slow.result()


def test_an_old_url_redirects_to_the_new_one(client_of: Start) -> None:
    """A redirect in URLS is a 308."""
    response = client_of("site").get("/journal")
    assert (response.status, response.headers["location"]) == (308, "/blog")
