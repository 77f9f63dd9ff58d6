"""Text in the charset that a client claims.

In: bytes, and a name. Out: text. Refuses names of codecs that are no charset of the web: some of
Python's take time that grows with the square of the text.
"""

from __future__ import annotations

import codecs
import re

from fanlight.errors import BadRequest

_CHARSETS = re.compile(
    r"ascii|utf-(8|16|32)(-[bl]e)?|utf-8-sig|iso8859-\d+|cp(125\d|437|850|866|874|932|949|950)|koi8-[rut]"
    r"|gb2312|gbk|gb18030|big5|big5hkscs|hz|shift_jis\w*|euc_\w+|iso2022_\w+|mac-\w+|tis-620|johab"
)


def decoded(content: bytes, charset: str) -> str:
    """Return the content as text. Raises BadRequest where it is not what its charset says."""
    name = _name_of(charset)
    # SECURITY: tests/message/test_request.py: punycode and idna are quadratic, others are no charsets at all
    if not _CHARSETS.fullmatch(name):
        raise BadRequest(f"{charset[:40]!r} is no charset that this site reads; send UTF-8")
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        raise BadRequest("the content is not text in the charset that it claims") from None


def _name_of(charset: str) -> str:
    """Return Python's name of a charset, "" if there is none."""
    try:
        return codecs.lookup(charset).name
    except (LookupError, ValueError):
        return ""
