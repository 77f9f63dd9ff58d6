r"""Make every character of a text visible that could hide, move or imitate other text.

In: any text. Out: the same, in which a control character is \x1b, and a mark that ends a line or turns the direction of
text in some readers is \u202e. Line ends and tabs stay.
"""

from __future__ import annotations

import re

from fanlight.lazy_pattern import lazy_pattern

# Control characters; what some readers take for the end of a line; what changes the direction of the text around it.
_unsafe = lazy_pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def visible(text: str) -> str:
    """Return a text with an escape for each character that is not shown as itself; it can be encoded as UTF-8."""
    return _unsafe.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode() if match[0] > "\x7f" else f"\\x{ord(match[0]):02x}"
