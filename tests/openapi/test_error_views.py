"""What error views send is described for the operations whose code raises the exceptions of their classes."""

from __future__ import annotations

from typing import Any, Literal, NoReturn, TypedDict

import pytest
from tests.openapi.conftest import Describe

from fanlight import Conflict, HTTPError, Part, Response, in_openapi, redirect, table
from fanlight.openapi.document import Document

PROBLEM = {"$ref": "#/components/schemas/Problem"}
SORRY = {"$ref": "#/components/schemas/Sorry"}


class ShopError(Exception): ...


class OutOfStock(ShopError): ...


class Closed(HTTPError):
    status = 423


class Sorry(TypedDict):
    sorry: str


def buy() -> dict[str, int]:
    raise OutOfStock


def shut() -> dict[str, int]:
    raise Closed


def with_status(error: Exception) -> tuple[Sorry, Literal[409]]: ...  # type: ignore[empty-body]
def without_status(error: Exception) -> Sorry: ...  # type: ignore[empty-body]
def whole(error: Exception) -> Response: ...  # type: ignore[empty-body]
@in_openapi(responses={409: Sorry})
def declared(error: Exception) -> Response: ...  # type: ignore[empty-body]
def raising(error: Exception) -> NoReturn:
    raise Conflict


def unannotated(error):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    raise Conflict


def raising_or_not(error: Exception) -> tuple[Sorry, Literal[409]]:
    if error.args:
        raise Conflict
    return {"sorry": ""}, 409


def going_on(error: Exception) -> Response:
    return redirect("/empty")


def responses(document: Document, path: str = "/buy", method: str = "post") -> dict[str, Any]:
    """Return the content of each response by status and media type, without what each operation has."""
    described: dict[str, Any] = document.content["paths"][path][method]["responses"]
    found = {status: each.get("content", {}) for status, each in described.items()}
    kept = {status: each for status, each in found.items() if status not in ("200", "403", "default")}
    return {status: {name: of["schema"] for name, of in content.items()} for status, content in kept.items()}


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (with_status, {"409": {"application/json": SORRY}}),
        (without_status, {"500": {"application/json": SORRY}}),
        (declared, {"409": {"application/json": SORRY}}),
        (raising, {"409": {"application/problem+json": PROBLEM}}),
        (unannotated, {"409": {"application/problem+json": PROBLEM}}),
        (raising_or_not, {"409": {"application/problem+json": PROBLEM, "application/json": SORRY}}),
        (going_on, {"303": {}}),
    ],
)
def test_an_error_view_says_what_it_sends(describe: Describe, view: Any, expected: Any) -> None:
    """By its return annotation, by the errors and redirects in its code, or by a mark."""
    document = describe({"/buy": table({"POST /": buy}, json_errors=True)}, errors={ShopError: view})
    assert responses(document) == expected
    assert not document.gaps


def test_an_error_of_a_class_with_a_status_keeps_it(describe: Describe) -> None:
    """A response without a status has that of an HTTP error, and not 500."""
    document = describe({"POST /buy": shut}, errors={Closed: without_status})
    assert responses(document) == {"423": {"application/json": SORRY}}


def test_an_error_that_is_declared_needs_no_code(describe: Describe) -> None:
    """`in_openapi(errors=[...])` takes the classes that have an error view; one that has none is left open."""

    @in_openapi(errors=[OutOfStock, KeyError])
    def buy_there() -> dict[str, int]: ...  # type: ignore[empty-body]

    document = describe({"POST /buy": buy_there}, errors={OutOfStock: with_status})
    assert responses(document) == {"409": {"application/json": SORRY}}
    assert [each.problem for each in document.gaps] == [
        "KeyError has no view in the errors of the app, so it is any other error"
    ]


def test_without_an_error_view_nothing_is_described(describe: Describe) -> None:
    """An exception in the code is any other error, unless the app has a view for it."""
    document = describe({"/buy": table({"POST /": buy}, json_errors=True)})
    assert responses(document) == {}
    assert not document.gaps


def test_an_error_view_that_does_not_say_what_it_sends_is_left_open(describe: Describe) -> None:
    """A whole response may have any status: nothing is guessed, and what to write is said."""
    document = describe({"POST /buy": buy}, errors={ShopError: whole})
    assert responses(document) == {}
    (gap,) = document.gaps
    assert gap.problem.endswith(
        "whole does not say what it sends for OutOfStock;"
        " write its status and its content, like -> tuple[OutOfStockProblem, Literal[409]]"
    )


def test_what_a_view_says_of_a_status_stands_beside_what_its_error_view_says(describe: Describe) -> None:
    """Both may be sent with a status; what a mark says of one is all that there is to say."""

    def both() -> tuple[list[int], Literal[409]]:
        raise OutOfStock

    errors = {ShopError: with_status}
    either = {"anyOf": [{"type": "array", "items": {"type": "integer"}}, SORRY]}
    assert responses(describe({"POST /buy": both}, errors=errors)) == {"409": {"application/json": either}}
    marked = in_openapi(responses={409: str})(both)
    assert responses(describe({"POST /buy": marked}, errors=errors)) == {"409": {"text/html": {"type": "string"}}}


def test_the_error_view_of_a_part_comes_first(describe: Describe) -> None:
    """As it does when the exception is raised; a part without one has that of the site."""
    own = Part({"POST /buy": buy, "POST /shut": shut}, name="shop", errors={OutOfStock: raising, 423: "Closed"})
    other = Part({"POST /buy": buy}, name="other")
    errors = {ShopError: with_status, Closed: without_status}
    document = describe({"/shop": own, "/other": other}, errors=errors)
    assert list(responses(document, "/shop/buy")["409"]) == ["application/problem+json", "text/html"]
    assert list(responses(document, "/other/buy")["409"]) == ["application/json"]
    assert list(responses(document, "/shop/shut")["423"]) == ["application/problem+json", "text/html"]
