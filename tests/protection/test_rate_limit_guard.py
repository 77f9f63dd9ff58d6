"""What a limit counts, what a client is sent, and what happens without the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import App, HTTPError, NotFound, Request, Response, Static, StoreUnavailable, middleware, rate_limit
from fanlight.app.guard_choice import GuardChoice
from fanlight.protection.rate_limit_guard import RateLimitGuards
from fanlight.protection.rate_limits import RateLimit
from fanlight.protection.security import Security
from fanlight.routing.entries import Placed
from fanlight.services import Services
from fanlight.sessions.session_settings import Sessions
from fanlight.stores.memory_store import MemoryStore
from fanlight.stores.rate import Rate, Taken
from fanlight.testing import Client, FakeHead

FIELDS = ("retry-after", "ratelimit", "ratelimit-policy")


class NotingStore(MemoryStore):
    """A store in memory that notes its calls; `is_gone`: it can't be used."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []
        self.threads: list[int] = []
        self.is_gone = False

    def take(self, key: str, rate: Rate) -> Taken:
        self.taken.append(key)
        self.threads.append(threading.get_ident())
        if self.is_gone:
            raise StoreUnavailable("it is gone")
        return super().take(key, rate)


@pytest.fixture
def store() -> NotingStore:
    return NotingStore()


Serve = Callable[..., Client]


@pytest.fixture
def serve(store: NotingStore) -> Iterator[Serve]:
    """Return a function that serves a table, and counts in `store`."""
    clients: list[Client] = []

    def start(urls: Any, **settings: Any) -> Client:
        app = App(urls, **settings)
        app.services.use(store=store, keys=app.services.keys, keeps_sessions=False)
        clients.append(Client(app))
        return clients[-1].__enter__()

    yield start
    for each in clients:
        each.__exit__(None, None, None)


def view() -> str:
    return "ok"


def statuses(client: Client, path: str, count: int) -> list[int]:
    return [client.get(path).status for _ in range(count)]


def fields(response: Any) -> dict[str, str]:
    return {name: response.headers.get(name) for name in FIELDS if name in response.headers}


# --- what a client is sent ------------------------------------------------------------------------


def test_requests_beyond_the_rate_are_refused(serve: Serve) -> None:
    """Each response has what is left; the first one too many is a 429 with the time of the next try."""
    client = serve({"/": rate_limit("3/minute")(lambda: "ok")})
    policy = {"ratelimit-policy": '"3/minute";q=3;w=60'}
    for remaining in (2, 1, 0):
        assert fields(client.get("/")) == policy | {"ratelimit": f'"3/minute";r={remaining};t=20'}
    refused = client.get("/")
    assert refused.status == 429
    assert fields(refused) == policy | {"ratelimit": '"3/minute";r=0;t=20', "retry-after": "20"}


def test_a_program_gets_problem_details(serve: Serve) -> None:
    """A client that prefers JSON gets the error in JSON, and a browser a page; both have the time in words."""
    client = serve({"/": rate_limit("1/hour")(lambda: "ok")})
    client.get("/")
    problem = client.get("/", headers={"accept": "application/json"})
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["status"] == 429
    assert problem.json()["detail"] == "Please try again in 1 hour."
    assert problem.headers["retry-after"] == "3600"
    page = client.get("/", headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Please try again in 1 hour." in page.text


def test_a_site_may_have_its_own_page(serve: Serve) -> None:
    """The error view of a site is called like for any error, and its response has the fields."""

    def wait(error: HTTPError) -> str:
        return f"slowly, please: {error.detail}"

    client = serve({"/": rate_limit("1/minute")(lambda: "ok")}, errors={429: wait})
    client.get("/")
    refused = client.get("/")
    assert (refused.status, refused.text) == (
        429,
        "slowly, please: Please try again in 1 minute.",
    )
    assert fields(refused).keys() == set(FIELDS)


def test_errors_of_a_view_have_the_fields_too(serve: Serve) -> None:
    """Each response of the route says what is left: an error of the view, and one that is not handled."""

    @rate_limit("10/minute")
    def missing() -> str:
        raise NotFound

    @rate_limit("10/minute")
    def broken() -> str:
        raise RuntimeError("broken")

    client = serve({"/missing": missing, "/broken": broken})
    for path, status in (("/missing", 404), ("/broken", 500)):
        response = client.get(path)
        assert response.status == status
        assert response.headers["ratelimit"] == '"10/minute";r=9;t=6'


def test_everything_in_a_table_is_limited(serve: Serve, tmp_path: Path) -> None:
    """Views, texts, responses and files of a table count together."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("a")
    table = {"/view": view, "/text": "A text", "/response": Response("r"), "/files": Static(tmp_path / "files")}
    client = serve({"/part": rate_limit("4/minute")(table), "/free": view})
    for path in ("view", "text", "response", "files/a.txt"):
        assert client.get(f"/part/{path}").status == 200
    for path in ("view", "text", "response", "files/a.txt"):
        assert client.get(f"/part/{path}").status == 429
    assert client.get("/free").status == 200
    assert "ratelimit" not in client.get("/free").headers


def test_methods_that_the_route_does_not_have_do_not_count(serve: Serve, store: NotingStore) -> None:
    """HEAD counts like GET; a 405 and an OPTIONS request are no requests of the view."""
    client = serve({"/": rate_limit("3/minute")(lambda: "ok")})
    assert client.request("HEAD", "/").headers["ratelimit"] == '"3/minute";r=2;t=20'
    assert client.request("POST", "/").status == 405
    assert client.request("OPTIONS", "/").status in (200, 204)
    assert len(store.taken) == 1


# --- several limits ---------------------------------------------------------------------------------


def test_all_limits_of_a_route_count_and_the_strictest_is_shown(serve: Serve) -> None:
    """A table's limit holds for a view that has one of its own; the one that is nearer to its end is shown."""
    client = serve(
        {"/api": rate_limit("3/hour")({"/a": rate_limit("5/second", name="burst")(lambda: "a"), "/b": view})}
    )
    first = client.get("/api/a")
    assert first.headers["ratelimit-policy"] == '"burst";q=5;w=1, "3/hour";q=3;w=3600'
    assert first.headers["ratelimit"] == '"3/hour";r=2;t=1200'
    assert client.get("/api/b").headers["ratelimit"] == '"3/hour";r=1;t=1200'
    assert client.get("/api/b").headers["ratelimit"] == '"3/hour";r=0;t=1200'
    assert client.get("/api/b").status == 429
    refused = client.get("/api/a")
    assert (refused.status, refused.headers["retry-after"]) == (429, "1200")


@pytest.mark.parametrize("texts", [("2/10 seconds", "5/day"), ("5/day", "2/10 seconds")])
def test_what_a_short_limit_refuses_does_not_use_up_a_long_one(serve: Serve, texts: tuple[str, str]) -> None:
    """The limit with the shortest time is asked first, wherever it is written."""
    outer, inner = map(rate_limit, texts)
    client = serve({"/": outer(inner(lambda: "ok"))})
    assert statuses(client, "/", 20) == [200, 200, *[429] * 18]
    assert client.get("/").headers["ratelimit"].startswith('"2/10 seconds";r=0')


def test_two_limits_that_look_the_same_have_names_of_their_own(serve: Serve) -> None:
    """The items of the fields can be told apart."""
    client = serve({"/api": rate_limit("9/minute")({"/a": rate_limit("9/minute")(lambda: "ok")})})
    names = [each.partition(";")[0] for each in client.get("/api/a").headers["ratelimit-policy"].split(", ")]
    assert len(set(names)) == 2


# --- which requests count together --------------------------------------------------------------------


def test_each_place_counts_by_itself(serve: Serve) -> None:
    """Two views count apart, one view at two routes together, two tables with the same mark apart."""

    @rate_limit("1/minute")
    def one() -> str:
        return "one"

    @rate_limit("1/minute")
    def other() -> str:
        return "other"

    mark = rate_limit("1/minute")
    client = serve({"/one": one, "/other": other, "/again": one, "/a": mark({"/": view}), "/b": mark({"/": view})})
    assert statuses(client, "/one", 2) == [200, 429]
    assert client.get("/other").status == 200
    assert client.get("/again").status == 429
    assert client.get("/a").status == client.get("/b").status == 200
    assert client.get("/a").status == client.get("/b").status == 429


def test_two_closures_of_one_function_count_apart(serve: Serve) -> None:
    """What only looks the same, because its name is the same, is not the same."""

    def make(text: str) -> Callable[[], str]:
        @rate_limit("1/minute")
        def inner() -> str:
            return text

        return inner

    client = serve({"/a": make("a"), "/b": make("b"), "/c": rate_limit("1/minute")(lambda: "c")})
    assert [client.get(path).status for path in ("/a", "/b", "/c")] == [200, 200, 200]


def test_limits_with_a_name_count_together(serve: Serve) -> None:
    """The same name, rate and `by`, at two places, is one limit."""
    client = serve({
        "/a": rate_limit("2/minute", name="mail")(lambda: "a"),
        "/b": rate_limit("2/minute", name="mail")(lambda: "b"),
    })  # fmt: skip
    assert [client.get(path).status for path in ("/a", "/b", "/a")] == [200, 200, 429]


def test_a_function_of_the_request_may_decide(serve: Serve, store: NotingStore) -> None:
    """Each API key has its own count, and nothing of it is in the store."""

    def api_key(request: Request) -> str | None:
        return request.headers.get("x-api-key") or None

    client = serve({"/": rate_limit("1/minute", by=api_key)(lambda: "ok")})
    keys = [{"x-api-key": "secret-one"}, {"x-api-key": "secret-two"}, {}]
    assert [client.get("/", headers=each).status for each in keys] == [200, 200, 200]
    assert [client.get("/", headers=each).status for each in keys] == [429, 429, 429]
    assert "secret" not in "".join(store.taken)


def test_a_function_that_fails_is_an_error_of_the_site(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """An exception is a 500 with a traceback; an HTTPError is that response."""

    def broken(request: Request) -> str:
        if "x" in request.query:
            raise NotFound
        raise RuntimeError("the key is broken")

    client = serve({"/": rate_limit("1/minute", by=broken)(lambda: "ok")})
    assert client.get("/").status == 500
    assert "the key is broken" in caplog.text
    assert client.get("/?x=1").status == 404


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_each_user_has_a_count_of_its_own(serve: Serve, kind: str) -> None:
    """Users are counted by id, whatever cookie they have; the response is for one visitor only."""

    async def view_async() -> str:
        return "ok"

    client = serve({"/": rate_limit("2/minute", by="user")(view_async if kind == "async" else lambda: "ok")})
    client.sign_in("ada")
    first = client.get("/")
    assert first.headers["ratelimit"] == '"2/minute by user";r=1;t=30'
    assert (first.headers["vary"], first.headers["cache-control"]) == ("cookie", "private")
    client.sign_in("ada")
    assert statuses(client, "/", 2) == [200, 429]
    client.sign_in("bob")
    assert client.get("/").status == 200
    client.cookies.clear()
    assert statuses(client, "/", 3) == [200, 200, 429]


def test_without_sessions_users_are_counted_by_address(serve: Serve) -> None:
    """No one is signed in, so all requests of one address count together."""
    client = serve({"/": rate_limit("1/minute", by="user")(lambda: "ok")})
    assert statuses(client, "/", 2) == [200, 429]


def test_the_keys_are_the_same_in_every_process() -> None:
    """Two processes that load the same table count under the same keys, also for marks that look the same."""

    def keys() -> list[str]:
        marks = [(RateLimit("1/minute", "address", ""), place) for place in ("view", "view", "/{a}:b", "x" * 300)]
        guards = RateLimitGuards()
        return [each.key for mark in marks for each in guards.guard_for([mark])._limits]

    assert keys() == keys()
    assert len(set(keys())) == 4
    assert all(len(each) < 250 for each in keys())


# --- the store -------------------------------------------------------------------------------------------


def test_without_the_store_only_limited_routes_fail(serve: Serve, store: NotingStore) -> None:
    """A store that is gone is a 503 with Retry-After for what needs it; the rest of the site goes on."""
    client = serve({"/": rate_limit("5/minute")(lambda: "ok"), "/free": view})
    assert client.get("/").status == 200
    store.is_gone = True
    refused = client.get("/")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert client.get("/free").status == 200
    store.is_gone = False
    assert client.get("/").headers["ratelimit"].startswith('"5/minute";r=3')


@pytest.mark.parametrize("with_middleware", [False, True])
def test_an_async_view_does_not_wait_on_the_loop(serve: Serve, store: NotingStore, with_middleware: bool) -> None:
    """The store is asked in another thread than that of the event loop, also for a plain view in async middleware."""
    loops: list[int] = []

    async def noting(request: Request) -> Any:
        loops.append(threading.get_ident())
        yield

    async def async_view() -> str:
        loops.append(threading.get_ident())
        return "ok"

    limited = rate_limit("2/minute")(middleware(noting)(lambda: "ok") if with_middleware else async_view)
    client = serve({"/": limited})
    assert statuses(client, "/", 3) == [200, 200, 429]
    assert client.get("/").headers["ratelimit"] == '"2/minute";r=0;t=30'
    assert len(store.threads) == 4
    assert not set(loops) & set(store.threads)


def test_a_route_without_a_limit_has_no_guard() -> None:
    """Nothing runs for it; one with several limits has one guard."""
    choice = GuardChoice(Security(), Sessions())
    assert choice.guards_for([], frozenset({"GET"}), "GET /") == ()
    marks = [Placed(rate_limit("1/second"), "a"), Placed(rate_limit("2/minute"), "b")]
    assert len(choice.guards_for(marks, frozenset({"GET"}), "GET /")) == 1


def test_an_app_with_a_limit_needs_a_store() -> None:
    """The deployment is asked for a store by an app that has a limit, and by no other."""
    assert App({"/": rate_limit("1/second")(lambda: "ok")}).needs_services
    assert not App({"/": view}).needs_services


def test_a_limit_of_some_methods_passes_the_others() -> None:
    """A mark may be for POST only: other methods are not counted, and say nothing."""
    store = NotingStore()
    services = Services()
    services.use(store=store, keys=services.keys, keeps_sessions=False)

    class Own(Request):
        __slots__ = ()

    Own.services = services
    guard = RateLimitGuards().guard_for([(RateLimit("1/minute", "address", "", frozenset({"POST"})), "/sign-in")])
    for method, count in (("GET", 0), ("POST", 1)):
        request, response = Own(FakeHead(method, "/", {}), "127.0.0.1", None), Response("ok")
        guard.begin(request)
        guard.finish(request, response)
        assert len(store.taken) == count
        assert ("ratelimit" in response.headers) == (count == 1)


def test_only_some_methods_are_counted() -> None:
    """With `methods` a form can be shown as often as one likes; only what is sent is counted."""
    sign = rate_limit("1/hour", methods=["POST"])(lambda: "ok")
    with Client(App({"GET|POST /": sign}, file=__file__)) as client:
        assert [client.get("/").status for _ in range(3)] == [200] * 3
        assert [client.post("/").status for _ in range(2)] == [200, 429]
        assert client.get("/").status == 200
