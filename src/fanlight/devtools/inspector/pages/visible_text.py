r"""Text of which every character is seen: for a page that shows what others have sent.

In: text, or a record with text in it. Out: the same with escapes (`\u202e`) in the place of control characters, of
those that turn the direction of text, and of those without a width: none of them can make a text look like another.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

_SUSPECT = re.compile(r"[^\t\n -~\u00a1-\u00ac\u00ae-\u02ff]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return a text with escapes for what can't be seen; line ends and tabs stay."""
    return _SUSPECT.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if unicodedata.category(character) not in _HIDDEN:
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def visible_record(value: Any) -> Any:
    """Return a record in which all text is visible, also that of the records in it."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Struct):
        return replace(value, **{name: visible_record(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, list):
        return [visible_record(each) for each in value]
    if isinstance(value, dict):
        return {visible(str(key)): visible_record(each) for key, each in value.items()}
    return value
