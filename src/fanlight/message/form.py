"""Query strings and urlencoded forms: names with one or several values, in order.

In: text. Out: a multi-mapping, percent-decoded. Refuses text that is invalid in its charset (UTF-8, unless the form
names another), and more or longer fields than the limits allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from fanlight.errors import BadRequest, ContentTooLarge
from fanlight.lazy_pattern import lazy_pattern
from fanlight.message.body_policy import DEFAULT_BODY_POLICY, FormLimits, limit_error
from fanlight.message.charset import decode_text

_DECODED_AT_ONCE = 16 * 1024  # characters
_NAMED_CHARSET = lazy_pattern("(?:^|&)_charset_=([^&]+)")  # HTML, 4.10.21.5: the charset of the form

Value_co = TypeVar("Value_co", covariant=True)


class MultiMapping(Generic[Value_co]):
    """Names with one or several values; `form["name"]` is the last value, `get_all` returns all."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, Value_co]] = ()) -> None:
        values: dict[str, list[Value_co]] = {}
        for name, value in pairs:
            if name in values:
                values[name].append(value)
            else:
                values[name] = [value]
        self._values = values

    def __getitem__(self, name: str) -> Value_co:
        return self._values[name][-1]

    def get(self, name: str, default: str = "") -> Value_co | str:
        """Return the last value of a name, or the default."""
        values = self._values.get(name)
        return values[-1] if values else default

    def get_all(self, name: str) -> list[Value_co]:
        """Return every value of a name, in order."""
        return list(self._values.get(name, ()))

    def pairs(self) -> list[tuple[str, Value_co]]:
        """Return all pairs of name and value."""
        return [(name, value) for name, values in self._values.items() for value in values]

    def items(self) -> list[tuple[str, Value_co]]:
        """Return each name with its last value, so that dict(form) works."""
        return [(name, values[-1]) for name, values in self._values.items()]

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._values)

    def take_out(self, name: str) -> Value_co | str:
        """Remove a name, and return its last value, "" without one."""
        values = self._values.pop(name, None)
        return values[-1] if values else ""

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pairs()!r})"


class Query(MultiMapping[str]):
    """The fields of a query string."""

    __slots__ = ()


class FormErrors(dict[str, str]):
    """The message for each bad field, by name; empty, and false, if the form is valid.

    A field without an error has the message "", so a template can use any name. `posted` has the submitted values as
    text: `errors.posted.get("name")`. A view can add errors of its own: `errors["name"] = "is taken"`. An error that
    concerns no single field has the name "".
    """

    posted: MultiMapping[Any]
    refusal: ContentTooLarge | None  # why the rest of the form was not read; its message is in the mapping

    def __init__(
        self,
        messages: Mapping[str, str] | None = None,
        posted: MultiMapping[Any] | None = None,
        *,
        refusal: ContentTooLarge | None = None,
    ) -> None:
        super().__init__(messages or {})
        self.posted = MultiMapping() if posted is None else posted
        self.refusal = refusal

    def __missing__(self, name: str) -> str:
        return ""


def read_query(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string. Raises BadRequest for invalid UTF-8, ContentTooLarge for too many fields."""
    max_fields = DEFAULT_BODY_POLICY.form.fields
    if text.count("&") >= max_fields:
        raise ContentTooLarge(f"there are over {max_fields} fields in the query; send a form, or JSON")
    return _pairs(text, DEFAULT_BODY_POLICY.form)


def read_urlencoded(text: str, limits: FormLimits, charset: str = "") -> list[tuple[str, str]]:
    """Return the pairs of an urlencoded form, in the given charset, or in that of its field `_charset_`.

    Raises BadRequest for text that is invalid in its charset, ContentTooLarge for too many or too long fields.
    """
    if text.count("&") >= limits.fields:
        raise limit_error(f"there are over {limits.fields} fields in the form", "fields")
    # PERF: benchmarks/forms.py: the search alone takes longer than to split the form
    named = _NAMED_CHARSET.search(text) if not charset and "_charset_=" in text else None
    return _pairs(text, limits, named[1] if named else charset)


def _pairs(text: str, limits: FormLimits, charset: str = "") -> list[tuple[str, str]]:
    """Return the pairs of an urlencoded text (WHATWG URL, section 5.1)."""
    max_bytes = limits.field_bytes
    pairs = []
    for piece in text.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            # PERF: benchmarks/forms.py: most pieces are their own decoded form, and short
            if "%" in piece or "+" in piece or len(piece) > max_bytes:
                name, value = _decoded(name, max_bytes, charset), _decoded(value, max_bytes, charset)
            pairs.append((name, value))
    return pairs


def _field_limit_error(max_bytes: int) -> ContentTooLarge:
    return limit_error(f"a field of the form is over {max_bytes} bytes", "field_bytes")


def _decoded(text: str, max_bytes: int, charset: str) -> str:
    # SECURITY: tests/app/test_limits.py; before it is decoded: three characters make at least one byte.
    if len(text) > max_bytes and len(text) - 2 * text.count("%") > max_bytes:
        raise _field_limit_error(max_bytes)
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    content = unquote_to_bytes(text) if len(text) <= _DECODED_AT_ONCE else _decode_in_pieces(text)
    if len(content) > max_bytes:
        raise _field_limit_error(max_bytes)
    if charset:
        return decode_text(bytes(content), charset)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadRequest("a field is not UTF-8 when it is percent-decoded") from None


def _decode_in_pieces(text: str) -> bytearray:
    """Percent-decode a long text by pieces: at once, each "%" in it would be an object of 80 bytes."""
    content = bytearray()
    start = 0
    while start < len(text):
        end = start + _DECODED_AT_ONCE
        if end < len(text):
            open_percent = text.rfind("%", end - 2, end)
            end = open_percent if open_percent > 0 else end  # never between a "%" and its digits
        content += unquote_to_bytes(text[start:end])
        start = end
    return content
