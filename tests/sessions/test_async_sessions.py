"""Async views, and what runs with them, never wait for the store on the event loop."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from tests.sessions.conftest import MakeSite, SessionSite

from fanlight import NotFound, Session, Templates, render

threads: list[str] = []


class Watched:
    """Notes the thread of each call of a store, and in which thread the event loop runs."""

    def __init__(self, site: SessionSite, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[str] = []
        call = site.store._call

        def note(name: str) -> None:
            self.threads.append(threading.current_thread().name)
            call(name)

        monkeypatch.setattr(site.store, "_call", note)


async def where() -> str:
    return threading.current_thread().name


async def show(session: Session) -> str:
    return f"user {session.user_id}"


async def change(session: Session) -> str:
    session["a"] = 1
    return "changed"


async def enter(session: Session) -> str:
    session.sign_in(6)
    return "hello"


async def leave(session: Session) -> str:
    session.sign_out()
    return "bye"


def user_of(session: Session) -> int | str | None:
    return session.user_id


async def depends(user: Annotated[int | str | None, user_of]) -> str:
    return f"user {user}"


async def page() -> Any:
    return render("page.html")


async def missing() -> None:
    raise NotFound


async def stream(session: Session) -> AsyncIterator[str]:
    yield f"user {session.user_id}"


def lazy(session: Session) -> AsyncIterator[str]:
    async def pieces() -> AsyncIterator[str]:
        yield repr(session)

    return pieces()


def sync_in_async() -> Any:
    return render("page.html")


def not_found(session: Session) -> str:
    return f"not found by {session.user_id}"


async def middleware() -> AsyncIterator[None]:
    yield


def step(session: Session) -> Iterator[None]:
    assert session.is_new in (True, False)
    yield


URLS = {
    "/where": where,
    "/": show,
    "/change": change,
    "/enter": enter,
    "/leave": leave,
    "/depends": depends,
    "/page": page,
    "/missing": missing,
    "/stream": stream,
    "/sync": sync_in_async,
    "/lazy": lazy,
}
Watch = Callable[..., tuple[SessionSite, Watched]]


@pytest.fixture
def watch(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("user {{ user }}")

    def make(carrier: str, **options: Any) -> tuple[SessionSite, Watched]:
        templates = Templates(context={"user": user_of})
        site = make_site(URLS, carrier, templates=templates, errors={404: not_found}, **options)
        return site, Watched(site, monkeypatch)

    return make


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "user 5"),
        ("/depends", "user 5"),
        ("/page", "user 5"),
        ("/missing", "not found by 5"),
        ("/stream", "user 5"),
        ("/change", "changed"),
        ("/enter", "hello"),
        ("/leave", "bye"),
    ],
)
@pytest.mark.parametrize("middlewares", [(), (middleware,), (step,), (step, middleware)])
def test_the_event_loop_does_not_wait_for_the_store(
    watch: Watch, carrier: str, path: str, text: str, middlewares: tuple[Any, ...]
) -> None:
    """The view, its dependencies, its template, an error view and middleware have the session without blocking."""
    site, watched = watch(carrier, middleware=middlewares)
    client = site.client()
    loop = client.get("/where").text
    client.sign_in(5)
    watched.threads.clear()
    assert client.get(path, headers={"accept": "text/html"}).text == text
    assert watched.threads
    assert loop not in watched.threads


def test_what_a_store_knows_at_once_needs_no_thread(watch: Watch, carrier: str) -> None:
    """A session that was read before, and is unchanged since, costs an async view no change of threads."""
    site, watched = watch(carrier)
    client = site.client()
    client.sign_in(5)
    watched.threads.clear()
    site.store.is_quick = True
    assert client.get("/").text == "user 5"
    assert watched.threads == []


def test_what_a_store_knows_at_once_is_checked_as_well(watch: Watch, carrier: str) -> None:
    """A copy of the cookie is worthless after sign-out, whichever way the store is read."""
    site, _ = watch(carrier)
    client = site.client()
    client.sign_in(5)
    copied = dict(client.cookies)
    client.get("/leave")
    site.store.is_quick = True
    other = site.client()
    for name, value in copied.items():
        other.cookies[name] = value
    assert other.get("/").text == "user None"


def test_a_sync_view_behind_async_middleware_does_not_either(watch: Watch, carrier: str) -> None:
    """Its template is rendered in the thread in which it runs."""
    site, watched = watch(carrier, middleware=(middleware,))
    client = site.client()
    loop = client.get("/where").text
    client.sign_in(5)
    watched.threads.clear()
    assert client.get("/sync").text == "user 5"
    assert watched.threads
    assert loop not in watched.threads


def test_a_visitor_without_a_session_needs_no_thread(watch: Watch, carrier: str) -> None:
    """There is nothing to look up."""
    site, watched = watch(carrier)
    client = site.client()
    assert client.get("/").text == client.get("/page").text == "user None"
    assert watched.threads == []


def test_a_store_that_is_gone_fails_where_the_session_is_used(watch: Watch, carrier: str) -> None:
    """A page whose template uses it is 503; an error page comes all the same."""
    site, _ = watch(carrier)
    client = site.client()
    client.sign_in(5)
    site.store.is_gone = True
    assert client.get("/page").status == 503
    assert client.get("/where").status == 200
    assert client.get("/missing", headers={"accept": "text/html"}).status == 404


def test_a_stream_of_a_sync_view_finds_it_read(watch: Watch, carrier: str) -> None:
    """A sync view that returns an async stream may not have used the session: it is read where the view runs."""
    site, _ = watch(carrier)
    client = site.client()
    client.sign_in(5)
    response = client.get("/lazy")
    assert response.text == "<Session of user 5; no values>"
    assert response.headers["cache-control"] == "private"
