"""What `rate_limit` takes, and how it refuses what it does not understand."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.errors import AppError
from fanlight.message.request import Request
from fanlight.message.route_marks import Marked, marks_of
from fanlight.protection.rate_limits import RateLimit, rate_limit
from fanlight.stores.rate import Rate


def view() -> str:
    return "ok"


def api_key(request: Request) -> str | None:
    return request.headers.get("x-api-key")


async def async_key(request: Request) -> str:
    return request.path


def test_it_marks_views_and_tables() -> None:
    """A function stays a function, and gets a copy with the mark; anything else in URLS is wrapped."""

    def own() -> str:
        return "ok"

    mark = rate_limit("10/minute")
    assert marks_of(mark(own)) == (mark,)
    assert mark(own)() == "ok"
    assert marks_of(own) == ()
    marked = rate_limit("10/minute")({"/": view})
    assert isinstance(marked, Marked)
    assert isinstance(marked.mark, RateLimit)
    assert marked.mark.rate == Rate(10, 60)


@pytest.mark.parametrize(("by", "kind"), [("address", "address"), ("user", "user"), (api_key, "api_key")])
def test_it_counts_by_address_user_or_a_function(by: Any, kind: str) -> None:
    """What is counted is kept with the mark."""
    assert rate_limit("1/second", by=by).kind == kind


@pytest.mark.parametrize(("arguments", "message"), [
    ({"rate": "ten/minute"}, 'like "10/minute"'),
    ({"rate": view}, 'write @rate_limit\\("10/minute"\\)'),
    ({"rate": "1/second", "by": "adress"}, 'write by="address"'),
    ({"rate": "1/second", "by": "ip"}, 'write "address", "user", or a function'),
    ({"rate": "1/second", "by": 5}, 'write "address", "user", or a function'),
    ({"rate": "1/second", "by": async_key}, "no plain function"),
    ({"rate": "1/second", "by": dict}, "no plain function"),
    ({"rate": "1/second", "name": "two words"}, "letters, digits, dots"),
    ({"rate": "1/second", "name": "x" * 65}, "1 to 64"),
    ({"rate": "1/second", "name": 5}, "letters, digits, dots"),
])  # fmt: skip
def test_what_it_does_not_understand_is_refused(arguments: dict[str, Any], message: str) -> None:
    """Each mistake is found where the mark is written, with what to write instead."""
    with pytest.raises(AppError, match=message):
        rate_limit(**arguments)


@pytest.mark.parametrize("methods", ["POST", [], ["post"], [5], ["POST", ""]])
def test_methods_are_a_list_of_names(methods: Any) -> None:
    """Methods that are no names of methods are refused."""
    with pytest.raises(AppError, match="write a list"):
        rate_limit("1/hour", methods=methods)
