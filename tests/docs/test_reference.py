"""The tables of the reference name what is there, and leave nothing out."""

import inspect
import re
from pathlib import Path

import fanlight.errors
from fanlight import Request, Response
from fanlight.errors import HTTPError
from fanlight.foreign_names import ForeignName

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def first_cells(page: str) -> list[str]:
    """Return the first cell of each row of a page's first table."""
    table = (REFERENCE / page).read_text().partition("\n| ")[2].partition("\n\n")[0]
    return re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)


def names_in(cells: list[str]) -> set[str]:
    """Return the names that stand in cells, each before its parameters."""
    return {name for cell in cells for name in re.findall(r"`(\w+)(?:\([^`]*\))?`", cell)}


def public(kind: type) -> set[str]:
    return {
        name
        for name in dir(kind)
        if not name.startswith("_") and not isinstance(inspect.getattr_static(kind, name), ForeignName)
    }


def test_every_attribute_of_a_request_is_documented() -> None:
    """docs/reference/requests.md has a row for each public name of Request, and for no other."""
    # For rooms that make requests and read bodies.
    inner = set("head content_source is_json cache cache_value cached_value identity choose_id reverse assets".split())
    inner |= {
        "has_background_tasks",
        "services",
        "sessions",
        "context",
        "decoded_size_limit",
        "json_content",
        "pop_background_tasks",
        "set_origin",
        "attach_content",
    }
    assert names_in(first_cells("requests.md")) == public(Request) - inner


def test_every_attribute_of_a_response_is_documented() -> None:
    """docs/reference/responses.md has a row for each public name of Response, and for no other."""
    assert names_in(first_cells("responses.md")) == public(Response) - {
        "fields",
        "has_shared_fields",
        "heartbeat",
        "own_headers",
        "secure_cookies",
    }  # internal, for the server


def test_every_http_error_is_documented() -> None:
    """docs/reference/errors.md has a row for each HTTPError, with its status."""
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", (REFERENCE / "errors.md").read_text(), re.MULTILINE)
    kinds = [each for each in vars(fanlight.errors).values() if isinstance(each, type) and issubclass(each, HTTPError)]
    assert dict(rows) == {each.__name__: str(each.status) for each in kinds if each is not HTTPError}
