"""The test client sends requests, follows redirects and stores cookies like a browser; errors say what to write."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import App, Request, Response, Upload, redirect
from fanlight.settings.limits import Limits
from fanlight.testing import Client, FakeHandler


def shown(request: Request) -> Response:
    head = request.head
    lines = [f"{head.method} {head.target}", *(f"{name}: {value}" for name, value in head.fields), "", request.text]
    return Response("\n".join(lines), media_type="text/plain")


def to(location: str, status: int = 303) -> Any:
    return lambda _: Response(b"", status, headers={"location": location})


HANDLER = FakeHandler(
    {
        "/": shown,
        "/shown": shown,
        "/a%20b": shown,
        "/gr%C3%B6%C3%9Fe": shown,
        **{f"/{status}": to("/shown", status) for status in (301, 302, 303, 307, 308)},
        "/whole": to("http://testserver/shown#there"),
        "/upgrade": to("https://testserver/shown"),
        "/other": to("http://other.example/shown"),
        "/port": to("http://testserver:81/shown"),
        "/scheme": to("mailto:ada@example.org"),
        "/broken": to("http://[/"),
        "/folder/": to("../shown?x=ä b"),
        "/secure": lambda request: Response(request.scheme),
    }
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(HANDLER, follow_redirects=True) as client:
        yield client


# --- redirects --------------------------------------------------------------------------------------

FIELDS = {"accept": "text/x", "authorization": "Bearer 1", "x-tenant": "a", "content-language": "en"}


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_to_get_keeps_all_fields_but_those_of_content(client: Client, status: int) -> None:
    """Header fields of the test are sent to the next URL; type, length and language of the content are not."""
    told = client.post(f"/{status}", headers=FIELDS, json={"n": 1}).text.splitlines()
    assert told == ["GET /shown", "host: testserver", "accept: text/x", "authorization: Bearer 1", "x-tenant: a", ""]


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_method_sends_the_content_again(client: Client, status: int) -> None:
    """Bytes, forms and lists of pieces are sent again; an iterator can't be, which raises."""
    told = client.put(f"/{status}", headers=FIELDS, content=[b"a", b"b"]).text
    assert told.startswith("PUT /shown\n")
    assert told.endswith("\n\nab")
    assert client.post(f"/{status}", form={"a": "1"}).text.endswith("\n\na=1")
    with pytest.raises(ValueError, match="an iterator yields only once; give bytes"):
        client.post(f"/{status}", content=iter([b"a"]))
    assert client.get("/").status == 200


@pytest.mark.parametrize(
    ("method", "status", "becomes"),
    [("PUT", 301, "PUT"), ("PUT", 302, "GET"), ("DELETE", 303, "GET"), ("DELETE", 307, "DELETE"), ("GET", 308, "GET")],
)
def test_a_redirect_changes_methods_as_httpx_does(client: Client, method: str, status: int, becomes: str) -> None:
    """303 and 302 become a GET, 301 only of a POST; 307 and 308 keep it."""
    assert client.request(method, f"/{status}").text.startswith(f"{becomes} /shown\n")
    assert client.head(f"/{status}").headers["content-type"] == "text/plain"


@pytest.mark.parametrize("path", ["/other", "/port", "/scheme"])
def test_a_redirect_to_elsewhere_ends_there(client: Client, path: str) -> None:
    """A redirect to another host, port or scheme is not followed: it is the response."""
    response = client.get(path)
    assert (response.status, response.url) == (303, f"http://testserver{path}")


def test_a_redirect_to_an_invalid_url_raises(client: Client) -> None:
    """An invalid Location raises, with the URL that sent it."""
    with pytest.raises(
        ValueError, match=r"http://testserver/broken redirects to 'http://\[/', which is not a valid URL"
    ):
        client.get("/broken")


def test_absolute_and_relative_locations_are_followed(client: Client) -> None:
    """A URL of this host, a path and its fragment lead where a browser would go, encoded as it would."""
    assert client.get("/whole").url == "http://testserver/shown#there"
    assert client.get("/303#here").url == "http://testserver/shown#here"
    assert client.get("/folder/").url == "http://testserver/shown?x=%C3%A4%20b"
    assert client.get("/303", query={"a": 1}).url == "http://testserver/shown"


def test_a_redirect_to_https_is_followed_over_https(client: Client) -> None:
    """The scheme of a location counts, too; what is secret goes along, but not back to http."""
    response = client.get("/upgrade", headers={"authorization": "x"})
    assert response.url == "https://testserver/shown"
    assert "authorization: x" in response.text
    down = client.get("https://testserver/whole", headers={"authorization": "x"})
    assert (down.url, "authorization" in down.text) == ("http://testserver/shown#there", False)


# --- addresses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("/a b", "/a%20b"),
        ("/größe", "/gr%C3%B6%C3%9Fe"),
        ("/shown?q=a b&ö=\"<'", "/shown?q=a%20b&%C3%B6=%22%3C'"),
        ("/shown#frag", "/shown"),
        ("/shown?a=1#frag", "/shown?a=1"),
        ("/a%20b", "/a%20b"),
        ("http://testserver/shown", "/shown"),
        ("shown", "/shown"),
        ("?x=1", "/?x=1"),
        ("", "/"),
        ("http://testserver", "/"),
    ],
)
def test_urls_are_encoded_as_browsers_encode_them(client: Client, url: str, target: str) -> None:
    """Blanks and letters of any alphabet are percent-encoded, what is encoded stays, a fragment is never sent."""
    response = client.get(url)
    assert (response.status, response.text.splitlines()[0]) == (200, f"GET {target}")


def test_a_line_end_in_an_address_is_encoded() -> None:
    """It can't begin another line, and the next call works."""
    with Client(HANDLER) as client:
        assert client.get("/a\r\nx: y").status == 404
        assert client.get("/", query={"a": "b\r\nc"}).text.startswith("GET /?a=b%0D%0Ac\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"headers": {"x": "a\r\nb"}}, "without line ends"),
        ({"headers": {"x": "€"}}, "Latin-1"),
        ({"headers": {"x y": "a"}}, "'x y'"),
        ({"headers": {"x": None}}, "None"),
        ({"form": {"a": None}}, r"form\['a'\] is a NoneType, not text; leave it out"),
        ({"form": {"a": {"b": 1}}}, "is a dict"),
        ({"form": {"a": io.BytesIO()}}, "use files= for a file"),
        ({"form": "a=1"}, 'form must be a dict or a list of pairs; write form={"name": value}'),
        ({"files": {"a": 5}}, r"files\['a'\] is 5; a file is b"),
        ({"files": {"a": "text"}}, "a file is"),
        ({"files": {"a": ("x", b"", "y", {})}}, "a file is"),
        ({"content": 5}, "content is a int; give bytes or text, or write json=5"),
        ({"content": [5]}, "."),
        ({"json": object()}, "."),
        ({"json": {}, "form": {}}, "a request has one content, and not form and json"),
        ({"json": None, "files": {}}, "one content"),
        ({"content": b"", "json": 1}, "one content"),
        ({"params": {}}, r"no option params; write query=\{...\}"),
        ({"data": {}}, r"no option data; write form=\{...\}, or content="),
        ({"cookies": {}}, "client.cookies"),
        ({"auth": ()}, "authorization"),
        ({"timeout": 1}, "no option timeout"),
        ({"header": {}}, "no option header; write headers="),
        ({"nonsense": 1}, "write one of headers, query, content"),
    ],
)
def test_an_invalid_call_says_what_to_write_and_affects_no_other(options: dict[str, Any], says: str) -> None:
    """What can't be sent is refused, and the client's next call works."""
    with Client(HANDLER) as client:
        with pytest.raises((TypeError, ValueError), match=says):
            client.post("/", **options)
        assert client.get("/").status == 200


@pytest.mark.parametrize("url", ["ftp://testserver/", "mailto:x", "http://[/"])
def test_what_is_no_address_is_refused(client: Client, url: str) -> None:
    """Only http and https URLs are accepted."""
    with pytest.raises(ValueError, match="URL"):
        client.get(url)


def test_content_that_fails_while_it_is_sent_breaks_no_other_call(client: Client) -> None:
    """An iterator may raise in the middle: that is raised, and the connection is given up."""

    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        client.post("/", content=pieces())
    assert client.get("/").status == 200


def test_a_url_can_have_another_host(client: Client) -> None:
    """A complete URL, or a host field, sets the host of the request."""
    assert "host: api.example" in client.get("http://api.example/shown").text
    assert "host: api.example:81" in client.get("/shown", headers={"host": "api.example:81"}).text


def test_fields_may_be_given_twice(client: Client) -> None:
    """A list of pairs has a field of one name several times; bytes and numbers are taken, too."""
    told = client.get("/", headers=[("x-a", "1"), ("x-a", b"2"), ("x-b", 3)]).text
    assert told.splitlines()[2:5] == ["x-a: 1", "x-a: 2", "x-b: 3"]


# --- content ----------------------------------------------------------------------------------------


def given(t: list[str], photo: Upload | None = None) -> dict[str, Any]:
    return {"t": t, "photo": photo and [photo.filename, photo.media_type, photo.file.read().decode()]}


@pytest.fixture(scope="module")
def site() -> Iterator[Client]:
    with Client(App({"POST /": given})) as client:
        yield client


@pytest.mark.parametrize("values", [(1, 2), [1, 2], ["1", b"2"]])
def test_values_of_one_name_are_alike_with_and_without_files(site: Client, values: Any) -> None:
    """A tuple and a list are several values, whatever else is in the form."""
    for files in (None, {"photo": b"x"}):
        assert site.post("/", form={"t": values}, files=files).json()["t"] == ["1", "2"]
        assert site.post("/", form=[("t", values[0]), ("t", values[1])], files=files).json()["t"] == ["1", "2"]


def test_open_files_are_files(site: Client, tmp_path: Path) -> None:
    """What can be read is sent by its name, in memory, on a disk, as a pair or alone; a text is UTF-8."""
    path = tmp_path / "a.txt"
    path.write_text("text")
    with path.open("rb") as opened, path.open(encoding="utf-8") as text:
        for file, expected in (
            (opened, ["a.txt", "text/plain", "text"]),
            (text, ["a.txt", "text/plain", "text"]),
            (path, ["a.txt", "text/plain", "text"]),
            (io.BytesIO(b"x"), ["file", "application/octet-stream", "x"]),
            (("b.png", io.BytesIO(b"x")), ["b.png", "image/png", "x"]),
            (("b.png", "é", "text/x"), ["b.png", "text/x", "é"]),
            (("b.png", path), ["b.png", "image/png", "text"]),
            (bytearray(b"x"), ["file", "application/octet-stream", "x"]),
        ):
            assert site.post("/", form={"t": "1"}, files={"photo": file}).json()["photo"] == expected


def test_none_is_null(client: Client) -> None:
    """`json=None` sends what JSON calls None; without `json` nothing is sent."""
    assert client.post("/", json=None).text.endswith("\n\nnull")
    assert client.post("/").text.endswith("\ncontent-length: 0\n\n")
    assert client.post("/", content="é").text.endswith("\n\né")
    assert client.post("/", content=io.BytesIO(b"a\nb")).text.endswith("\n\na\nb")


# --- cookies, schemes, life ---------------------------------------------------------------------------


def sign_in(request: Request) -> Response:
    response = redirect("/who")
    response.set_cookie("session", "1")
    response.set_cookie("__Host-id", "2", secure=True)
    return response


def sign_out() -> Response:
    response = redirect("/who")
    response.delete_cookie("session")
    response.delete_cookie("__Host-id")
    return response


def who(request: Request) -> dict[str, str]:
    return dict(request.cookies)


SITE = App({"POST /in": sign_in, "POST /out": sign_out, "/who": who})


def test_secure_cookies_live_by_https_alone() -> None:
    """By https a login with `__Host-` works, to its end; by http the same login does not, as in a browser."""
    with Client(SITE, base_url="https://shop.example", follow_redirects=True) as client:
        assert client.post("/in").json() == {"session": "1", "__Host-id": "2"}
        assert all(cookie.secure for cookie in client.cookies.kept)
        assert client.get("http://shop.example/who").json() == {}
        assert client.post("/out").json() == {}
    with Client(SITE, follow_redirects=True) as client:
        assert client.post("/in").json() == {"session": "1"}


def test_cookies_of_a_test_are_sent() -> None:
    """What a test puts into the jar goes with each request, but where it writes the field itself."""
    with Client(SITE) as client:
        client.cookies["session"] = "mine"
        assert client.get("/who").json() == {"session": "mine"}
        assert client.get("/who", headers={"cookie": "a=b"}).json() == {"a": "b"}
        client.cookies.clear()
        assert client.get("/who").json() == {}


def test_a_base_url_is_a_scheme_and_a_host() -> None:
    """What else is given as one is refused before anything is started."""
    for wrong in ("shop.example", "ftp://shop.example", "https://shop.example/path"):
        with pytest.raises(ValueError, match="write a scheme and a host"):
            Client(SITE, base_url=wrong)
    with Client(HANDLER, base_url="https://shop.example/") as client:
        assert client.get("/secure").text == "https"
        assert client.get("/shown").url == "https://shop.example/shown"
        assert client.get("http://shop.example/secure").text == "http"


def test_a_closed_client_raises_at_once() -> None:
    """Every method raises at once."""
    client = Client(HANDLER)
    client.get("/")
    client.close()
    before = time.monotonic()
    for ask in (
        lambda: client.get("/"),
        client.connect,
        lambda: client.send(b"x"),
        client.stream("GET", "/").__enter__,
    ):
        with pytest.raises(RuntimeError, match="the client is closed"):
            ask()
    client.close()
    assert time.monotonic() - before < 10


def test_a_connection_that_the_server_has_closed_is_made_anew() -> None:
    """After an idle timeout the client uses a new connection, as a browser does."""
    with Client(HANDLER, limits=Limits(idle_seconds=0.1)) as client:
        assert client.get("/").status == 200
        kept = client._connections["http"].sock
        kept.settimeout(20)
        assert kept.recv(1) == b""
        assert client.get("/").status == 200
