"""The values of one cookie in a request, which may have been sent many times.

In: the Cookie field, and a name. Out: each value as it was sent, in order, none twice. Another host of the same domain
can set a cookie of any name for ours, and the browser then sends both ("cookie tossing"): which one to trust is decided
by `session_token.py`, and not by their order, which such a host can choose (RFC 6265 section 8.6).
"""

from __future__ import annotations

MAX_VALUES = 8  # that are read: each costs a verification
_BLANKS = " \t"


def cookie_values(field: str, name: str) -> list[str]:
    """Return the different values of a cookie, at most MAX_VALUES + 1."""
    values: list[str] = []
    if name not in field:
        return values
    for piece in field.split(";"):
        # SECURITY: tests/sessions/test_cookie_values.py: only these blanks are removed, as browsers do; another
        # character beside the name makes it another name
        found, equals, value = piece.partition("=")
        if equals and found.strip(_BLANKS) == name and (value := value.strip(_BLANKS)) not in values:
            values.append(value)
            if len(values) > MAX_VALUES:
                break
    return values
