"""The table of states: every pair of state and step, against the drawing, and against the wire itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from fanlight.errors import BadMessage
from fanlight.wire.http1 import states
from fanlight.wire.http1.connection import Http1
from fanlight.wire.http1.limits import WireLimits
from fanlight.wire.http1.states import NEXT, OutOfTurn, State, Step

COLUMNS = (
    Step.HEAD,
    Step.HEAD_WITH_CONTENT,
    Step.CONTENT_ENDED,
    Step.ANSWER_BEGAN,
    Step.ANSWER_ENDED,
    Step.ANSWERED,
)


def drawn() -> dict[tuple[State, Step], State | None]:
    """Return the table as the file's docstring draws it."""
    table = {}
    for line in (states.__doc__ or "").splitlines():
        words = line.split()
        if words and words[0] in State.__members__ and len(words) == 7:
            for step, cell in zip(COLUMNS, words[1:], strict=True):
                table[State[words[0]], step] = None if cell == "-" else State[cell]
    return table


def test_the_drawing_has_every_pair() -> None:
    """No state and no step is missing from the drawing."""
    assert set(drawn()) == set(itertools.product(State, COLUMNS))


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, COLUMNS)))
def test_the_table_is_as_drawn(state: State, step: Step) -> None:
    """Each pair leads where the drawing says, or nowhere."""
    to = NEXT[state][step]
    assert (State(to) if to >= 0 else None) == drawn()[state, step]


@pytest.mark.parametrize("state", State)
def test_everything_can_be_closed(state: State) -> None:
    """From every state there is a way to CLOSED, and none out of it."""
    assert NEXT[state][Step.CLOSE] == State.CLOSED
    assert all(to in (-1, State.CLOSED) for to in NEXT[State.CLOSED])


def wire_in(state: State) -> Http1:
    """Return a wire that has come to a state by what clients and servers do."""
    wire = Http1(WireLimits())
    if state is State.CLOSED:
        wire.refuse(BadMessage("x"), b"")
    elif state in (State.RECEIVING, State.EARLY):
        wire.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        wire.next_event()
    elif state is not State.IDLE:
        wire.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wire.next_event()
    if state in (State.EARLY, State.SENDING):
        wire.start_response(200, (), None, b"")
    assert wire.state == state
    return wire


ACTS: dict[str, tuple[Callable[[Http1], object], set[State]]] = {
    "send_continue": (lambda wire: wire.send_continue(), {State.RECEIVING}),
    "send_response": (lambda wire: wire.send_response(200, (), b"", b""), {State.RECEIVING, State.ANSWERING}),
    "start_response": (lambda wire: wire.start_response(200, (), 0, b""), {State.RECEIVING, State.ANSWERING}),
    "send_content": (lambda wire: wire.send_content(b"x"), {State.EARLY, State.SENDING}),
    "end_response": (lambda wire: wire.end_response(), {State.EARLY, State.SENDING}),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("name", ACTS)
def test_an_answer_comes_in_its_turn_or_not_at_all(name: str, state: State) -> None:
    """What the server asks for out of turn is its own mistake, told as one, and changes nothing."""
    act, allowed = ACTS[name]
    wire = wire_in(state)
    if state in allowed:
        assert isinstance(act(wire), bytes)
    else:
        with pytest.raises(OutOfTurn, match=state.name):
            act(wire)
        assert wire.state == state


def test_an_early_answer_ends_the_connection() -> None:
    """When the answer is complete before the content has come, what still comes is never a request."""
    wire = wire_in(State.RECEIVING)
    assert b"connection: close\r\n" in wire.send_response(200, (), b"x", b"")
    assert (wire.must_close, wire.is_request_unread) == (True, True)
    wire.receive(b"cdeGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert wire.next_event() is None
