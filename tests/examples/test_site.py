"""The journal: what a small whole site needs, used as a browser and a program would."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest
from tests.speed import seconds

from fanlight.testing import Client

Start = Callable[[str], Client]


@pytest.mark.parametrize("path", ["/", "/about", "/search", "/search?q=glass", "/contact", "/blog", "/thanks"])
def test_each_page_is_there_in_the_sites_frame(client_of: Start, path: str) -> None:
    """Every page of the journal extends the one base template."""
    answer = client_of("site").get(path)
    assert answer.status == 200
    assert '<strong><a href="/">The Window Seat</a></strong>' in answer.text


def test_an_entry_has_its_slug_as_its_address(client_of: Start) -> None:
    """The front page links to the newest entry by url_for, and the link leads there."""
    client = client_of("site")
    assert 'href="/blog/sitting-north"' in client.get("/").text
    assert "<h1>A desk that looks north</h1>" in client.get("/blog/sitting-north").text


def test_an_entry_that_is_not_there_is_a_404_with_the_views_words(client_of: Start) -> None:
    """What a view says when it raises NotFound stands on the site's own 404 page."""
    answer = client_of("site").get("/blog/nothing")
    assert answer.status == 404
    assert "This journal has no such entry." in answer.text
    assert "There is no such page." in answer.text


def test_the_search_takes_its_words_from_the_query(client_of: Start) -> None:
    """?q= is looked for in titles and texts, and shown escaped."""
    client = client_of("site")
    found = client.get("/search", query={"q": "GLASS"}).text
    assert "1 entry has" in found
    assert "Why the panes are small" in found
    assert "&lt;script&gt;" in client.get("/search", query={"q": "<script>"}).text


def test_a_posted_form_is_kept_and_answered_with_a_redirect(client_of: Start) -> None:
    """The form is answered 303 to a page of thanks, so that a reload does not send it twice."""
    client = client_of("site")
    form = {"name": "Ada", "message": "Lovely light.", "stars": "4"}
    answer = client.post("/contact", form=form)
    assert (answer.status, answer.headers["location"]) == (303, "/thanks")
    assert client.get("/guests").json() == {"guests": [{"name": "Ada", "message": "Lovely light.", "stars": 4}]}


def test_a_bad_form_is_told_every_field_at_once(client_of: Start) -> None:
    """A form with a missing and a wrong field is answered 422, on the site's own page, with both."""
    answer = client_of("site").post("/contact", form={"name": "Ada", "stars": "many"})
    assert answer.status == 422
    assert "<strong>message</strong> is missing" in answer.text
    assert "<strong>stars</strong> &#39;many&#39; is not an integer" in answer.text


def test_a_comment_stands_below_its_entry(client_of: Start) -> None:
    """A view takes the slug from the path and the text from the form, and the reader comes back to the entry."""
    client = client_of("site")
    answer = client.post("/blog/over-the-door/comments", form={"text": "<b>Mine</b> squeaks."}, follow_redirects=True)
    assert answer.url.endswith("/blog/over-the-door")
    assert "&lt;b&gt;Mine&lt;/b&gt; squeaks." in answer.text


def test_the_api_gives_the_entries_as_json(client_of: Start) -> None:
    """A list of dataclasses is a JSON list of objects, with dates as texts."""
    answer = client_of("site").get("/api/posts")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()[0]["day"] == "2026-03-16"


def test_visitors_are_served_while_an_async_view_waits(client_of: Start) -> None:
    """A page is there long before a view that awaits is done."""
    client, wait = client_of("site"), ceil(seconds(1))
    with ThreadPoolExecutor(1) as pool, client.connect() as waiting:
        slow = pool.submit(waiting.recv, 65536)
        waiting.sendall(b"GET /api/wait?seconds=%d HTTP/1.1\r\nHost: testserver\r\n\r\n" % wait)
        began = time.perf_counter()
        assert client.get("/").status == 200
        assert not slow.done(), f"the page took {time.perf_counter() - began:.2f} s"
        assert b'{"waited":%d.0}' % wait in slow.result()


def test_an_old_address_leads_to_the_new_one(client_of: Start) -> None:
    """A redirect in URLS is answered 308."""
    answer = client_of("site").get("/journal")
    assert (answer.status, answer.headers["location"]) == (308, "/blog")
