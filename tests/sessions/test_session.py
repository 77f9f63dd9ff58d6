"""A session is a mapping that is there at the next request, and costs nothing where it is not used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from tests.sessions.conftest import MakeSite

from fanlight import BadRequest, Request, Response, Session, redirect


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)
    notes: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class Theme:
    colour: str = "light"


def show(session: Session) -> dict[str, Any]:
    return {**session, "user": session.user_id, "is_new": session.is_new}


def put(session: Session, name: str, value: str) -> str:
    session[name] = value
    return "kept"


def nest(session: Session) -> str:
    session.setdefault("seen", []).append({"at": len(session["seen"])})
    session["seen"][0]["again"] = True
    return "kept"


def clear(session: Session) -> str:
    session.clear()
    return "cleared"


def same(session: Session) -> str:
    session["a"] = session.pop("a")
    return "same"


def ignore(session: Session) -> str:
    return type(session).__name__


def plain() -> str:
    return "plain"


def fail(session: Session) -> str:
    session["a"] = "lost"
    raise RuntimeError


def refuse(session: Session) -> str:
    session["a"] = "kept"
    raise BadRequest


def _needed(session: Session) -> str:
    session["order"].append("dependency")
    return "x"


URLS = {
    "/": show,
    "/put": put,
    "/nest": nest,
    "/clear": clear,
    "/same": same,
    "/ignore": ignore,
    "/plain": plain,
    "/fail": fail,
    "/refuse": refuse,
}


def test_values_are_there_at_the_next_request(make_site: MakeSite, carrier: str) -> None:
    """What one view puts in, another gets; a browser without the cookie does not."""
    site = make_site(URLS, carrier)
    client = site.client()
    assert client.get("/").json() == {"user": None, "is_new": True}
    client.get("/put?name=a&value=b")
    assert client.get("/").json() == {"a": "b", "user": None, "is_new": False}
    assert site.client().get("/").json() == {"user": None, "is_new": True}


def test_a_change_deep_inside_is_kept(make_site: MakeSite, carrier: str) -> None:
    """A list in a session, and what is in it, are changed like any other."""
    client = make_site(URLS, carrier).client()
    client.get("/nest")
    client.get("/nest")
    assert client.get("/").json()["seen"] == [{"at": 0, "again": True}, {"at": 1}]


@pytest.mark.parametrize("path", ["/ignore", "/plain"])
def test_a_view_that_does_not_use_it_sends_nothing(make_site: MakeSite, carrier: str, path: str) -> None:
    """A session that is not used is not read, and leaves no trace in the response."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.get("/put?name=a&value=b")
    site.store.calls.clear()
    response = client.get(path)
    assert {"set-cookie", "vary", "cache-control"}.isdisjoint(response.headers)
    assert site.store.calls == []


@pytest.mark.parametrize("path", ["/", "/same"])
def test_a_session_that_did_not_change_is_not_written(make_site: MakeSite, carrier: str, path: str) -> None:
    """A response that depends on a session says so, and sets no cookie without a change."""
    site = make_site(URLS, carrier)
    client = site.client()
    client.get("/put?name=a&value=b")
    site.store.calls.clear()
    response = client.get(path)
    assert (response.headers["vary"], response.headers["cache-control"]) == ("cookie", "private")
    assert "set-cookie" not in response.headers
    assert set(site.store.calls) <= {"get_many"}


def test_an_empty_session_has_no_cookie(make_site: MakeSite, carrier: str) -> None:
    """A visitor without values gets none, and one whose values are removed loses it."""
    site = make_site(URLS, carrier)
    client = site.client()
    assert "set-cookie" not in client.get("/clear").headers
    client.get("/put?name=a&value=b")
    assert "session" in client.cookies
    client.get("/clear")
    assert "session" not in client.cookies
    assert client.get("/").json() == {"user": None, "is_new": True}


def test_a_failed_request_has_changed_nothing(make_site: MakeSite, carrier: str) -> None:
    """After a server error all is as before; a request that was refused keeps what its view did."""
    client = make_site(URLS, carrier).client()
    client.get("/put?name=a&value=b")
    assert "set-cookie" not in client.get("/fail").headers
    assert client.get("/").json()["a"] == "b"
    client.get("/refuse")
    assert client.get("/").json()["a"] == "kept"


def test_all_that_runs_for_a_request_has_one_session(make_site: MakeSite, carrier: str) -> None:
    """Middleware, a dependency and the view see what the others have changed."""

    def step(session: Session) -> Iterator[None]:
        session["order"] = ["middleware"]
        yield
        session["order"].append("after")

    def view(session: Session, needed: Annotated[str, _needed]) -> str:
        session["order"].append("view")
        return needed

    client = make_site({"/": view}, carrier, middleware=[step]).client()
    client.get("/")
    with client.session() as session:
        assert session["order"] == ["middleware", "dependency", "view", "after"]


def test_data_is_an_object_of_the_sites_own_class(make_site: MakeSite, carrier: str) -> None:
    """It is made of the values, what is changed in it is kept, and values of other names stay."""

    def add(cart: Session[Cart], item: str) -> list[str]:
        cart.data.items.append(item)
        cart.data.notes.setdefault(item, []).append(1)
        return cart.data.items

    def paint(theme: Session[Theme], session: Session) -> dict[str, Any]:
        theme.data = Theme("dark")
        return dict(session)

    client = make_site({"/add": add, "/paint": paint}, carrier).client()
    with client.session() as session:
        session["other"] = 1
    client.get("/add?item=a")
    assert client.get("/add?item=b").json() == ["a", "b"]
    client.get("/paint")
    with client.session() as session:
        assert dict(session) == {"other": 1, "items": ["a", "b"], "notes": {"a": [1], "b": [1]}, "colour": "dark"}


def test_data_that_does_not_fit_begins_anew(
    make_site: MakeSite, carrier: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Values of an older version of the site become an empty object and one line of the log, without the values."""

    def count(cart: Session[Cart]) -> str:
        return str(len(cart.data.items))

    client = make_site({"/": count}, carrier).client()
    with client.session() as session:
        session["items"] = "a text that is secret"
    assert [client.get("/").text for _ in range(3)] == ["0", "0", "0"]
    (line,) = [each.getMessage() for each in caplog.records if each.name == "fanlight.sessions"]
    assert "do not fit Cart" in line
    assert "secret" not in line
    with client.session() as session:
        assert session["items"] == "a text that is secret"  # another version of the site may still read it


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda session: session.__setitem__("a", (1,)), r"session\['a'\] is a tuple"),
        (lambda session: session.__setitem__(5, "a"), r"session\[str"),
        (lambda session: session.__setitem__("a", float("nan")), "JSON lacks"),
        (lambda session: session["list"].append((1,)), r"session\['list'\]\[0\] is a tuple"),
        (lambda session: session["list"].append({1: 2}), "write str"),
        (lambda session: session["list"].append(session["list"]), "is nested in more than"),
        (lambda session: session.data, "a bare Session has no data"),
    ],
)
def test_what_a_session_cannot_hold_is_an_error_that_teaches(
    make_site: MakeSite, carrier: str, change: Any, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is raised where it is written, or at the end for what was changed inside; the page is a 500."""

    def view(session: Session) -> str:
        session["list"] = []
        change(session)
        return "kept"

    client = make_site({"/": view}, carrier).client()
    assert client.get("/").status == 500
    assert caplog.records[-1].exc_info is not None
    with pytest.raises((TypeError, ValueError, Exception), match=message):
        raise caplog.records[-1].exc_info[1]  # type: ignore[misc]  # it is there


def test_data_of_another_class_is_refused(make_site: MakeSite) -> None:
    """The object of a session is replaced only by one of its class, whose fields have their types."""

    def other(cart: Session[Cart]) -> str:
        with pytest.raises(TypeError, match=r"the data of Session\[Cart\] can't be a Theme"):
            cart.data = Theme()  # type: ignore[assignment]  # the mistake
        return "refused"

    def wrong(cart: Session[Cart]) -> str:
        cart.data.items.append(5)  # type: ignore[arg-type]  # the mistake
        return "kept"

    client = make_site({"/": other, "/wrong": wrong}).client()
    assert client.get("/").text == "refused"
    assert client.get("/wrong").status == 500


def test_too_much_for_a_cookie_names_the_way_out(make_site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """The error has the sizes of the largest values, and the setting that makes room; in a store there is room."""

    def fill(session: Session) -> str:
        session["small"], session["big"] = 1, "x" * 4000
        return "kept"

    assert make_site({"/": fill}).client().get("/").status == 500
    message = str(caplog.records[-1].exc_info[1])  # type: ignore[index]  # it is there
    assert "'big' has 4003" in message
    assert "--store sqlite:" in message
    assert make_site({"/": fill}, "store").client().get("/").text == "kept"


def test_more_than_a_store_holds_is_refused(make_site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """A store has a limit as well, and the error says so."""

    def fill(session: Session) -> str:
        session["big"] = "x" * (1024 * 1024)
        return "kept"

    assert make_site({"/": fill}, "store").client().get("/").status == 500
    assert "keep the rest elsewhere" in str(caplog.records[-1].exc_info)


def test_a_stream_can_read_and_not_change(make_site: MakeSite, carrier: str) -> None:
    """When the content is sent the cookie is gone: what a stream changes is an error, what it reads is there."""
    errors: list[str] = []

    def view(session: Session) -> Iterator[str]:
        def pieces() -> Iterator[str]:
            for change in (
                lambda: session.__setitem__("a", 1),
                lambda: session.pop("a"),
                lambda: session.sign_in(1),
                session.sign_out,
                session.sign_out_everywhere,
            ):
                try:
                    change()
                except Exception as error:  # noqa: BLE001 - it is looked at
                    errors.append(str(error))
            yield session["a"]

        return pieces()

    client = make_site({"/": view, "/put": put}, carrier).client()
    client.get("/put?name=a&value=b")
    response = client.get("/")
    assert response.text == "b"
    assert response.headers["cache-control"] == "private"
    assert len(errors) == 5
    assert all("can't change any more" in each for each in errors)


def test_a_response_of_the_sites_own_keeps_its_fields(make_site: MakeSite) -> None:
    """A stricter rule for caches, other cookies and a redirect are not touched."""

    def view(session: Session) -> Response:
        session["a"] = 1
        response = redirect("/elsewhere")
        response.headers["cache-control"] = "no-store"
        response.set_cookie("other", "1")
        return response

    response = make_site({"/": view}).client().get("/")
    assert (response.status, response.headers["cache-control"]) == (303, "no-store")
    assert [each.partition("=")[0] for each in response.headers.get_all("set-cookie")] == ["other", "session"]


def test_a_shared_response_is_not_changed(make_site: MakeSite) -> None:
    """A response that a view keeps has nothing of one visitor's session in it."""
    kept = Response("kept")

    def view(session: Session) -> Response:
        session["a"] = 1
        return kept

    assert "set-cookie" in make_site({"/": view}).client().get("/").headers
    assert "set-cookie" not in kept.headers


def test_its_repr_has_no_values(make_site: MakeSite) -> None:
    """A session that is logged shows its user and names, and reads nothing for that."""

    def view(session: Session) -> str:
        before = repr(session)
        session["token"] = "secret"
        return f"{before} {session!r}"

    assert make_site({"/": view}).client().get("/").text == (
        "<Session not read yet> <Session no one is signed in; token>"
    )


def test_a_parameter_without_its_type_is_explained() -> None:
    """`def view(session)` is certainly meant as the session, and not as a field of the query."""
    from fanlight import App, SetupError

    def view(session, flash, signer):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - the mistake
        return session or flash or signer

    with pytest.raises(SetupError, match=r"(?s)session: Session.*flash: Flash.*signer: Signer"):
        App({"/": view})


def test_a_request_without_an_app_has_no_session() -> None:
    """A request that was made by hand has no services."""
    from fanlight.testing import FakeHead

    with pytest.raises(AttributeError):
        Session.__fanlight_provider__(None)(Request(FakeHead("GET", "/", None), None, None))
