"""Parse JSON (RFC 8259) without a schema.

In: content. Out: dicts, lists, strings, numbers. Raises BadRequest for malformed JSON, invalid UTF-8, and three things
that cost far more than their size: numbers of over 128 characters (converting digits to an integer takes quadratic
time), over 1000 numbers with an exponent of 160 or more (msgspec takes 10 microseconds for each, 200 times as long as
for others), and nesting over 100 levels (code that walks the value would exceed Python's recursion limit).
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import msgspec

from fanlight.errors import BadRequest
from fanlight.lazy_pattern import lazy_pattern

T = TypeVar("T")
MAX_NUMBER_CHARACTERS = 128
MAX_DEPTH = 100
MAX_HUGE = 1000
_DIGITS_AS_ZEROS = bytes.maketrans(b"0123456789E", b"0000000000e")
_STRING_OR_HUGE = lazy_pattern(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[eE]\+?0*(?:1[6-9]|[2-9]\d)\d', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_STRIDE = 32  # a number that is too long contains at least four of these positions
_SUSPECT = lazy_pattern(rb"[-+.0-9eE]{%d}" % (MAX_NUMBER_CHARACTERS // _STRIDE))
_NUMBER_CHARACTERS = bytes(48 if each in b"-+.0123456789eE" else 32 for each in range(256))
_TOO_LONG = b"0" * (MAX_NUMBER_CHARACTERS + 1)
_STRING_OR_LONG = lazy_pattern(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[-+.0-9eE]{%d,}' % (MAX_NUMBER_CHARACTERS + 1), re.DOTALL)
_DEEP = f"the JSON is nested too deeply: over {MAX_DEPTH} levels"
_HALF_A_PAIR = lazy_pattern(rb"\\u[dD][89abAB]")


class WrittenNumber(float):
    """A number with a point or an exponent, with its text."""

    __slots__ = ("text",)
    text: str


class OversizedNumber:
    """Stands for a number that is too long, or exceeds the range of a float."""

    def __repr__(self) -> str:
        return f"a number that is too large, or of over {MAX_NUMBER_CHARACTERS} characters,"


def _read_number(text: str) -> object:
    number = WrittenNumber(text)
    if not math.isfinite(number):
        return OversizedNumber()
    number.text = text
    return number


_PLAIN: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_WRITTEN: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_read_number)


def strip_bom(content: bytes) -> bytes:
    """Return JSON without a byte order mark, which some programs add (RFC 8259 section 8.1)."""
    return content[3:] if content.startswith(_BOM) else content


def has_long_number(content: bytes) -> bool:
    """Return whether there may be a number of too many characters; one in a string counts too.

    SECURITY: tests/message/test_json_document.py; checked before parsing, in a few microseconds.
    """
    if len(content) <= MAX_NUMBER_CHARACTERS or not _SUSPECT.search(content[::_STRIDE]):
        return False
    return _TOO_LONG in content.translate(_NUMBER_CHARACTERS)


def _may_be_deep(content: bytes) -> bool:
    """Return whether there are enough brackets for too deep nesting."""
    return len(content) > MAX_DEPTH and content.count(b"[") + content.count(b"{") > MAX_DEPTH


def _has_many_huge(content: bytes) -> bool:
    """Return whether there are too many numbers that are slow to parse.

    SECURITY: tests/message/test_json_document.py; 1 MiB of `1e300,` would hold the interpreter for more than a second.
    """
    if len(content) <= MAX_HUGE:
        return False
    shape = content.translate(_DIGITS_AS_ZEROS)
    if shape.count(b"e000") + shape.count(b"e+000") <= MAX_HUGE:
        return False
    huge = (match for match in _STRING_OR_HUGE.finditer(content) if match[0][:1] != b'"')
    return next(islice(huge, MAX_HUGE, None), None) is not None


def is_deep(value: object) -> bool:
    """Return whether dicts and lists are nested too deeply."""
    level: list[object] = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)  # type: ignore[attr-defined]  # else a list
            if type(inner) in (dict, list)
        ]
    return bool(level)


def decode_json(content: bytes, decode: Callable[[bytes], T]) -> T:
    """Decode content. Raises BadRequest for malformed JSON; msgspec.ValidationError is not caught."""
    if _has_many_huge(content):
        raise BadRequest(f"the content has over {MAX_HUGE} numbers with an exponent of 160 or more")
    try:
        return decode(content)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        trace = error.__traceback__
        if trace is not None and trace.tb_next is not None:
            raise  # raised by Python code, a `__post_init__`, not by the decoder, which has no frames
        if isinstance(error, RecursionError):
            raise BadRequest(_DEEP) from None
        raise BadRequest(f"the content is not JSON: {_reason(content, str(error))}") from None


def _reason(content: bytes, otherwise: str) -> str:
    if not content.strip():
        return "it is empty"
    try:
        content.decode()
    except UnicodeDecodeError:  # versions of msgspec differ in their messages
        return "it is not UTF-8"
    if "truncated" in otherwise:
        # msgspec has the same message for half of a surrogate pair at the end of a string.
        return "a string contains half of a surrogate pair" if _HALF_A_PAIR.search(content) else "its end is missing"
    return otherwise.removeprefix("JSON is malformed: ")


def read_json(content: bytes) -> Any:
    """Parse JSON. Raises BadRequest."""
    content = strip_bom(content)
    if has_long_number(content) and any(match[0][:1] != b'"' for match in _STRING_OR_LONG.finditer(content)):
        raise BadRequest(f"the content has a number of over {MAX_NUMBER_CHARACTERS} characters")
    try:
        value = decode_json(content, _PLAIN.decode)
    except msgspec.ValidationError:
        raise BadRequest("the content has a number that is out of range") from None
    if _may_be_deep(content) and is_deep(value):
        raise BadRequest(_DEEP)
    return value


def read_as_written(content: bytes) -> Any:
    """Parse JSON without a byte order mark, with the text of each number, and `OversizedNumber` for too long ones.

    Raises BadRequest for malformed JSON.
    """
    if has_long_number(content):
        content = _STRING_OR_LONG.sub(lambda match: match[0] if match[0][:1] == b'"' else b"9e9999", content)
    value = decode_json(content, _WRITTEN.decode)
    if _may_be_deep(content) and is_deep(value):
        raise BadRequest(_DEEP)
    return value


def refuse_deep(content: bytes) -> None:
    """Raise BadRequest for JSON that is nested too deeply, for classes that do not limit the depth."""
    if not _may_be_deep(content):
        return
    with contextlib.suppress(msgspec.ValidationError):  # too large a number: reported by the class's decoder
        if is_deep(decode_json(content, _PLAIN.decode)):
            raise BadRequest(_DEEP)
