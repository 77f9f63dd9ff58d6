"""Header fields: names in any case, several values, and nothing that could be read as more than it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import InvalidResponse
from fanlight.message.headers import Headers, MutableHeaders
from fanlight.message.response import Response, redirect

PAIRS = [("host", "a"), ("x", "1"), ("x", "2")]


def test_a_name_is_found_in_any_case() -> None:
    """Names are compared without regard to case, and the first value is given."""
    headers = Headers(PAIRS)
    assert headers["X"] == headers.get("x") == "1"
    assert "HOST" in headers
    assert "y" not in headers
    assert headers.get("y") == ""
    assert headers.get("y", "z") == "z"


def test_all_values_of_a_name_are_there() -> None:
    """get_all and pairs lose nothing; iteration gives each name once."""
    headers = Headers(PAIRS)
    assert headers.get_all("X") == ["1", "2"]
    assert headers.pairs() == PAIRS
    assert list(headers) == ["host", "x"]
    assert len(headers) == 3
    assert headers == Headers(PAIRS)


def test_a_missing_name_is_a_key_error() -> None:
    """headers["y"] and del raise KeyError for what is not there."""
    with pytest.raises(KeyError):
        Headers(PAIRS)["y"]
    with pytest.raises(KeyError):
        del MutableHeaders(PAIRS)["y"]


def test_setting_replaces_and_adding_adds() -> None:
    """`headers[name] = value` leaves one value; `add` leaves those that were there."""
    headers = MutableHeaders(PAIRS)
    headers["X"] = "3"
    headers.add("x", "4")
    assert headers.get_all("x") == ["3", "4"]
    assert headers.setdefault("x", "5") == "3"
    assert headers.setdefault("Y", "6") == "6"
    headers.update({"X": "7"})
    assert headers.get_all("x") == ["7"]
    del headers["X"]
    assert "x" not in headers


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "é", "a\0"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """A name that is no token can't be set."""
    with pytest.raises(InvalidResponse):
        MutableHeaders()[name] = "x"


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b", "a\x7f", "日本"])
def test_what_is_no_value_is_refused(value: str) -> None:
    """A value with a line end, a control character, or letters that no field can hold, can't be set."""
    with pytest.raises(InvalidResponse):
        MutableHeaders()["x"] = value


@given(st.text(), st.text())
def test_no_text_at_all_begins_another_field(name: str, value: str) -> None:
    """Whatever is set is refused, or is one field."""
    response = Response("x")
    try:
        response.headers[name] = value
    except InvalidResponse:
        return
    assert len(response.fields()) in (1, 2)
    assert not any(set(part) & set("\r\n\0") for pair in response.fields() for part in pair)


@given(st.text())
def test_no_redirect_target_begins_another_field(target: str) -> None:
    """Whatever a redirect is given is refused, or is one plain ASCII field."""
    try:
        location = redirect(target).headers["location"]
    except InvalidResponse:
        return
    assert location.isascii()
    assert not set(location) & set("\r\n\0 ")


def test_fields_of_another_response_are_copied() -> None:
    """Fields loaded from another response are independent of it."""
    first = MutableHeaders([("etag", '"1"'), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    second = MutableHeaders()
    second.load_checked(first.pairs())
    assert list(second.pairs()) == list(first.pairs())
    second["etag"] = '"2"'
    assert (first["etag"], second["etag"]) == ('"1"', '"2"')
    assert second.get_all("set-cookie") == ["a=1", "b=2"]
