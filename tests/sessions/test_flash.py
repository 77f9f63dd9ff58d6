"""A flash message is shown on the next page, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from tests.sessions.conftest import MakeSite

from fanlight import Flash, NotFound, Response, redirect, render
from fanlight.sessions.flash_messages import MAX_TEXT_BYTES, FlashMessage
from fanlight.signing.signing_keys import Keys

PAGE = "{% for message in flashes() %}<p class={{ message.category }}>{{ message }}</p>{% else %}none{% endfor %}"


def save(flash: Flash, text: str = "Saved", category: str = "success") -> Response:
    flash(text, category)
    return redirect("/")


async def save_async(flash: Flash) -> Response:
    flash("Saved")
    return redirect("/")


def show() -> Any:
    return render("page.html")


async def show_async() -> Any:
    return render("page.html")


def both(flash: Flash) -> Any:
    flash("first")
    flash("second", "error")
    return render("page.html")


def missing() -> None:
    raise NotFound


def broken(flash: Flash) -> Any:
    flash("never")
    return render("broken.html")


def conditional() -> Any:
    return render("page.html"), 200, {"etag": '"a"'}


def html(flash: Flash) -> Response:
    flash(Markup("<b>bold</b>"))
    flash(Markup("<b>long</b> & ") * MAX_TEXT_BYTES)
    return redirect("/")


def many(flash: Flash, count: int) -> Response:
    for number in range(count):
        flash(f"message {number} {'x' * 200}")
    return redirect("/")


OTHER = Keys(["x" * 40]).sign("flash", b"\x91\x91\xa1x")  # by another secret
URLS = {
    "/": show,
    "/async": show_async,
    "/save": save,
    "POST /save": save,
    "/save-async": save_async,
    "/both": both,
    "/missing": missing,
    "/broken": broken,
    "/conditional": conditional,
    "/html": html,
    "/many": many,
    "/twice": "twice.html",
    "/static-page": "page.html",
    "/plain": "plain",
}


@pytest.fixture(autouse=True)
def _templates(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    (folder / "error").mkdir(parents=True)
    (folder / "page.html").write_text(PAGE)
    (folder / "twice.html").write_text(f"{PAGE}|{PAGE}")
    (folder / "broken.html").write_text(PAGE + "{{ missing.name }}")
    (folder / "error" / "error404.html").write_text(f"not found {PAGE}")


@pytest.mark.parametrize("save_path", ["/save", "/save-async"])
@pytest.mark.parametrize("path", ["/", "/async", "/static-page", "/twice"])
def test_a_message_is_shown_once(make_site: MakeSite, save_path: str, path: str) -> None:
    """After a redirect, in whatever view; at the next request there is none, and no cookie."""
    site = make_site(URLS)
    client = site.client()
    client.get(save_path)
    response = client.get(path)
    assert ">Saved</p>" in response.text
    assert (response.headers["vary"].split(",")[0], response.headers["cache-control"]) == ("cookie", "private")
    assert "session-flash" not in client.cookies
    assert "Saved" not in client.get(path).text
    assert site.store.calls == []


def test_a_page_in_which_it_stands_twice_has_it_twice(make_site: MakeSite) -> None:
    """All calls of one page give the same messages: a layout and a part of it don't take them from each other."""
    client = make_site(URLS).client()
    client.get("/save")
    assert client.get("/twice").text.count("Saved") == 2


def test_messages_keep_their_order_and_category(make_site: MakeSite) -> None:
    """A page shows its own messages behind those that waited, and they are gone with it."""
    client = make_site(URLS).client()
    client.get("/save?text=zero&category=warning")
    assert client.get("/both").text == "<p class=warning>zero</p><p class=info>first</p><p class=error>second</p>"
    assert client.get("/").text == "none"


@pytest.mark.parametrize("path", ["/plain", "/broken", "/both#HEAD", "/conditional"])
def test_what_nobody_has_seen_waits(make_site: MakeSite, path: str) -> None:
    """A page without messages, one that fails, the head of one, and one that the browser has already show none."""
    client = make_site(URLS).client()
    client.get("/save")
    path, _, method = path.partition("#")
    client.request(method or "GET", path, headers={"if-none-match": '"a"'})
    assert "Saved" in client.get("/").text
    assert client.get("/").text == "none"


def test_an_error_page_shows_messages(make_site: MakeSite) -> None:
    """Also where there is no view."""
    client = make_site(URLS).client()
    for path in ("/missing", "/nowhere"):
        client.get("/save")
        assert "Saved" in client.get(path, headers={"accept": "text/html"}).text
        assert "Saved" not in client.get(path, headers={"accept": "text/html"}).text


def test_words_of_a_visitor_are_no_html(make_site: MakeSite) -> None:
    """A text is escaped, whatever is in it; its category too."""
    client = make_site(URLS).client()
    client.get("/save", query={"text": "<script>alert(1)</script> & \"'", "category": "a><script>"})
    text = client.get("/").text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;" in text


def test_html_of_the_site_is_html(make_site: MakeSite) -> None:
    """A text that is marked as HTML is shown as it is; one that is too long is shown as text, and not cut in a tag."""
    client = make_site(URLS).client()
    client.get("/html")
    text = client.get("/").text
    assert "<b>bold</b>" in text
    assert "long &amp; long &amp;" in text


def test_long_texts_are_cut_and_many_make_room(make_site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """The newest messages fit into a cookie whatever a view does, and the log says that others were left out."""
    client = make_site(URLS).client()
    for letter in ("x", "é", "日", "😀"):
        client.post("/save", form={"text": letter * 5000, "category": letter * 100})
        text = client.get("/").text.partition(">")[2]
        assert text.count(letter) == (MAX_TEXT_BYTES - 3) // len(letter.encode())
    assert not caplog.records
    client.get("/many?count=100")
    text = client.get("/").text
    assert "message 99" in text
    assert "message 1 " not in text
    assert 5 < text.count("message") < 20
    assert [each.getMessage() for each in caplog.records] == [
        "flash messages do not fit into a cookie, so the oldest are left out: GET /many"
    ]


@pytest.mark.parametrize("bad", ["junk", "a.b.c", OTHER, "%00", "é"], ids=["junk", "parts", "secret", "zero", "é"])
def test_a_bad_cookie_has_no_messages(make_site: MakeSite, bad: str) -> None:
    """What this site has not signed is not shown, and is no error."""
    client = make_site(URLS).client()
    response = client.get("/", headers={"cookie": f"session-flash={bad}".encode().decode("latin-1")})
    assert (response.status, response.text) == (200, "none")


def test_of_several_cookies_none_is_shown(make_site: MakeSite) -> None:
    """A message that another host of the domain has planted is not shown."""
    site = make_site(URLS)
    client, other = site.client(), site.client()
    client.get("/save?text=mine")
    other.get("/save?text=planted")
    field = f"session-flash={other.cookies['session-flash']}; session-flash={client.cookies['session-flash']}"
    assert client.get("/", headers={"cookie": field}).text == "none"


def test_a_message_does_not_wait_for_ever(make_site: MakeSite) -> None:
    """After an hour no one remembers what was saved."""
    site = make_site(URLS)
    client = site.client()
    client.get("/save")
    kept = client.cookies["session-flash"]
    site.clock.now += 3601
    client.cookies["session-flash"] = kept
    assert client.get("/").text == "none"


def test_its_cookie_is_as_safe_as_that_of_a_session(make_site: MakeSite) -> None:
    """Over https no other host can set it."""
    response = make_site(URLS).client("https://testserver").get("/save")
    _, _, attributes = response.headers["set-cookie"].partition(";")
    assert response.headers["set-cookie"].startswith("__Host-session-flash=")
    assert attributes == " Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"


def test_a_stream_is_too_late(make_site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """When the response has begun there is no way to send a message."""

    def view(flash: Flash) -> Iterator[str]:
        yield "begun"
        flash("late")

    with make_site({"/": view}).client().stream("GET", "/") as response, pytest.raises(Exception, match="Incomplete"):
        response.read()
    assert "too late for a message" in str(caplog.records[-1].exc_info)


@pytest.mark.parametrize(("text", "category"), [(5, "info"), (None, "info"), ("x", None)])
def test_what_is_no_text_is_an_error_that_teaches(make_site: MakeSite, text: Any, category: Any) -> None:
    """The error says what to write."""

    def view(flash: Flash) -> str:
        with pytest.raises(TypeError, match=r"write str\(\.\.\.\)"):
            flash(text, category)
        return repr(flash)

    assert make_site({"/": view}).client().get("/").text == "<Flash>"


def test_a_message_is_text() -> None:
    """`str` gives its text, and its category is "info" if it is not given."""
    message = FlashMessage("a & b")
    assert (str(message), message.category, message.__html__()) == ("a & b", "info", "a &amp; b")


def test_a_template_without_them_costs_nothing(make_site: MakeSite, tmp_path: Path) -> None:
    """A site that mentions them nowhere needs no secret."""
    for each in (tmp_path / "templates").rglob("*.html"):
        each.write_text("no messages")
    site = make_site({"/": "page.html"})
    assert not site.app.needs_services
    assert not site.app.pages.opens_for_request
    (tmp_path / "templates" / "page.html").write_text(PAGE)
    assert make_site({"/": "page.html"}).app.needs_services
