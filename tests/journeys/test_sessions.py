"""Sessions of a site that is served by the command: by four workers, by two servers on one Redis, in a browser."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.browser import Tab
from tests.journeys.conftest import Serve, Site
from tests.redis_server import RedisServer
from tests.speed import PATIENCE

SECRET = "MAfSd0hJ0ZJmXZKXoJ0n4nJmXlq4sVxI8zGv1bTqYwE"
MAIN = '''
import os
from typing import Annotated

from fanlight import Flash, Request, Session, Sessions, Unauthorized, redirect, redirect_back


def signed_in(session: Session) -> int:
    if session.user_id is None:
        raise Unauthorized("Please sign in.")
    return session.user_id


User = Annotated[int, signed_in]


def count(session: Session):
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"], "worker": os.getpid()}


def secret(user: User):
    return {"user": user, "worker": os.getpid()}


def page(user: User):
    return f"""<!doctype html><title>Secret</title><link rel="icon" href="data:,"><h1>Secret of {user}</h1>
<form method="post" action="/sign-out"><button>Sign out</button></form>"""


def form():
    return """<!doctype html><title>Sign in</title><link rel="icon" href="data:,"><form method="post">
<input name="user"><button>Sign in</button></form>"""


def enter(session: Session, flash: Flash, request: Request, user: int):
    session.sign_in(user)
    flash("Welcome", "success")
    return redirect_back(request, "/home")


def leave(session: Session, flash: Flash):
    session.sign_out()
    flash("Good bye")
    return redirect("/home")


URLS = {
    "/count": count,
    "/secret": secret,
    "/page": page,
    "/home": "home.html",
    "/plain": "plain",
    "/sign-in": form,
    "POST /sign-in": enter,
    "POST /sign-out": leave,
}
SESSIONS = Sessions(sign_in="/sign-in", attempts=None)
'''
HOME = """<!doctype html><title>Home</title><link rel="icon" href="data:,"><h1>Home</h1>
{% for message in flashes() %}<p class="{{ message.category }}">{{ message }}</p>{% endfor %}
<p><a href="/page">Secret</a></p>"""
NewClient = Callable[[Site], httpx.Client]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a site with sessions."""
    site = tmp_path / "site"
    (site / "templates").mkdir(parents=True)
    (site / "main.py").write_text(MAIN)
    (site / "templates" / "home.html").write_text(HOME)
    return site


@pytest.fixture
def new_client() -> Iterator[NewClient]:
    """Return a function that makes a client with cookies of its own, and a connection for each request."""
    made: list[httpx.Client] = []

    def make(site: Site) -> httpx.Client:
        limits = httpx.Limits(max_keepalive_connections=0)
        made.append(httpx.Client(base_url=site.url, limits=limits, timeout=PATIENCE))
        return made[-1]

    yield make
    for each in made:
        each.close()


def sign_in(client: httpx.Client, user: int = 5) -> None:
    assert client.post("/sign-in", data={"user": str(user)}).status_code == 303


def in_threads(count: int, act: Callable[[int], None]) -> None:
    """Run a function in several threads at once, and raise what one of them raises."""
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            act(number)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("store", ["", "sqlite:sessions.sqlite"])
def test_four_workers_have_the_same_sessions(
    serve: Serve, folder: Path, new_client: NewClient, tmp_path: Path, store: str
) -> None:
    """Twelve visitors count in their sessions at once: no request is lost, and a sign-out is known to all workers."""
    site = serve(folder, "--workers", "4", "--store", store, "--state-folder", str(tmp_path / "state"))
    workers: set[int] = set()

    def visit(number: int) -> None:
        client, thief = new_client(site), new_client(site)
        sign_in(client, number)
        for expected in range(1, 21):
            shown = client.get("/count").json()
            assert shown["count"] == expected
            workers.add(shown["worker"])
        thief.cookies.update(client.cookies)
        assert thief.get("/secret").json()["user"] == number
        client.post("/sign-out")
        assert {thief.get("/secret").status_code for _ in range(12)} == {401}

    in_threads(12, visit)
    assert len(workers) == 4


@pytest.mark.parametrize("store", ["", "sqlite:sessions.sqlite"])
def test_sessions_outlive_the_server(
    serve: Serve, folder: Path, new_client: NewClient, tmp_path: Path, store: str
) -> None:
    """After a restart people are signed in as before, and those that had signed out are not."""
    words = ("--store", store, "--state-folder", str(tmp_path / "state"))
    first = serve(folder, *words)
    client, thief = new_client(first), new_client(first)
    sign_in(client)
    sign_in(thief, 6)
    stolen = dict(thief.cookies)
    thief.post("/sign-out")
    first.send_signal(signal.SIGTERM)
    assert first.wait_for_exit() == 0
    second = serve(folder, *words)
    again, copy = new_client(second), new_client(second)
    again.cookies.update(dict(client.cookies))
    copy.cookies.update(stolen)
    assert again.get("/secret").json()["user"] == 5
    assert copy.get("/secret").status_code == 401


def test_two_servers_on_one_redis(
    serve: Serve, folder: Path, new_client: NewClient, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session is there on both; with Redis killed only what needs it is 503, and then all is back."""
    monkeypatch.setenv("FANLIGHT_SECRET", SECRET)
    servers = [serve(folder, "--store", redis_server.url) for _ in range(2)]
    clients = [new_client(each) for each in servers]
    sign_in(clients[0])
    clients[1].cookies.update(dict(clients[0].cookies))
    for expected in range(1, 11):
        assert clients[expected % 2].get("/count").json()["count"] == expected
    must_stop, statuses = threading.Event(), {"/secret": set[int](), "/plain": set[int]()}

    def load(number: int) -> None:
        client = new_client(servers[number % 2])
        client.cookies.update(dict(clients[0].cookies))
        while not must_stop.is_set():
            for path, seen in statuses.items():
                seen.add(client.get(path).status_code)

    def disturb() -> None:
        redis_server.kill()
        wait_for(lambda: 503 in statuses["/secret"])
        redis_server.start()
        wait_for(lambda: clients[0].get("/secret").status_code == clients[1].get("/secret").status_code == 200)

    def act(number: int) -> None:
        if number < 4:
            load(number)
            return
        try:
            disturb()
        finally:
            must_stop.set()

    in_threads(5, act)
    assert statuses == {"/secret": {200, 503}, "/plain": {200}}
    clients[1].post("/sign-out")
    assert clients[0].get("/secret").status_code == 401


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)  # another process changes: there is no event to wait for


def test_a_person_signs_in_and_comes_back(serve: Serve, folder: Path, tmp_path: Path, tab: Tab) -> None:
    """In a browser, a page for signed-in users leads to the form and back, and a message is shown once."""
    site = serve(folder, "--state-folder", str(tmp_path / "state"))
    tab.open(f"{site.url}/page")
    assert tab.evaluate("document.title") == "Sign in"
    tab.type("input", "5")
    tab.click("button")
    assert tab.evaluate("[document.title, location.pathname]") == ["Secret", "/page"]
    tab.open(f"{site.url}/home")
    assert tab.evaluate("document.querySelector('p.success').textContent") == "Welcome"
    tab.open(f"{site.url}/home")
    assert tab.evaluate("document.querySelector('p.success')") is None
    assert tab.evaluate("document.cookie") == ""  # scripts can't read it
    tab.open(f"{site.url}/page")
    tab.click("button")
    assert tab.evaluate("[document.title, document.querySelector('p.info').textContent]") == ["Home", "Good bye"]
    tab.click("a")
    assert tab.evaluate("document.title") == "Sign in"
