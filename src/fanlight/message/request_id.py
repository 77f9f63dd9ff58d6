"""The id of a request, by which its lines are found in the logs of all servers it passed through.

In: the `X-Request-Id` of the client, if it sent one. Out: a field line with the id: the client's own if it is
well-formed (so that it can't break a log line), else a random one. An id is not a secret, and reveals nothing about
other requests or about the process.
"""

from __future__ import annotations

import os
import re
import struct

NAME = "x-request-id"
_is_well_formed = re.compile(r"[A-Za-z0-9._~+/=:-]{1,128}").fullmatch
RANDOM_BYTES = 12  # a collision is expected once in some 10**14 ids
_AT_ONCE = 64
_BEGIN, _END = f"{NAME}: ".encode(), b"\r\n"
ID = slice(len(_BEGIN), -len(_END))  # where the id is in its line

# PERF: benchmarks/logs.py: many are made in advance, with one system call and few calls of Python. Each is its line
# alone: the id as text is made of it when it is needed.
_ahead: list[bytes] = []
take_line = _ahead.pop  # returns the line of the next request; IndexError: `make_lines` does
_split = struct.Struct(f"{len(_BEGIN) + 2 * RANDOM_BYTES + len(_END)}s" * _AT_ONCE).unpack


def choose_line(given: str | None) -> bytes:
    """Return the field line with the id of a request; `given` is the id sent by the client."""
    if given and _is_well_formed(given):
        return f"{NAME}: {given}\r\n".encode()
    try:
        return take_line()
    except IndexError:
        return make_lines()


def make_lines() -> bytes:
    """Make lines in advance, and return one."""
    digits = os.urandom(RANDOM_BYTES * _AT_ONCE).hex("|", RANDOM_BYTES).encode()
    line: bytes
    line, *others = _split(_BEGIN + digits.replace(b"|", _END + _BEGIN) + _END)
    _ahead.extend(others)
    return line


def id_of(line: bytes) -> str:
    """Return the id that a field line has."""
    return line[ID].decode()


if hasattr(os, "register_at_fork"):  # a child must not use the same ids as its parent
    os.register_at_fork(after_in_child=_ahead.clear)
