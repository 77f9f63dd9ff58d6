"""A dependency that refuses a request does so before anything that the request sends is complained about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from fanlight import App, Limits
from fanlight.binding.markers import Header
from fanlight.errors import Forbidden, HTTPError, Unauthorized
from fanlight.message.form import FormErrors
from fanlight.message.request import Request
from fanlight.message.upload import Upload
from fanlight.testing import Client

Make = Callable[..., Any]
events: list[str] = []


@pytest.fixture(autouse=True)
def _quiet() -> None:
    events.clear()


@dataclass
class Order:
    """A body that notes when it is made."""

    count: int

    def __post_init__(self) -> None:
        events.append("order is read")


def signed_in(request: Request) -> str:
    if "cookie" not in request.headers:
        raise Unauthorized("sign in", headers={"www-authenticate": "Basic"})
    return "ann"


async def signed_in_async(request: Request) -> str:
    return signed_in(request)


def database() -> Iterator[str]:
    try:
        yield "db"
        events.append("commit")
    except HTTPError as error:
        events.append(f"rollback {error.status}")
        raise


async def database_async() -> AsyncIterator[str]:
    try:
        yield "db"
        events.append("commit")
    except HTTPError as error:
        events.append(f"rollback {error.status}")
        raise


User = Annotated[str, signed_in]
AsyncUser = Annotated[str, signed_in_async]
Database = Annotated[str, database]
AsyncDatabase = Annotated[str, database_async]


def order(order: Order, db: Database, user: User, page: int = 1) -> str:
    return f"{user} {order.count} {page}"


async def order_async(order: Order, db: AsyncDatabase, user: AsyncUser, page: int = 1) -> str:
    return f"{user} {order.count} {page}"


VIEWS = pytest.mark.parametrize("view", [order, order_async])
COOKIE = {"cookie": "a=b"}


@VIEWS
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"json": {"count": "no number"}}, id="invalid field"),
        pytest.param({"json": {}}, id="missing field"),
        pytest.param({"content": b"{", "fields": {"content-type": "application/json"}}, id="malformed"),
        pytest.param({"content": b"x", "fields": {"content-type": "text/csv"}}, id="unsupported type"),
        pytest.param({"json": {"count": 1}}, id="valid"),
    ],
)
def test_authentication_comes_before_validation(site: Make, view: Any, sent: dict[str, Any]) -> None:
    """A client that is not signed in gets the 401, whatever it sends, and its content is not read."""
    response = site({"POST /": view}).post("/?page=x", **sent)
    assert (response.status, response.headers["www-authenticate"]) == (401, "Basic")
    assert events == ["rollback 401"]


@VIEWS
def test_invalid_input_is_reported_behind_it(site: Make, view: Any) -> None:
    """A client that is signed in gets every complaint, and the dependencies that are open get the error."""
    response = site({"POST /": view}).post("/?page=x", json={"count": "x"}, fields=COOKIE)
    assert [each[:2] for each in response.bad] == [("query", "page"), ("json", "count")]
    assert events == ["rollback 422"]


@VIEWS
def test_a_valid_request_is_as_before(site: Make, view: Any) -> None:
    """The view gets its arguments and its dependencies."""
    assert site({"POST /": view}).post("/?page=2", json={"count": 3}, fields=COOKIE).text == "ann 3 2"
    assert events == ["order is read", "commit"]


def tenant(x_tenant: Header[int], size: int) -> int:
    events.append("tenant")
    return x_tenant


def account(tenant: Annotated[int, tenant]) -> str:
    events.append("account")
    return f"account {tenant}"


def of_account(account: Annotated[str, account], user: User, count: int) -> str:
    return account


async def of_account_async(account: Annotated[str, account], user: AsyncUser, count: int) -> str:
    return account


@pytest.mark.parametrize("view", [of_account, of_account_async])
def test_a_dependency_with_invalid_input_is_not_opened(site: Make, view: Any) -> None:
    """Nor is one that needs it; the others run, and then all complaints are in one response, the view's first."""
    client = site({"/": view})
    assert client.get("/").status == 401
    assert [each[:2] for each in client.get("/", fields=COOKIE).bad] == [
        ("query", "count"),
        ("header", "x-tenant"),
        ("query", "size"),
    ]
    assert events == []
    assert client.get("/?size=1&count=2", fields={"x-tenant": "7", **COOKIE}).text == "account 7"


def test_another_error_of_the_view_comes_before_a_dependencys_422(site: Make) -> None:
    """Malformed content is not hidden by a field that is missing."""

    def view(order: Order, account: Annotated[str, account]) -> str:
        return account

    malformed = {"content": b"{", "fields": {"content-type": "application/json"}}
    assert site({"POST /": view}).post("/", **malformed).status == 400


def test_an_undecodable_query_of_a_dependency_does_not_hide_the_401(site: Make) -> None:
    """A dependency whose own input is malformed waits for those that refuse the request."""

    def view(account: Annotated[str, account], user: User) -> str:
        return account

    client = site({"/": view})
    assert client.get("/?size=%ff").status == 401
    assert client.get("/?size=%ff", fields=COOKIE).status == 400


def shown(errors: FormErrors, user: User, name: str) -> Any:
    return {"errors": errors, "user": user}


def test_a_form_is_not_shown_again_to_a_client_that_is_refused(site: Make) -> None:
    """Authentication comes before the complaints about the form, which are the view's."""
    client = site({"POST /": shown})
    assert client.post("/", form={}).status == 401
    assert client.post("/", form={}, fields=COOKIE).json == {"errors": {"name": "is missing"}, "user": "ann"}


# --- content that is refused before it is read ------------------------------------------------------------------


def upload(photo: Upload, user: User, db: Database) -> str:
    return user


async def upload_async(photo: Upload, user: AsyncUser, db: AsyncDatabase) -> str:
    return user


def by_hand(request: Request, user: User, db: Database) -> str:
    return request.text


def middleware(request: Request) -> Iterator[None]:
    response: Any = yield
    response.headers["x-way"] = "m"


async def middleware_async(request: Request) -> AsyncIterator[None]:
    response: Any = yield
    response.headers["x-way"] = "m"


@pytest.mark.parametrize("steps", [(), (middleware,), (middleware_async,)])
@pytest.mark.parametrize("view", [order, order_async, upload, upload_async, by_hand])
def test_a_401_comes_before_the_413_of_content_that_is_too_large(view: Any, steps: Any) -> None:
    """A dependency may refuse a request whose content is refused; if none does, it is closed with the 413."""
    app = App({"POST /": view}, middleware=steps)
    with Client(app, limits=Limits(content_bytes=100)) as client:
        refused = client.post("/", content=b"x" * 200, headers={"content-type": "application/json"})
        too_large = client.post("/", content=b"x" * 200, headers={"content-type": "application/json", **COOKIE})
    assert (refused.status, too_large.status) == (401, 413)
    assert [each.headers.get("x-way", "") for each in (refused, too_large)] == ["m" * len(steps)] * 2
    assert events[-1] == "rollback 413"


@pytest.mark.parametrize("view", [order, order_async])
def test_a_401_comes_before_the_415_of_encoded_content(view: Any) -> None:
    """Content that is compressed is refused behind the dependencies as well."""
    with Client(App({"POST /": view})) as client:
        head = {"content-type": "application/json", "content-encoding": "gzip"}
        statuses = [client.post("/", content=b"x", headers=head | more).status for more in ({}, COOKIE)]
    assert statuses == [401, 415]


def reading(request: Request) -> bytes:
    return request.content


def of_reading(content: Annotated[bytes, reading], user: User) -> bytes:
    return content


def test_a_dependency_that_reads_refused_content_gets_its_error() -> None:
    """It raises the 413 where it reads, as an error of its own."""
    with Client(App({"POST /": of_reading}), limits=Limits(content_bytes=100)) as client:
        assert client.post("/", content=b"x" * 200).status == 413


def guard(request: Request) -> None:
    raise Forbidden


def closed(guard: Annotated[None, guard]) -> str:
    return ""


def test_content_that_the_view_does_not_take_is_discarded() -> None:
    """Where neither the view nor a dependency reads it, its size and its coding are not looked at."""
    with Client(App({"POST /": closed}), limits=Limits(content_bytes=100)) as client:
        assert client.post("/", content=b"x" * 200).status == 403
