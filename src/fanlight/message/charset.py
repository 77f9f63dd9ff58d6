"""Decode text in the charset that a client names.

In: bytes, and a name. Out: text. Refuses Python codecs that are not charsets of the web: some of them take time that
grows with the square of the text.
"""

from __future__ import annotations

import codecs

from fanlight.errors import BadRequest
from fanlight.lazy_pattern import lazy_pattern

_CHARSETS = lazy_pattern(
    r"ascii|utf-(8|16|32)(-[bl]e)?|utf-8-sig|iso8859-\d+|cp(125\d|437|850|866|874|932|949|950)|koi8-[rut]"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|hz|shift_jis\w*|euc_\w+|iso2022_\w+|mac-\w+|tis-620|johab"
)


def decode_text(content: bytes, charset: str) -> str:
    """Return the content as text. Raises BadRequest if it is not valid in the charset, or the charset is unknown."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    # SECURITY: tests/message/test_request.py: punycode and idna are quadratic, others are not charsets
    if not _CHARSETS.fullmatch(name):
        raise BadRequest(f"{charset[:40]!r} is not a supported charset; send UTF-8")
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        raise BadRequest("the content is not valid text in its charset") from None
