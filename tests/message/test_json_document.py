"""JSON without a class: what is read, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import BadRequest, ContentTooLarge
from fanlight.message.body_policy import FormLimits
from fanlight.message.content import SpooledContent
from fanlight.message.json_document import has_long_number, is_deep, read_json
from fanlight.message.request import Request
from fanlight.testing import FakeHead


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        (b' {"a": 1.5} ', {"a": 1.5}),
        (b"5", 5),
        (b'"\xc3\xbc\\u00fc\\ud83d\\ude00"', "üü😀"),
        (b"1" * 128, int("1" * 128)),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"[" * 100 + b"]" * 100, None),
        (b'["' + b"1" * 5000 + b'"]', ["1" * 5000]),
        (b'{"' + b"1" * 5000 + b'":"\\"' + b"9" * 300 + b'"}', {"1" * 5000: '"' + "9" * 300}),
        (b'"' + b"[" * 5000 + b'"', "[" * 5000),
    ],
)
def test_json_is_read(content: bytes, value: Any) -> None:
    """With a mark before it, of any kind at its top, long texts of digits or brackets included."""
    read = read_json(content)
    assert value is None or read == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b'{"a"', "its end is missing"),
        (b'{"n": "\xe4"}', "it is not UTF-8"),
        (b'{"\xff": 1}', "it is not UTF-8"),
        (b'"\xed\xa0\x80"', "it is not UTF-8"),
        (b'"\xc0\xaf"', "it is not UTF-8"),
        (b'{"a":"\xf0\x9f"}', "it is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not JSON"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'{"\\ud800": 1}', "half of a surrogate pair"),
        (b'"\\udc00\\ud800"', "surrogate"),
        (b"NaN", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"1e400", "out of range"),
        (b"[-1e999999]", "out of range"),
        (b"1" * 129, "a number of over 128 characters"),
        (b'{"a": [' + b"1" * 5000 + b"]}", "a number of over 128 characters"),
        (b"[0." + b"1" * 200 + b"]", "a number of over 128 characters"),
        (b"[1e-" + b"0" * 200 + b"1]", "a number of over 128 characters"),
        (b"[" * 101 + b"]" * 101, "nested too deeply"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    ],
)
def test_json_is_refused_with_its_reason(content: bytes, said: str) -> None:
    """Malformed JSON, and JSON that is too costly, is a 400 whose message names the reason and nothing of Python."""
    with pytest.raises(BadRequest, match=said) as caught:
        read_json(content)
    assert "codec" not in str(caught.value)
    assert "malformed" not in str(caught.value)


def test_a_request_refuses_what_it_can_not_read() -> None:
    """`request.json` refuses what is no UTF-8 as it refuses all that is no JSON, and what is over its cap."""
    for content, error in ((b'"\xff"', BadRequest), (b"[1, 2, 3]", ContentTooLarge)):
        spooled = SpooledContent(limits=FormLimits(json_bytes=8))
        spooled.write(content)
        request = Request(FakeHead("POST", "/", {"content-type": "application/json"}), None, spooled)
        with pytest.raises(error):
            _ = request.json


@given(st.text("0123456789.eE+- ,", max_size=400), st.integers(0, 200))
def test_no_long_number_is_overlooked(text: str, at: int) -> None:
    """The check before parsing finds every number of over 128 characters, at any position."""
    assert has_long_number((text[:at] + "1" * 129 + text[at:]).encode())


def test_short_numbers_are_no_long_ones() -> None:
    """Many numbers beside each other are not one."""
    assert not has_long_number(b"[" + b",".join([b"1.2345678"] * 1000) + b"]")
    assert not has_long_number(b"1" * 128)
    assert has_long_number(b" " * 31 + b"1" * 129)


@pytest.mark.parametrize(("depth", "deep"), [(100, False), (101, True)])
def test_depth_is_counted(depth: int, *, deep: bool) -> None:
    """A hundred levels are enough for anyone."""
    value: Any = 1
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    assert is_deep([1, {}, value[0] if isinstance(value, list) else value["a"]]) is deep


def test_to_refuse_long_numbers_takes_no_long_time() -> None:
    """A mebibyte of numbers of four thousand digits is refused in an instant: none is made."""
    content = b"[" + b",".join([b"1" * 4000] * 260) + b"]"
    start = time.thread_time()
    with pytest.raises(BadRequest):
        read_json(content)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("number", [b"1e300", b"1.5E+0300", b"-9e307", b"1" * 20 + b"e288"])
def test_numbers_that_take_long_are_few(number: bytes) -> None:
    """A thousand are accepted; more could take a second per MiB, in which no other request is served."""
    assert len(read_json(b"[" + b",".join([number] * 1000) + b"]")) == 1000
    with pytest.raises(BadRequest, match="over 1000 numbers with an exponent of 160 or more"):
        read_json(b"[" + b",".join([number] * 1001) + b"]")


@pytest.mark.parametrize("harmless", [b'"a0e0001\\"7e300"', b"1e-300", b"1.5e100", b"1e0000001", b'"\\\\1e300"'])
def test_what_looks_like_numbers_that_take_long_is_read(harmless: bytes) -> None:
    """In texts (of hexadecimal digits, for example), and small ones."""
    assert len(read_json(b"[" + b",".join([harmless] * 2000) + b"]")) == 2000
