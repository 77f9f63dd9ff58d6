"""A test signs users in, and reads and changes the session, without a view for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from fanlight import App, Response, Session, rate_limit
from fanlight.signing.signing_keys import Keys
from fanlight.stores.memory_store import MemoryStore
from fanlight.testing import Client, FakeHandler, LiveServer


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)


def show(session: Session) -> dict[str, Any]:
    return {**session, "user": session.user_id}


def put(cart: Session[Cart], item: str) -> str:
    cart.data.items.append(item)
    return "kept"


@pytest.fixture
def app() -> App:
    return App({"/": show, "/put": put})


@pytest.mark.parametrize("base_url", ["http://testserver", "https://shop.example:8443"])
def test_a_user_is_signed_in(app: App, base_url: str) -> None:
    """By an id, as a view does it; over https in the cookie for that."""
    with Client(app, base_url=base_url) as client:
        client.sign_in(5)
        assert client.get("/").json() == {"user": 5}
        client.sign_in("ada")
        assert client.get("/").json() == {"user": "ada"}


def test_a_session_is_read_and_changed(app: App) -> None:
    """What a test puts in, a view finds, and the reverse; also as an object of a class."""
    with Client(app) as client:
        with client.session() as session:
            assert session.is_new
            session["theme"] = "dark"
        client.get("/put?item=tea")
        with client.session(Cart) as cart:
            assert cart.data.items == ["tea"]
            cart.data.items.append("milk")
        assert client.get("/").json() == {"theme": "dark", "items": ["tea", "milk"], "user": None}
        with client.session() as session:
            session.clear()
        assert "session" not in client.cookies


def test_a_block_that_fails_changes_nothing(app: App) -> None:
    """As in a view that fails."""
    with Client(app) as client:
        with pytest.raises(ZeroDivisionError), client.session() as session:
            session["a"] = 1 / 0
        assert client.get("/").json() == {"user": None}


def test_each_client_has_its_own(app: App) -> None:
    """Two clients are two browsers."""
    with Client(app) as first, Client(app) as second:
        first.sign_in(5)
        assert second.get("/").json() == {"user": None}


def test_another_handler_has_no_sessions() -> None:
    """The error says what is needed."""
    handler, message = FakeHandler({"/": lambda _: Response("x")}), "needs an App, and not a FakeHandler"
    with Client(handler) as client, pytest.raises(TypeError, match=message):
        client.sign_in(5)


def test_a_store_is_empty_for_each_test() -> None:
    """What one test has counted is not there for the next; clients at the same time share it, as people do."""

    @rate_limit("1/hour")
    def page() -> str:
        return "page"

    app = App({"/": page})
    for _ in range(2):
        with Client(app) as first, Client(app) as second:
            assert [first.get("/").status, second.get("/").status] == [200, 429]
    with LiveServer(app), Client(app) as client:
        assert client.get("/").status == 200


def test_a_store_of_the_tests_own_is_kept(app: App) -> None:
    """A test that gives the app a store finds it there."""
    store = MemoryStore()
    app.services.use(store=store, keys=Keys(["x" * 40]), keeps_sessions=True)
    with Client(app) as client:
        client.sign_in(5)
        assert app.services.store is store
    with Client(app) as other:
        other.cookies.update(client.cookies)
        assert other.get("/").json() == {"user": 5}
