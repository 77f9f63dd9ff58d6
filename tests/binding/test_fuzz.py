"""Whatever a client sends, it gets a response of 2xx or 4xx, and never a 500."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fanlight.app.application import Application
from fanlight.message.content import SpooledContent
from fanlight.message.request import Request
from fanlight.message.response import Response
from fanlight.message.upload import Upload
from fanlight.testing import FakeHead


class Color(Enum):
    RED = "red"


class Line(msgspec.Struct):
    name: str
    price: Decimal
    more: list[Line] = []


def fields(
    a: int, b: float | None, c: list[Color], d: date | None = None, e: Annotated[str, msgspec.Meta(max_length=3)] = ""
) -> str:
    return f"{a} {b} {c} {d} {e}"


def nested(a: dict[str, list[int | None]], b: list[Line | None] | None = None) -> dict[str, object]:
    return {"a": a, "b": b}


def whole(line: Line, q: bool = False) -> Line:
    return line


def segment(x: Decimal, y: Color, z: UUID) -> str:
    return f"{x} {y} {z}"


def files(a: Upload, b: list[Upload], c: str) -> str:
    return f"{a.size} {len(b)} {c}"


URLS = {
    "GET|POST /fields": fields,
    "POST /nested": nested,
    "POST /whole": whole,
    "/p/{x}/{y}/{z}": segment,
    "POST /files": files,
}
APP = Application(URLS, folder=Path(tempfile.gettempdir()), templates=None)
EXAMPLES = settings().max_examples  # of the profile
MAY_BE = {200, 303, 308, 400, 404, 405, 413, 415, 422}

_names = st.sampled_from(["a", "b", "c", "d", "e", "q", "name", "price", "more", "x"])
_texts = st.sampled_from(
    ["", "1", "-1", "1.5", "red", "on", "2026-01-31", "%FF", "%00", "+", "nan", "x" * 50, "\u00e4"]
)
_pairs = st.lists(st.tuples(_names, _texts | st.text(max_size=5)), max_size=6)
_urlencoded = _pairs.map(lambda pairs: "&".join(f"{name}={text}" for name, text in pairs).encode("utf-8", "replace"))
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=12,
)
_json = _values.map(msgspec.json.encode) | st.tuples(_values, st.binary(max_size=3)).map(
    lambda pair: msgspec.json.encode(pair[0]) + pair[1]
)
_multipart = st.lists(st.tuples(_names, st.booleans(), st.binary(max_size=8)), max_size=4).map(
    lambda parts: (
        b"".join(
            b'--B\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            % (name.encode(), b'; filename="f"' if is_file else b"", content)
            for name, is_file, content in parts
        )
        + b"--B--\r\n"
    )
)
_contents = (
    st.tuples(st.just("application/x-www-form-urlencoded"), _urlencoded)
    | st.tuples(st.just("application/json"), _json)
    | st.tuples(st.just("multipart/form-data; boundary=B"), _multipart)
    | st.tuples(
        st.sampled_from(
            ["", "text/plain", "application/json", "multipart/form-data", "multipart/form-data; boundary=B"]
        ),
        st.binary(max_size=30),
    )
)


def ask(method: str, target: str, kind: str, content: bytes) -> Response:
    """Call the app as the server does; its response must be one that can be sent."""
    spooled = SpooledContent()
    spooled.write(content)
    fields = {"content-type": kind, "accept": "application/json"} if kind else {"accept": "text/html"}
    request = Request(FakeHead(method, target, fields), None, spooled)
    call: Callable[[Request], Any] = APP.find(request).run
    response = call(request)
    try:
        if kind.startswith("multipart/") and response.status == 200:
            request.form.close()
    finally:
        spooled.close()
    assert isinstance(response, Response)
    assert isinstance(response.content, bytes)
    assert response.fields() is not None
    return response


@settings(max_examples=4 * EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["/fields", "/nested", "/whole", "/files"]), _contents, _urlencoded.map(bytes.decode))
@example("/whole", ("application/json", b'{"name":"a","price":1e400}'), "")
@example("/nested", ("application/json", b'{"a":{"x":[1e999]}}'), "")
def test_no_content_makes_a_view_fail(path: str, sent: tuple[str, bytes], query: str) -> None:
    """Any body is read, or rejected with a 4xx."""
    kind, content = sent
    assert ask("POST", f"{path}?{query}", kind, content).status in MAY_BE


@settings(max_examples=3 * EXAMPLES)
@given(_urlencoded.map(bytes.decode))
def test_no_query_makes_a_view_fail(query: str) -> None:
    """Any query is read, or rejected with a 4xx."""
    assert ask("GET", f"/fields?{query}", "", b"").status in MAY_BE


@settings(max_examples=3 * EXAMPLES)
@given(st.lists(_texts | st.text(max_size=5), min_size=1, max_size=4), st.sampled_from(["GET", "POST", "OPTIONS"]))
@example(["1" * 200, "red", "0b7e8a3c-5a53-4c1d-9d0c-3f6f1a2b4c5d"], "GET")
def test_no_path_makes_a_view_fail(segments: list[str], method: str) -> None:
    """Any path leads to a view, or is a 404."""
    assert ask(method, "/p/" + "/".join(segments), "", b"").status in {*MAY_BE, 204}
