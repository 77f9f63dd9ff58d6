"""What a request is called, so that its lines can be found in every log it passed through.

In: the `X-Request-Id` of a client, or nothing. Out: the field line of an id: the client's own where it
is well-formed, else a random one of ours. An id is a name and no secret, and says nothing of other requests: not how
many there were, nor which process served them. Refuses nothing: a name that could break a line of a log is not taken.
"""

from __future__ import annotations

import os
import re

NAME = "x-request-id"
_BEFORE, _AFTER = len(NAME) + 2, -2  # what is around the id in its line
_is_well_formed = re.compile(r"[A-Za-z0-9._~+/=:-]{1,128}").fullmatch
RANDOM_BYTES = 12  # of each id: two are equal by chance once in some 10**14
_AT_ONCE = 64
# PERF: benchmarks/stages.py: lines are made ahead, many with one call of the system.
_ahead: list[bytes] = []


def id_line(given: str | None) -> bytes:
    """Return the field line that tells the id of a request whose client has given this one."""
    if given is not None and _is_well_formed(given):
        return f"{NAME}: {given}\r\n".encode()
    try:
        return _ahead.pop()
    except IndexError:
        return _made()


def _made() -> bytes:
    """Make lines ahead, and return one more."""
    digits = os.urandom(RANDOM_BYTES * (_AT_ONCE + 1)).hex("|", RANDOM_BYTES)
    first, *others = f"{NAME}: {digits}\r\n".replace("|", f"\r\n|{NAME}: ").encode().split(b"|")
    _ahead.extend(others)
    return first


def id_of(line: bytes) -> str:
    """Return the id that a field line tells."""
    return line[_BEFORE:_AFTER].decode()


if hasattr(os, "register_at_fork"):  # a child must not use the ids that its parent uses too
    os.register_at_fork(after_in_child=_ahead.clear)
