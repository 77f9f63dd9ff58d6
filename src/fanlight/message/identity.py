"""What a request is called, so that its lines can be found in every log it passed through.

In: the `X-Request-Id` of a client, or nothing. Out: the field line of an id: the client's own where it
is well-formed, else one that we make of what this process drew at its start, and a number. An id is a
name and no secret. Refuses nothing: a name that could break a line of a log is not taken over.
"""

from __future__ import annotations

import itertools
import re
import secrets

NAME = "x-request-id"
_BEFORE, _AFTER = len(NAME) + 2, -2  # what is around the id in its line
_is_well_formed = re.compile(r"[A-Za-z0-9._~+/=:-]{1,128}").fullmatch
_MADE = f"{NAME}: {secrets.token_hex(6)}-%x\r\n".encode()
_numbers = itertools.count(1)


def id_line(given: str | None) -> bytes:
    """Return the field line that tells the id of a request whose client has given this one."""
    if given is not None and _is_well_formed(given):
        return f"{NAME}: {given}\r\n".encode()
    return _MADE % next(_numbers)


def id_of(line: bytes) -> str:
    """Return the id that a field line tells."""
    return line[_BEFORE:_AFTER].decode()
