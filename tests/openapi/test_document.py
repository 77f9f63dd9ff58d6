"""The description of a site: what is in it, what is left open, what is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from tests.openapi.conftest import Describe
from typing_extensions import Doc

from fanlight import (
    BearerToken,
    Body,
    ContentStream,
    Cookie,
    FormErrors,
    Header,
    Image,
    NotFound,
    Request,
    Response,
    Security,
    Session,
    Sessions,
    Static,
    Unauthorized,
    Upload,
    in_openapi,
    middleware,
    rate_limit,
    redirect,
    security_scheme,
    table,
)
from fanlight.errors import AppError
from fanlight.openapi.document import Document
from fanlight.pages.page import Page


class Cat(msgspec.Struct):
    """A cat of the house."""

    name: str
    age: Annotated[int, Meta(ge=0)] = 0


def cats(limit: Annotated[int, Meta(ge=1), Doc("How many at most.")] = 10) -> list[Cat]:
    """List the cats.

    The youngest is first.
    """
    return []


def operation(document: Document, path: str, method: str = "get") -> dict[str, Any]:
    """Return an Operation Object of a document that the validator accepts."""
    validate(json.loads(document.encode()), cls=OpenAPIV31SpecValidator)
    found: dict[str, Any] = document.content["paths"][path][method]
    return found


def test_an_operation_is_made_of_the_view(describe: Describe) -> None:
    """Its docstring, its parameters with bounds and defaults, its return annotation, its errors."""
    document = describe({"/api": table({"/cats": cats}, name="cats", json_errors=True)})
    found = operation(document, "/api/cats")
    assert (found["summary"], found["description"]) == ("List the cats.", "The youngest is first.")
    assert found["tags"] == ["cats"]
    assert found["operationId"] == "cats_tests_openapi_test_document_cats"
    assert found["parameters"] == [
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "minimum": 1, "default": 10},
            "allowEmptyValue": True,
            "description": "How many at most.",
        }
    ]
    schema = found["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"type": "array", "items": {"$ref": "#/components/schemas/Cat"}}
    assert list(found["responses"]) == ["200", "422", "default"]
    assert list(found["responses"]["422"]["content"]) == ["application/problem+json"]
    assert document.content["components"]["schemas"]["Cat"]["required"] == ["name", "age"]
    assert document.gaps == ()


def test_errors_may_be_pages_where_a_table_does_not_say_otherwise(describe: Describe) -> None:
    """A browser gets them as HTML there."""
    errors = operation(describe({"/cats": cats}), "/cats")["responses"]["422"]["content"]
    assert list(errors) == ["application/problem+json", "text/html"]


def test_the_library_is_described_without_gaps(library: Any) -> None:
    """The validator agrees with it, and two runs give the same bytes."""
    document = library.app.describe()
    validate(json.loads(document.encode()), cls=OpenAPIV31SpecValidator)
    assert document.gaps == ()
    assert [each.operation for each in document.left_out] == ["GET / (library_main.home)"]
    assert document.encode() == library.app.describe().encode()
    ids = [each["operationId"] for item in document.content["paths"].values() for each in item.values()]
    assert len(set(ids)) == len(ids) == 21


# --- which routes -------------------------------------------------------------------------------------


def page() -> Page: ...  # type: ignore[empty-body]


def text() -> str: ...  # type: ignore[empty-body]


def unknown(): ...  # type: ignore[no-untyped-def]  # noqa: ANN201


def form(name: str, errors: FormErrors) -> Page | dict[str, str]: ...  # type: ignore[empty-body]


def go_on() -> Response:
    return redirect("/")


def remove() -> None: ...


def test_data_is_described_and_pages_are_not(describe: Describe) -> None:
    """A view that says nothing of what it returns is left out, and that is said."""
    document = describe(
        {
            "/cats": cats,
            "DELETE /cats": remove,
            "/page": page,
            "/text": text,
            "/unknown": unknown,
            "/form": form,
            "/go": go_on,
            "/about": "About",
            "/files": Static("library"),
        }
    )
    assert list(document.content["paths"]) == ["/cats"]
    assert list(document.content["paths"]["/cats"]) == ["get", "delete"]
    assert document.content["paths"]["/cats"]["delete"]["responses"]["204"] == {"description": "No Content"}
    left_out = {each.operation.split()[1]: each.problem for each in document.left_out}
    assert list(left_out) == ["/page", "/text", "/unknown", "/form", "/go"]
    assert "write its return annotation" in left_out["/unknown"]


def test_in_a_table_with_errors_in_json_all_views_are_described(describe: Describe) -> None:
    """Such a table is for programs; pages are left out there as well."""
    document = describe({"/api": table({"/u": unknown, "/go": go_on, "/page": page}, json_errors=True)})
    assert list(document.content["paths"]) == ["/api/u", "/api/go"]
    assert list(operation(document, "/api/go")["responses"]) == ["303", "default"]
    assert list(operation(document, "/api/u")["responses"]) == ["2XX", "default"]
    assert ["no return annotation" in each.problem for each in document.gaps] == [True]


def test_a_mark_decides_the_innermost_first(describe: Describe) -> None:
    """`in_openapi(False)` leaves a view or a table out; `True` has it in."""
    hidden = in_openapi(False)({"/cats": cats, "/shown": in_openapi(True)(lambda: None)})
    document = describe({"/hidden": hidden, "/page": in_openapi(True, tags=["pages"])(page)})
    assert list(document.content["paths"]) == ["/hidden/shown", "/page"]
    found = operation(document, "/page")
    assert (found["tags"], list(found["responses"]["200"]["content"])) == (["pages"], ["text/html"])
    assert document.left_out == ()


def test_a_mark_says_more_of_an_operation(describe: Describe) -> None:
    """Errors of code that is not read, what a whole response is, that it is deprecated; its own id."""
    marked = in_openapi(
        errors=[NotFound, 418], responses={200: Cat, 202: None}, deprecated=True, summary="Go", operation_id="go"
    )(lambda: Response(""))
    found = operation(describe({"/go": marked}), "/go")
    assert list(found["responses"]) == ["200", "202", "404", "418", "default"]
    assert (found["deprecated"], found["summary"], found["operationId"]) == (True, "Go", "go")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"errors": [ValueError()]}, "is no error"),
        ({"errors": [KeyboardInterrupt]}, "is no error"),
        ({"errors": [200]}, "is no error"),
        ({"responses": {99: Cat}}, "is no status"),
        ({"tags": "cats"}, "takes a list"),
    ],
)
def test_a_mark_refuses_what_means_nothing(given: Any, said: str) -> None:
    """When it is written, and not when the document is made."""
    with pytest.raises(AppError, match=said):
        in_openapi(**given)


# --- what is sent -------------------------------------------------------------------------------------


def test_the_content_is_described_in_each_form(describe: Describe) -> None:
    """JSON, in place of a form; a file needs parts; a stream is bytes; a single field may be sent without an object."""

    def both(name: str, born: date | None, tags: list[str]) -> None: ...
    def file(cover: Upload, more: list[Upload], note: str = "") -> None: ...
    async def stream(content: ContentStream) -> None: ...
    def one(numbers: list[int]) -> None: ...
    def whole(prices: Body[dict[str, int]]) -> None: ...
    def maybe(cat: Cat | None) -> None: ...

    views = both, file, stream, one, whole, maybe
    document = describe({f"POST /{each.__name__}": each for each in views})
    bodies = {each.__name__: operation(document, f"/{each.__name__}", "post")["requestBody"] for each in views}
    assert list(bodies["both"]["content"]) == ["application/json"]
    assert bodies["both"]["content"]["application/json"]["schema"]["required"] == ["name"]
    assert list(bodies["file"]["content"]) == ["multipart/form-data"]
    assert bodies["file"]["content"]["multipart/form-data"]["schema"]["required"] == ["cover"]
    assert (list(bodies["stream"]["content"]), bodies["stream"]["required"]) == (["*/*"], False)
    assert len(bodies["one"]["content"]["application/json"]["schema"]["anyOf"]) == 2
    assert bodies["whole"]["content"]["application/json"]["schema"]["type"] == "object"
    assert (bodies["whole"]["required"], bodies["maybe"]["required"]) == (True, False)


def page_size(x_page_size: Header[int] = 10, accept: Header[str] = "") -> int:
    return x_page_size


def logged(request: Request, x_trace: Header[str | None] = None) -> Iterator[None]:
    yield


@middleware(logged)
def sized(size: Annotated[int, page_size], theme: Cookie[Literal["light", "dark"]] = "light") -> Cat:
    return Cat("x")


def test_a_file_that_must_be_an_image_has_its_media_types(describe: Describe) -> None:
    """OpenAPI has them beside the schema, under the name of the field; what else is accepted is in words."""

    @dataclass
    class Sent:
        cover: Annotated[Upload, Image("png", "jpeg", max_pixels=4000)]
        pages: list[Annotated[Upload, Image("webp")]]
        note: Upload

    def send(sent: Sent) -> None: ...

    send.__annotations__["sent"] = Sent
    document = describe({"POST /": send})
    multipart = operation(document, "/", "post")["requestBody"]["content"]["multipart/form-data"]
    assert multipart["encoding"] == {
        "cover": {"contentType": "image/png, image/jpeg"},
        "pages": {"contentType": "image/webp"},
    }
    properties = multipart["schema"]["properties"]
    assert properties["cover"]["description"] == "a PNG or JPEG image of at most 4,000 pixels"
    assert "description" not in properties["note"]


def test_parameters_of_dependencies_and_middleware_are_parameters(describe: Describe) -> None:
    """Wherever they are read; Accept and Content-Type are no parameters in OpenAPI."""
    found = operation(describe({"/": sized}), "/")["parameters"]
    assert [(each["in"], each["name"]) for each in found] == [
        ("cookie", "theme"),
        ("header", "x-trace"),
        ("header", "x-page-size"),
    ]


def test_a_part_of_the_path_has_the_type_of_the_view(describe: Describe) -> None:
    """Of two routes with other names for the same part, the names of the first are used."""

    def show(number: int, kind: Literal["a", "b"]) -> Cat: ...  # type: ignore[empty-body]
    def change(cat: int, sort: str) -> None: ...
    def file(rest: str) -> Path: ...  # type: ignore[empty-body]

    document = describe({"/{number}/{kind}": show, "PUT /{cat}/{sort}": change, "/files/{rest...}": file})
    shown, changed = operation(document, "/{number}/{kind}"), operation(document, "/{number}/{kind}", "put")
    assert [each["schema"] for each in shown["parameters"]] == [
        {"type": "integer"},
        {"type": "string", "enum": ["a", "b"]},
    ]
    assert "404" in shown["responses"]
    assert [each["name"] for each in changed["parameters"]] == ["number", "kind"]
    assert operation(document, "/files/{rest}")["parameters"][0]["x-has-slashes"] is True
    assert ["send as %2F" in each.problem for each in document.gaps] == [True]


def test_routes_that_openapi_can_not_tell_apart(describe: Describe) -> None:
    """The first is described, and that the other is not, is said."""

    def by_number(number: int) -> Cat: ...  # type: ignore[empty-body]
    def by_name(name: str) -> Cat: ...  # type: ignore[empty-body]

    document = describe({"/{number}": by_number, "/{name}": by_name})
    assert list(document.content["paths"]) == ["/{number}"]
    assert "can't tell it from GET /{number}" in document.gaps[0].problem


# --- ids, names, credentials --------------------------------------------------------------------------


def test_each_operation_has_an_id_of_its_own(describe: Describe) -> None:
    """The name by which `url_for` finds the view; where several have it, the method and the path follow."""
    document = describe({"GET|POST /cats": cats, "/one": in_openapi(True)(lambda: None), "/two": remove})
    ids = {each["operationId"] for item in document.content["paths"].values() for each in item.values()}
    name = "tests_openapi_test_document"
    assert ids == {
        f"{name}_cats_get_cats",
        f"{name}_cats_post_cats",
        f"{name}_test_each_operation_has_an_id_of_its_own_locals_lambda",
        f"{name}_remove",
    }


def test_classes_of_the_same_name_have_their_modules(describe: Describe) -> None:
    """So that no name depends on the order of the routes."""

    @dataclass
    class Cat:
        lives: int

    def view() -> list[Cat]: ...  # type: ignore[empty-body]

    view.__annotations__["return"] = list[Cat]
    names = list(describe({"/a": cats, "/b": view}).content["components"]["schemas"])
    assert [each for each in names if "Cat" in each] == [
        f"{__name__}.Cat",
        f"{__name__}.test_classes_of_the_same_name_have_their_modules.Cat",
    ]


def known(token: BearerToken) -> str:
    return token


@security_scheme("sso", {"type": "openIdConnect", "openIdConnectUrl": "https://example.org"}, is_required=False)
def guest(request: Request) -> str:
    return ""


def plain(authorization: Header[str]) -> str:
    return authorization


def for_known(user: Annotated[str, known]) -> Cat: ...  # type: ignore[empty-body]
def for_guests(user: Annotated[str, guest]) -> Cat: ...  # type: ignore[empty-body]
def for_plain(user: Annotated[str, plain]) -> Cat: ...  # type: ignore[empty-body]


def test_credentials_are_security_schemes(describe: Describe) -> None:
    """Of dependencies, by their types or by what they say; a request without them is 401."""
    document = describe({"/a": for_known, "/b": for_guests, "/c": for_plain})
    assert operation(document, "/a")["security"] == [{"bearer": []}]
    assert operation(document, "/a")["responses"]["401"]["headers"]
    assert operation(document, "/b")["security"] == [{"sso": []}, {}]
    assert operation(document, "/c")["security"] == [{"authorization": []}]
    assert "parameters" not in operation(document, "/c")
    assert sorted(document.content["components"]["securitySchemes"]) == ["authorization", "bearer", "sso"]
    assert ["take BearerToken or BasicCredentials" in each.problem for each in document.gaps] == [True]


def test_a_scheme_of_no_type_is_refused() -> None:
    """When it is written."""
    with pytest.raises(AppError, match='needs a "type"'):
        security_scheme("x", {"type": "password"})


def test_what_a_view_reads_by_itself_is_left_open(describe: Describe) -> None:
    """It takes the request, and what it reads there is not known."""

    def post(request: Request) -> Cat: ...  # type: ignore[empty-body]

    assert "it takes the request" in describe({"POST /": post}).gaps[0].problem


def test_a_method_that_openapi_does_not_have_is_left_open(describe: Describe) -> None:
    """The others of the route are described."""
    document = describe({"GET|PROPFIND /": cats})
    assert list(document.content["paths"]["/"]) == ["get"]
    assert document.gaps[0].problem == "OpenAPI has no PROPFIND, so it is left out"


def signed_in(session: Session) -> int:
    if session.user_id is None:
        raise Unauthorized("Please sign in.")
    return 1


def account(user: Annotated[int, signed_in]) -> Cat: ...  # type: ignore[empty-body]


@rate_limit("10/minute")
def visits(session: Session) -> Cat: ...  # type: ignore[empty-body]


def test_a_session_is_a_cookie(describe: Describe) -> None:
    """A dependency that refuses who is not signed in needs it; for a view that takes a session it is optional."""
    document = describe({"/account": account, "/visits": visits}, sessions=Sessions(cookie="id"))
    assert operation(document, "/account")["security"] == [{"session": []}]
    assert "401" in operation(document, "/account")["responses"]
    assert operation(document, "/visits")["security"] == [{"session": []}, {}]
    scheme = {"type": "apiKey", "in": "cookie", "name": "id"}
    assert document.content["components"]["securitySchemes"] == {"session": scheme}


def test_errors_of_marks_and_of_the_site_are_described(describe: Describe) -> None:
    """429 of a rate limit, with the time; 403 for what a page of another site must not send."""
    document = describe({"/visits": visits, "DELETE /": remove})
    assert "Retry-After" in operation(document, "/visits")["responses"]["429"]["headers"]
    assert "403" in operation(document, "/", "delete")["responses"]
    assert "403" not in operation(document, "/visits")["responses"]
    open_site = describe({"DELETE /": remove}, security=Security(cross_site=True))
    assert "403" not in operation(open_site, "/", "delete")["responses"]
