"""An exchange as a file: raw bytes, JSON, and HAR as its specification has it."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from msgspec import json
from tests.devtools.inspector import samples

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.masked_exchange import masked
from fanlight.devtools.inspector.pages.exports import har, json_of, raw_request, raw_response

# HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/): the fields of each object with their types; "?" marks those
# that may be absent. Custom fields begin with an underscore; there are none.
STRING, NUMBER = "string", "number"
PAIRS = [{"name": STRING, "value": STRING, "comment?": STRING}]
COOKIES = [
    {
        "name": STRING,
        "value": STRING,
        "path?": STRING,
        "domain?": STRING,
        "expires?": STRING,
        "httpOnly?": "boolean",
        "secure?": "boolean",
        "comment?": STRING,
    }
]
HAR = {
    "log": {
        "version": STRING,
        "creator": {"name": STRING, "version": STRING, "comment?": STRING},
        "browser?": {"name": STRING, "version": STRING, "comment?": STRING},
        "pages?": [{}],
        "comment?": STRING,
        "entries": [
            {
                "pageref?": STRING,
                "startedDateTime": "date",
                "time": NUMBER,
                "request": {
                    "method": STRING,
                    "url": STRING,
                    "httpVersion": STRING,
                    "cookies": COOKIES,
                    "headers": PAIRS,
                    "queryString": PAIRS,
                    "postData?": {"mimeType": STRING, "params": [{}], "text": STRING, "comment?": STRING},
                    "headersSize": NUMBER,
                    "bodySize": NUMBER,
                    "comment?": STRING,
                },
                "response": {
                    "status": NUMBER,
                    "statusText": STRING,
                    "httpVersion": STRING,
                    "cookies": COOKIES,
                    "headers": PAIRS,
                    "content": {
                        "size": NUMBER,
                        "compression?": NUMBER,
                        "mimeType": STRING,
                        "text?": STRING,
                        "encoding?": STRING,
                        "comment?": STRING,
                    },
                    "redirectURL": STRING,
                    "headersSize": NUMBER,
                    "bodySize": NUMBER,
                    "comment?": STRING,
                },
                "cache": {},
                "timings": {
                    "blocked?": NUMBER,
                    "dns?": NUMBER,
                    "connect?": NUMBER,
                    "send": NUMBER,
                    "wait": NUMBER,
                    "receive": NUMBER,
                    "ssl?": NUMBER,
                    "comment?": STRING,
                },
                "serverIPAddress?": STRING,
                "connection?": STRING,
                "comment?": STRING,
            }
        ],
    }
}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)").fullmatch


def faults(value: Any, schema: Any, where: str = "har") -> list[str]:
    """Return what of a value does not follow the schema."""
    if isinstance(schema, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for each in value for fault in faults(each, schema[0], f"{where}[]")]
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        known = {key.removesuffix("?") for key in schema}
        found = [f"{where}.{key} is unknown" for key in value if key not in known]
        for key, inner in schema.items():
            name = key.removesuffix("?")
            if name in value:
                found += faults(value[name], inner, f"{where}.{name}")
            elif not key.endswith("?"):
                found.append(f"{where}.{name} is missing")
        return found
    is_valid = {
        STRING: isinstance(value, str),
        NUMBER: isinstance(value, int | float) and not isinstance(value, bool) and value >= -1,
        "boolean": isinstance(value, bool),
        "date": isinstance(value, str) and _DATE(value) is not None,
    }[schema]
    return [] if is_valid else [f"{where} is {value!r}, no {schema}"]


@pytest.mark.parametrize("shows_secrets", [True, False])
def test_har_follows_its_specification(shows_secrets: bool) -> None:
    """All kinds of exchanges together are a valid HAR 1.2 file."""
    exchanges = [*samples.realistic(), samples.hostile(), samples.huge()]
    given = exchanges if shows_secrets else [masked(each) for each in exchanges]
    document = json.decode(har(given, shows_secrets=shows_secrets))
    assert faults(document, HAR) == []
    assert document["log"]["version"] == "1.2"


def test_a_schema_fault_is_found() -> None:
    """The check of HAR finds a missing field, an unknown one and one of another type."""
    document = json.decode(har([samples.page()], shows_secrets=True))
    entry = document["log"]["entries"][0]
    del entry["cache"]
    entry["time"] = "1"
    entry["extra"] = 1
    assert len(faults(document, HAR)) == 3


def entry_of(exchange: Exchange) -> Any:
    (entry,) = json.decode(har([exchange], shows_secrets=True))["log"]["entries"]
    return entry


def test_har_has_what_happened() -> None:
    """Method, address, query, cookies, status, content, compression and the times of the stages are in the entry."""
    entry = entry_of(samples.page())
    request, response = entry["request"], entry["response"]
    assert (request["method"], request["url"]) == ("GET", "http://localhost:8000/posts/snow?page=2")
    assert request["queryString"] == [{"name": "page", "value": "2"}]
    assert {"name": "theme", "value": "dark"} in request["cookies"]
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert response["content"]["text"].startswith("<!doctype html>")
    assert response["content"]["compression"] > 0
    assert sum(entry["timings"].values()) == pytest.approx(8.1, abs=0.01)
    assert entry["time"] == pytest.approx(8.1, abs=0.01)
    assert response["headersSize"] + response["bodySize"] == samples.page().sent_bytes


def test_har_has_the_content_of_a_form_and_of_binary() -> None:
    """Posted content is text, and a binary response is base64."""
    assert entry_of(samples.login())["request"]["postData"]["text"].startswith("name=anna&password=")
    exchange = samples.page()
    exchange.response_content = b"\x89PNG\xff"
    content = entry_of(exchange)["response"]["content"]
    assert (content["encoding"], base64.b64decode(content["text"])) == ("base64", b"\x89PNG\xff")


def test_har_leaves_out_what_was_no_request() -> None:
    """A refused message has no entry: HAR has no place for it."""
    assert json.decode(har([samples.refused(), samples.no_http()], shows_secrets=True))["log"]["entries"] == []


@pytest.mark.parametrize("make", [*samples.REALISTIC, samples.hostile])
def test_raw_bytes_are_those_that_came_and_left(make: object) -> None:
    """The raw files are the bytes, without anything before, between or behind them."""
    exchange: Exchange = make()  # type: ignore[operator]
    assert raw_request(exchange, True) == b"".join(piece.data for piece in exchange.received)
    assert raw_response(exchange, True) == b"".join(piece.data for piece in exchange.sent)


def test_json_has_everything_and_says_whether_it_is_masked() -> None:
    """The record can be read back from JSON, and its first field says whether secrets are in it."""
    exchange = samples.login()
    document = json.decode(json_of(exchange, True))
    assert document.pop("fanlight").startswith("with secrets")
    assert json.decode(json.encode(document), type=Exchange) == exchange
    hidden = json_of(masked(exchange), False)
    assert json.decode(hidden)["fanlight"] == "secrets are masked"
    assert samples.PASSWORD.encode() not in hidden
    assert base64.b64encode(samples.PASSWORD.encode())[:20] not in hidden


def test_a_har_file_says_whether_it_is_masked() -> None:
    """The comment of the log says so, and a masked file has no secret in it."""
    assert json.decode(har([samples.login()], shows_secrets=True))["log"]["comment"].startswith("with secrets")
    hidden = har([masked(samples.login())], shows_secrets=False)
    assert json.decode(hidden)["log"]["comment"] == "secrets are masked"
    assert samples.PASSWORD.encode() not in hidden
