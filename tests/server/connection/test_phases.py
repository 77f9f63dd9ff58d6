"""The phases of a connection: what the table allows happens, and nothing else does."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import fanlight
from fanlight.server.connection import phases
from fanlight.server.connection.connection import HANDSHAKE_SECONDS, Connection
from fanlight.server.connection.phases import NEXT, InvalidTransition, Phase
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.wire_limits import WireLimits

PAIRS = [(before, after) for before in Phase for after in Phase]


@pytest.fixture
def connection() -> Iterator[Connection]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Connection(
            theirs, None, Http1Connection(WireLimits(head_bytes=1000, content_bytes=1000)), 0.0, lambda _: None
        )


def _drawn() -> dict[str, set[str]]:
    """Return the table that the docstring draws."""
    lines = iter((phases.__doc__ or "").splitlines())
    next(line for line in lines if line.split() == ["from", "to"])
    table = {}
    for line in lines:
        if not line.strip():
            break
        before, *after = line.split()
        table[before] = set(after)
    return table


def test_the_docstring_draws_the_table() -> None:
    """The drawing in the docstring of `phases` shows each allowed transition, and no other."""
    table = {before.name: {each.name for each in after} for before, after in NEXT.items()}
    table["CLOSED"] = set()
    assert _drawn() == table


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{a.name} to {b.name}" for a, b in PAIRS])
def test_a_connection_enters_only_what_the_table_allows(connection: Connection, before: Phase, after: Phase) -> None:
    """An allowed transition sets the phase, its start and its deadline; any other is refused and changes nothing."""
    connection.phase = before
    if after in NEXT[before]:
        connection.enter(after, 10.0, 5.0, moved_bytes=7)
        assert (connection.phase, connection.phase_started_at, connection.deadline) == (after, 10.0, 15.0)
        assert connection.moved_bytes == 7
    else:
        with pytest.raises(InvalidTransition, match=f"from {before.name} to {after.name}"):
            connection.enter(after, 10.0, 5.0)
        assert (connection.phase, connection.phase_started_at, connection.deadline) == (before, 0.0, HANDSHAKE_SECONDS)


def test_every_phase_can_be_left_and_reached() -> None:
    """Each phase but the last leads to CLOSED, and each but the first follows another one."""
    assert [phase for phase, after in NEXT.items() if Phase.CLOSED not in after] == [Phase.CLOSED]
    assert {phase for after in NEXT.values() for phase in after} == {*Phase} - {Phase.HANDSHAKE}


def test_only_the_connection_writes_its_phase() -> None:
    """No other file assigns a connection's phase, the start of it, or its deadline."""
    names = {"phase", "phase_started_at", "deadline"}
    root = Path(fanlight.__file__).parent
    found = {
        f"{file.relative_to(root)}:{node.lineno}"
        for file in (root / "server").rglob("*.py")
        if file.name != "connection.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in names
    }
    assert not found
