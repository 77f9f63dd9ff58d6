"""The id of a request, by which its lines are found in the logs of all servers it passed through.

In: the `X-Request-Id` of the client, if it sent one. Out: a field line with the id: the client's own if it is
well-formed (so that it can't break a log line), else a random one. An id is not a secret, and reveals nothing about
other requests or about the process.
"""

from __future__ import annotations

import os
import re

NAME = "x-request-id"
_is_well_formed = re.compile(r"[A-Za-z0-9._~+/=:-]{1,128}").fullmatch
RANDOM_BYTES = 12  # a collision is expected once in some 10**14 ids
_AT_ONCE = 64
RequestId = tuple[str, bytes]  # an id, and the field line with it

# PERF: benchmarks/stages.py: many are made in advance, with one system call.
_ahead: list[RequestId] = []


def choose_id(given: str | None) -> RequestId:
    """Return the id of a request and its field line; `given` is the id sent by the client."""
    if given is not None and _is_well_formed(given):
        return given, f"{NAME}: {given}\r\n".encode()
    try:
        return _ahead.pop()
    except IndexError:
        return _generate()


def _generate() -> RequestId:
    """Make ids in advance, and return one."""
    digits = os.urandom(RANDOM_BYTES * (_AT_ONCE + 1)).hex("|", RANDOM_BYTES)
    lines = f"{NAME}: {digits}\r\n".replace("|", f"\r\n|{NAME}: ").encode()
    first, *others = zip(digits.split("|"), lines.split(b"|"), strict=True)
    _ahead.extend(others)
    return first


if hasattr(os, "register_at_fork"):  # a child must not use the same ids as its parent
    os.register_at_fork(after_in_child=_ahead.clear)
