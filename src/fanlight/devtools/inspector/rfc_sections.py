"""The section of an RFC that a refused message violates.

In: a status and a rule, which is the wire's own message. Out: "RFC 9112 section 5.1"; "" if no section is about it. A
rule that names its section keeps it.
"""

from __future__ import annotations

import re

_NAMED = re.compile(r"RFC \d{4} sections? [0-9.]*[0-9]")
# The first whose words are in the rule counts.
_BY_WORDS = (
    ("a field line starts with a space", "RFC 9112 section 5.2"),  # obsolete line folding
    ("a field line has no colon", "RFC 9112 section 5"),
    ("a field name is empty", "RFC 9112 section 5.1"),
    ("contains a control character", "RFC 9110 section 5.5"),
    ("together are ambiguous", "RFC 9112 section 6.3"),
    ("must not be sent more than once", "RFC 9110 section 5.3"),
    ("Transfer-Encoding", "RFC 9112 section 6.1"),
    ("transfer coding", "RFC 9112 section 6.1"),
    ("Content-Length is not a number", "RFC 9110 section 8.6"),
    ("its extension is too long", "RFC 9112 section 7.1.1"),
    ("chunk", "RFC 9112 section 7.1"),
    ("trailers", "RFC 9112 section 7.1.2"),
    ("URL's host", "RFC 9112 section 3.2.2"),
    ("Host is not", "RFC 9110 section 7.2"),
    ("CONNECT", "RFC 9110 section 9.3.6"),
    ("target *", "RFC 9112 section 3.2.4"),
    ("fragment", "RFC 9112 section 3.2"),
    ("request target", "RFC 9112 section 3.2"),
    ("not allowed in URLs", "RFC 9112 section 3.2"),
    ("HTTP/0.9", "RFC 9112 section 2.3"),
    ("HTTP version", "RFC 9112 section 2.3"),
    ("does not start with a method", "RFC 9112 section 3"),
    ("request line must be", "RFC 9112 section 3"),
)
_BY_STATUS = {
    408: "RFC 9110 section 15.5.9",
    413: "RFC 9110 section 15.5.14",
    414: "RFC 9110 section 15.5.15",
    415: "RFC 9110 section 8.4",
    417: "RFC 9110 section 10.1.1",
    421: "RFC 9110 section 7.4",
    431: "RFC 6585 section 5",
    501: "RFC 9110 section 9.1",
    505: "RFC 9112 section 2.3",
}


def rfc_section(status: int, rule: str) -> str:
    """Return the section that a rule is about."""
    named = _NAMED.search(rule)
    if named is not None:
        return named[0]
    if status in (413, 414, 431):
        return _BY_STATUS[status]
    return next((section for words, section in _BY_WORDS if words in rule), _BY_STATUS.get(status, ""))
