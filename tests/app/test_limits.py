"""`@limits`: one route accepts more or less than the others."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fanlight import App, Limits, Upload, limits
from fanlight.errors import AppError
from fanlight.message.body_policy import BodyPolicy, FormLimits
from fanlight.message.request import Request
from fanlight.testing import Client

SERVER = Limits(content_bytes=1000)
Say = Callable[..., Any]


@limits(content_bytes=100)
def less(request: Request) -> str:
    return str(len(request.content))


@limits(content_bytes=100_000)
def more(request: Request) -> str:
    return str(len(request.content))


def usual(request: Request) -> str:
    return str(len(request.content))


@limits(content_bytes=10_000, fields=3, field_bytes=50, text_bytes=80, files=2, file_bytes=500)
def form(
    request: Request, a: str = "", b: str = "", files: list[Upload] | None = None, one: Upload | None = None
) -> dict[str, Any]:
    return {"fields": len(request.form), "files": len(files or []), "one": one.size if one else None, "a": a + b}


@limits(content_bytes=10_000, fields=3, field_bytes=50, text_bytes=80, files=2, file_bytes=500)
def by_hand(request: Request) -> dict[str, Any]:
    return {"fields": len(request.form)}


URLS = {
    "POST /less": less,
    "POST /more": more,
    "POST /usual": usual,
    "POST /partial": functools.partial(more),
    "POST /form": form,
    "POST /by-hand": by_hand,
}


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(App(URLS), limits=SERVER) as running:
        yield running


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "most", "hint"),
    [
        ("/less", 100, "raise content_bytes in the @limits of POST /less to allow it"),
        ("/more", 100_000, "raise content_bytes in the @limits of POST /more to allow it"),
        ("/partial", 100_000, "raise content_bytes in the @limits of POST /partial to allow it"),
        (
            "/usual",
            1000,
            (
                "raise Limits.content_bytes, or write @limits(content_bytes=...) above the view of POST /usual, to"
                " allow it"
            ),
        ),
    ],
)
def test_a_route_has_its_own_limit(
    client: Client, caplog: pytest.LogCaptureFixture, path: str, most: int, hint: str, *, is_chunked: bool
) -> None:
    """Content up to the limit is accepted; above it there is a 413, and the log names the limit and the route."""

    def send(size: int) -> Any:
        data = b"x" * size
        return client.post(path, content=iter([data[: size // 2], data[size // 2 :]]) if is_chunked else data)

    assert send(most).text == str(most)
    refused = send(most + 1)
    assert refused.status == 413
    assert f"the content is over {most} bytes" in refused.text
    assert "raise" not in refused.text
    assert hint in caplog.text


@pytest.mark.parametrize("path", ["/form", "/by-hand"], ids=["read while it comes", "read when it is whole"])
@pytest.mark.parametrize(
    ("sent", "files", "said"),
    [
        ({"a": "x", "b": "y", "c": "z"}, {"files": [b"1", b"2"]}, ""),
        ({"a": "x", "b": "y", "c": "z", "d": "z"}, {}, "over 3 fields in the form; raise fields"),
        ({"a": "x" * 51}, {}, "a field of the form is over 50 bytes; raise field_bytes"),
        ({"a": "x" * 50, "b": "x" * 31}, {}, "the texts of the form are over 80 bytes; raise text_bytes"),
        ({}, {"files": [b"1", b"2", b"3"]}, "over 2 files in the form; raise files"),
        ({}, {"one": b"x" * 501}, "a file of the form is over 500 bytes; raise file_bytes"),
    ],
)
def test_each_part_of_a_form_has_its_limit(
    client: Client, caplog: pytest.LogCaptureFixture, path: str, sent: dict[str, str], files: dict[str, Any], said: str
) -> None:
    """Fields, files and their sizes are limited for the route; the 413 names the limit, the log how to raise it."""
    response = client.post(path, form=sent, files=files, headers={"accept": "application/json"})
    if not said:
        assert response.status == 200
        return
    assert response.status == 413
    assert response.headers["content-type"] == "application/problem+json"
    what, _, hint = said.partition("; ")
    assert re.search(what + "$", response.json()["detail"])
    assert hint in caplog.text


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        ({"content_byte": 1}, "did you mean content_bytes"),
        ({"nonsense": 1}, "the limits are content_bytes, fields"),
        ({"files": -1}, "must be a whole number"),
        ({"content_bytes": "5G"}, "must be a whole number"),
        ({"content_bytes": 1.5}, "must be a whole number"),
        ({"files": True}, "must be a whole number"),
    ],
)
def test_an_invalid_limit_is_refused(caps: dict[str, Any], said: str) -> None:
    """It is reported with its place, before the site starts."""
    with pytest.raises(AppError, match=said):
        limits(**caps)


def test_the_body_policy_is_made_at_startup(tmp_path: Path) -> None:
    """A route without limits of its own has the default ones for a form."""
    app = App(URLS, file=tmp_path / "main.py")
    plans = {route.endpoint.name.partition(" (")[0]: route.endpoint.body_policy for route in app.table.routes}  # type: ignore[attr-defined]  # it is a call
    usual_plan: BodyPolicy = plans["POST /usual"]
    assert usual_plan.form == FormLimits()
    assert usual_plan.content_bytes is None
    assert plans["POST /more"].content_bytes == 100_000
