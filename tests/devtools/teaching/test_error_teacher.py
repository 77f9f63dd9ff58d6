"""Errors as those who develop a site get them: why, where, and what to write."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from tests.devtools.teaching.conftest import ORIGIN, DevSite

from fanlight.devtools.teaching.request_notes import MAX_NOTES, NOTES, RequestNotes
from fanlight.testing import Client, ClientResponse

MAIN = """\
from dataclasses import dataclass
from pathlib import Path
from fanlight import Forbidden, NotFound, Static, limits, render

def home():
    return "<h1>Home</h1><form method=post action=/contact><input name=name></form>"

def contact():
    return render("contact.html")

def send(name: str, message: str, age: int = 0, password: int = 0):
    return name

def post(slug: str):
    raise NotFound("there is no such post")

def item(id: int):
    return {"id": id}

def admin():
    raise Forbidden("only on Sundays")

def report():
    return Path("nowhere/report.pdf")

@dataclass
class Order:
    name: str
    count: int

def order(order: Order):
    return "ok"

@limits(content_bytes=100)
def small(text: str):
    return text

URLS = {
    "/": home,
    "/contact": contact,
    "POST /contact": send,
    "/posts/{slug}": post,
    "/items/{id:int}": item,
    "/admin": admin,
    "/report": report,
    "POST /order": order,
    "POST /small": small,
}
"""
CONTACT = '<form method=post><input name="name"><input type=text\nname=mesage></form>'
PAGE = {"accept": "text/html"}
JSON = {"accept": "application/json"}


@pytest.fixture
def client(dev_site: DevSite) -> Client:
    return dev_site(MAIN, **{"contact.html": CONTACT})


def at(text: str) -> str:
    """Return the place of a line in the file."""
    (number,) = (number for number, line in enumerate(MAIN.splitlines(), 1) if line.strip() == text)
    return f"main.py:{number}"


CONTACT_LINE, ADMIN_LINE = at('"/contact": contact,'), at('"/admin": admin,')
SEND = at("def send(name: str, message: str, age: int = 0, password: int = 0):")
RAISES = at('raise NotFound("there is no such post")'), at('raise Forbidden("only on Sundays")')


def summary_of(response: ClientResponse) -> str:
    found = re.search(r'class="summary">(.*?)</p>', response.text, re.DOTALL)
    assert found, response.text
    return html.unescape(re.sub(r"</?code>", "`", found[1]))


def member_of(response: ClientResponse) -> Any:
    return response.json()["development"]


@pytest.mark.parametrize(
    ("path", "summary"),
    [
        (
            "/contct",
            f'No route matches GET /contct; the nearest is /contact ({CONTACT_LINE}): segment 1: "contct" is not',
        ),
        ("/Contact", "(upper and lower case differ)"),
        ("/items/x", 'segment 2: "x" is not a whole number'),
        ("/nothing/of/it", "No route matches GET /nothing/of/it"),
        ("/posts/x", f"post ({RAISES[0]}) raised NotFound: there is no such post"),
        ("/admin", f"admin ({RAISES[1]}) raised Forbidden: only on Sundays"),
        ("/report", f"report ({at('def report():')}) returned the file '"),
    ],
)
def test_the_page_says_why_and_where(client: Client, path: str, summary: str) -> None:
    """A browser gets one sentence with the place in the site's files."""
    assert summary in summary_of(client.get(path, headers=PAGE))


def test_a_404_lists_the_nearest_routes_with_links(client: Client) -> None:
    """The most similar route is first, with the reason; a GET route without parameters is a link."""
    response = client.get("/contct", headers=PAGE)
    assert response.status == 404
    assert response.text.index('<a href="/contact">/contact</a>') < response.text.index("and 7 more")
    assert "`&quot;/contct&quot;: view`" in response.text.replace("<code>", "`").replace("</code>", "`")


def test_a_missing_file_has_the_nearest_name(dev_site: DevSite, tmp_path: Path) -> None:
    """A name that is not in a static folder is compared with those that are."""
    (tmp_path / "static" / "css").mkdir(parents=True)
    (tmp_path / "static" / "css" / "site.css").write_text("")
    client = dev_site('from fanlight import Static\nURLS = {"/static": Static("static")}\n')
    member = member_of(client.get("/static/css/sit.css", headers=JSON))
    assert member["summary"].startswith("There is no file css/sit.css in static")
    assert member["steps"][0].startswith("Did you mean `css/site.css`?")


def test_a_405_names_what_is_allowed_and_the_line_to_add(client: Client) -> None:
    """The routes at the path are named with their lines."""
    member = member_of(client.post("/admin", headers=JSON))
    assert member["summary"] == f"/admin takes GET, HEAD ({ADMIN_LINE}), not POST"
    assert member["steps"] == ['To take POST here, add a line to URLS: `"POST /admin": view`.']
    assert [(each["pattern"], each["place"]) for each in member["routes"]] == [("/admin", ADMIN_LINE)]


def test_a_422_names_the_field_and_its_parameter(client: Client) -> None:
    """What was sent, what the view takes, and where the view is."""
    member = member_of(client.post("/contact", form={"message": "x", "name": "y", "age": "z"}, headers=JSON))
    assert member["summary"] == f"send ({SEND}) was not called: form field 'age': 'z' is not an integer"
    (field,) = member["fields"]
    assert (field["sent"], field["expected"], field["place"]) == ("z", "age: int = 0", SEND)


def test_a_422_finds_the_field_that_the_form_lacks(client: Client) -> None:
    """The page from which the form came is looked at: its template has another name for the field."""
    headers = JSON | {"referer": f"{ORIGIN}/contact?x=1"}
    member = member_of(client.post("/contact", form={"name": "x", "mesage": "y"}, headers=headers))
    assert member["steps"] == [
        (
            'The form on /contact (templates/contact.html) has no field `message`, it has "name", "mesage";'
            ' write `name="message"` for `name="mesage"`.'
        )
    ]


def test_a_form_in_the_text_of_a_view_is_found(client: Client) -> None:
    """A page need not be a template: the texts in the view's code are looked at."""
    headers = JSON | {"referer": f"{ORIGIN}/"}
    member = member_of(client.post("/contact", form={"name": "x"}, headers=headers))
    assert member["steps"] == [
        f'The form on / ({at("def home():")}) has no field `message`, it has "name"; add `<input name="message">`.'
    ]


@pytest.mark.parametrize("referer", ["http://elsewhere.example/contact", "", "/contact", "http://[x/"])
def test_a_page_of_another_site_is_not_looked_for(client: Client, referer: str) -> None:
    """Only pages of this site are looked at."""
    headers = JSON | {"referer": referer, "sec-fetch-site": "same-origin"}
    member = member_of(client.post("/contact", form={"name": "x"}, headers=headers))
    assert member["steps"] == ["If it may be missing, give it a default: `message: str = ...`."]


def test_a_request_of_another_site_s_page_is_explained(client: Client) -> None:
    """By the field that shows it, with the line to write if that page may do it."""
    headers = JSON | {"origin": "https://app.example", "sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
    member = member_of(client.post("/contact", form={"name": "x"}, headers=headers))
    place = at("def send(name: str, message: str, age: int = 0, password: int = 0):")
    assert member["summary"] == (
        f"send ({place}) was not called: a page of another site has sent this (Sec-Fetch-Site: cross-site)"
    )
    assert 'cross_site(origins=["https://app.example"])(view)' in member["steps"][0]
    assert "--trusted-proxies" in member["steps"][1]
    page = client.post("/contact", form={"name": "x"}, headers=PAGE | {"origin": "null"}).text
    assert "sandboxed frame" in page


def test_a_script_of_another_site_gets_no_explanation(client: Client) -> None:
    """What it fetches is the plain 403, as in production."""
    headers = JSON | {"origin": "https://app.example", "sec-fetch-site": "cross-site", "sec-fetch-dest": "empty"}
    response = client.post("/contact", form={"name": "x"}, headers=headers)
    assert (response.status, "development" in response.json()) == (403, False)


def test_secrets_are_masked(client: Client) -> None:
    """The value of a field with the name of a secret is in neither the page nor its line."""
    form = {"name": "x", "message": "y", "password": "hunter2"}
    response = client.post("/contact", form=form, headers=PAGE)
    assert response.status == 422
    assert "sent: <b>***</b>" in response.text
    assert "hunter2" not in response.text


def test_a_field_of_a_dependency_names_the_dependency(dev_site: DevSite) -> None:
    """The parameter is that of the function which takes it, with its line."""
    client = dev_site("""
        from typing import Annotated
        from fanlight import Header

        def page(x_page: Header[int] = 1, size: int = 10): return x_page

        def home(page: Annotated[int, page]): return str(page)

        URLS = {"/": home}
    """)
    for target, headers in (("/?size=big", {}), ("/", {"x-page": "two"})):
        (field,) = member_of(client.get(target, headers=JSON | headers))["fields"]
        assert (field["expected"], field["place"]) in (
            ("size: int = 10", "main.py:5"),
            ("x_page: int = 1", "main.py:5"),
        )


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_error_that_passes_a_dependency_is_not_blamed_on_it(dev_site: DevSite, kind: str) -> None:
    """What has been refused before the view is no error of an open dependency; one that it raises itself is."""
    site = dev_site(f"""\
        from typing import Annotated
        from fanlight import Forbidden

        {kind} connection():
            yield 1
            raise Forbidden("closed")

        {kind} send(db: Annotated[int, connection], name: str):
            return name

        URLS = {{"POST /": send}}
    """)
    accept = {"accept": "application/json"}
    member = site.post("/", form={"nmae": "Ada"}, headers=accept).json()["development"]
    assert member["summary"] == "send (main.py:8) was not called: form field 'name' is missing"
    member = site.post("/", form={"name": "Ada"}, headers=accept).json()["development"]
    assert member["summary"] == "connection (main.py:6) raised Forbidden: closed"


def test_an_error_of_middleware_names_its_line(dev_site: DevSite) -> None:
    """A 403 that middleware raises is explained wherever the request leads."""
    client = dev_site("""
        from fanlight import Forbidden

        def guard(request):
            if request.method == "DELETE":
                raise Forbidden("nobody deletes")
            yield

        URLS = {"/": "Home"}
        MIDDLEWARE = [guard]
    """)
    for path in ("/", "/nowhere"):
        member = member_of(client.delete(path, headers=JSON))
        assert member["summary"] == "guard (main.py:6) raised Forbidden: nobody deletes"


def test_a_path_with_dots_has_no_route(client: Client) -> None:
    """A path that no route can match gets the reason, and no line to add."""
    member = member_of(client.get("/posts/%2e%2e/x", headers=JSON))
    assert member == {
        "summary": 'No route matches GET /posts/%2e%2e/x; a path with a segment "." or ".." never has one'
    }


def test_json_is_explained_by_its_pointer(client: Client) -> None:
    """The value at the pointer is shown, and the field of the class that the view takes."""
    member = member_of(client.post("/order", json={"name": 5, "count": 1}, headers=JSON))
    (field,) = member["fields"]
    assert (field["name"], field["sent"], field["expected"]) == ("name", "5", "Order.name: str")


@pytest.mark.parametrize(
    ("path", "content", "kind", "status", "step"),
    [
        (
            "/small",
            b"text=" + b"x" * 200,
            "application/x-www-form-urlencoded",
            413,
            "raise content_bytes in the @limits",
        ),
        ("/order", b"x", "text/csv", 415, "Send one of these types"),
        ("/order", b"{", "application/json", 400, "The request is malformed"),
    ],
)
def test_refused_content_names_the_view_and_what_to_change(
    client: Client, path: str, content: bytes, kind: str, status: int, step: str
) -> None:
    """The view whose request was refused is named, and the setting."""
    response = client.post(path, content=content, headers=JSON | {"content-type": kind})
    assert response.status == status
    member = member_of(response)
    assert "was not called" in member["summary"]
    assert step in member["steps"][0]


def test_hostile_text_is_never_markup(client: Client) -> None:
    """Angle brackets in the path, a field and a value are escaped; control characters too."""
    for response in (
        client.get("/<script>alert(1)</script>%0a%1b[31m", headers=PAGE),
        client.post("/contact?<script>", form={"name": "x", "message": "y", "age": "<script>"}, headers=PAGE),
    ):
        assert response.status in (404, 422)
        assert "<script" not in response.text
        assert "\x1b" not in response.text


def test_the_page_of_the_site_is_left_as_it_is(dev_site: DevSite) -> None:
    """A site's own 404 is shown, with a note that only a script shows."""
    client = dev_site('URLS = {"/": "Home"}\nERRORS = {404: "Not here & now"}\n')
    response = client.get("/hom", headers=PAGE)
    assert "<h1>Not here &amp; now</h1>" in response.text
    page, _, note = response.text.partition("</html>\n")
    assert 'class="summary"' not in page
    assert note == ("<template data-fanlight-note>No route matches GET /hom</template>\n")


@pytest.mark.parametrize("urls", ['{"/blog": BLOG}', 'Hosts({"localhost": {"/blog": BLOG}})'], ids=["site", "host"])
def test_the_page_of_a_part_is_left_as_it_is(dev_site: DevSite, urls: str) -> None:
    """A part's own 404 is shown where the part is mounted, and the explanation everywhere else."""
    client = dev_site(
        "from fanlight import Hosts, Part\n\n"
        'BLOG = Part({"/": "Posts"}, name="blog", templates=None, errors={404: "No such post"})\n'
        f"URLS = {urls}\n"
    )
    assert "<h1>No such post</h1>" in client.get("/blog/1", headers=PAGE).text
    assert summary_of(client.get("/hom", headers=PAGE)) == "No route matches GET /hom"


def test_a_program_gets_what_it_gets_in_production(client: Client) -> None:
    """Without text/html in `accept` the page is the usual one, with the note behind it."""
    response = client.get("/contct", headers={"accept": "*/*"})
    assert "There is nothing at this address." in response.text
    assert "<template data-fanlight-note>No route matches" in response.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"host": "evil.example"}])
def test_another_site_reads_nothing_of_it(client: Client, headers: dict[str, str]) -> None:
    """A request from a page of another site, or by a name of another, gets what it gets in production."""
    response = client.get("/contct", headers=PAGE | headers)
    assert response.status == 404
    assert "main.py" not in response.text


def test_a_note_is_kept_for_the_line_of_the_request(client: Client) -> None:
    """The line is found by the id of the request, once."""
    response = client.get("/contct", headers={"x-request-id": "my-own-request-id"})
    assert response.status == 404
    assert NOTES.take("my-own-request-id").startswith("No route matches GET /contct")
    assert NOTES.take("my-own-request-id") == ""


def test_notes_are_bounded() -> None:
    """Notes that are never taken are dropped, the oldest first."""
    notes = RequestNotes()
    for number in range(MAX_NOTES + 1):
        notes.add(str(number), "note")
    assert (notes.take("0"), notes.take(str(MAX_NOTES))) == ("", "note")
