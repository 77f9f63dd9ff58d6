"""The request of an exchange as text that can be edited without showing its secrets, and back to bytes.

In: an exchange, and the text that came back from the form. Out: the text to show, and the request to send. A masked
value that was left as it is means the secret itself; one that was edited can't be restored, so it is refused:
CannotReplay.
"""

from __future__ import annotations

import re

from msgspec import Struct

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.masked_exchange import masked
from fanlight.devtools.inspector.replay.raw_request import CannotReplay, RawRequest, head_and_content

_LINE_END = re.compile(r"\r\n|\r|\n")


class RequestText(Struct, frozen=True):
    """The text of a request in a form."""

    head: str
    content: str


def shown_request(exchange: Exchange, *, has_secrets: bool = False) -> RequestText:
    """Return the text to be edited; bytes that are no UTF-8 are in it as replacement characters."""
    head, content = head_and_content(exchange if has_secrets else masked(exchange))
    return RequestText(_visible(head), _visible(content))


def edited_request(exchange: Exchange, given: RequestText, *, is_exact: bool) -> RawRequest:
    """Return the request that the edited text of an exchange means. Raises CannotReplay.

    A text that was not edited is the request itself, byte for byte.
    """
    for has_secrets in (False, True):
        if _same(given, shown_request(exchange, has_secrets=has_secrets)):
            return RawRequest.of(exchange)
    RawRequest.of(exchange)  # refuses one that was not kept whole
    head = "\n".join(_restored_lines(exchange, given.head))
    return RawRequest.edited(head, _restored_content(exchange, given.content), is_exact=is_exact)


def _restored_lines(exchange: Exchange, head: str) -> list[str]:
    originals = head_and_content(exchange)[0].split("\n")
    shown = shown_request(exchange).head.split("\n")
    plain = _visible("\n".join(originals)).split("\n")
    restored = dict(zip(shown, originals, strict=False)) | dict(zip(plain, originals, strict=False))
    is_masked = {
        _name(number, line) for number, line in enumerate(shown) if line not in plain
    }  # names of fields; the request line is one of its own
    lines = _LINE_END.split(head.strip("\r\n"))
    for number, line in enumerate(lines):
        if line not in restored and "*" in line and _name(number, line) in is_masked:
            hint = "write the whole value, or leave the line as it was"
            raise CannotReplay(f"{line[:60]!r} has a masked value in it; {hint}")
    return [restored.get(line, line) for line in lines]


def _name(number: int, line: str) -> str:
    return line.partition(":")[0].strip().lower() if number else ""


def _restored_content(exchange: Exchange, content: str) -> str:
    original = head_and_content(exchange)[1]
    shown = shown_request(exchange).content
    for each in (shown, _visible(original)):
        if _LINE_END.split(content) == _LINE_END.split(each):
            return original
    if shown != _visible(original) and "*" in content and "*" not in original:
        raise CannotReplay("the content has masked values in it; write them, or leave the content as it was")
    return content


def _same(one: RequestText, other: RequestText) -> bool:
    return all(
        _LINE_END.split(left.strip("\r\n")) == _LINE_END.split(right.strip("\r\n"))
        for left, right in ((one.head, other.head), (one.content, other.content))
    )


def _visible(text: str) -> str:
    """Return text that a form can hold: no lone surrogates and no NUL."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
