"""The state table: every pair of state and transition is compared with the drawing and with the wire."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from tests.wire.feeding import LIMITS

from fanlight.errors import BadMessage
from fanlight.wire.http1 import states
from fanlight.wire.http1.http1_connection import Http1Connection
from fanlight.wire.http1.states import NEXT, Transition, WireStateError
from fanlight.wire.http1.states import ConnectionState as State

COLUMNS = (
    Transition.HEAD,
    Transition.HEAD_WITH_CONTENT,
    Transition.CONTENT_ENDED,
    Transition.RESPONSE_BEGAN,
    Transition.RESPONSE_ENDED,
    Transition.RESPONSE_SENT,
)


def drawn() -> dict[tuple[State, Transition], State | None]:
    """Return the table as the file's docstring draws it."""
    table = {}
    for line in (states.__doc__ or "").splitlines():
        words = line.split()
        if words and words[0] in State.__members__ and len(words) == 7:
            for transition, cell in zip(COLUMNS, words[1:], strict=True):
                table[State[words[0]], transition] = None if cell == "-" else State[cell]
    return table


def test_the_drawing_has_every_pair() -> None:
    """No state and no transition is missing from the drawing."""
    assert set(drawn()) == set(itertools.product(State, COLUMNS))


@pytest.mark.parametrize(("state", "transition"), list(itertools.product(State, COLUMNS)))
def test_the_table_is_as_drawn(state: State, transition: Transition) -> None:
    """Each pair leads to the state in the drawing, or is not possible."""
    to = NEXT[state][transition]
    assert (State(to) if to >= 0 else None) == drawn()[state, transition]


@pytest.mark.parametrize("state", State)
def test_everything_can_be_closed(state: State) -> None:
    """CLOSED is reachable from every state, and final."""
    assert NEXT[state][Transition.CLOSE] == State.CLOSED
    assert all(to in (-1, State.CLOSED) for to in NEXT[State.CLOSED])


def wire_in(state: State) -> Http1Connection:
    """Return a wire that was brought to a state by messages."""
    wire = Http1Connection(LIMITS)
    if state is State.CLOSED:
        wire.refuse(BadMessage("x"), b"")
    elif state in (State.RECEIVING, State.EARLY_RESPONSE):
        wire.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        wire.next_event()
    elif state is not State.IDLE:
        wire.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wire.next_event()
    if state in (State.EARLY_RESPONSE, State.SENDING):
        wire.start_response(200, (), None, b"")
    assert wire.state == state
    return wire


ACTS: dict[str, tuple[Callable[[Http1Connection], object], set[State]]] = {
    "send_continue": (lambda wire: wire.send_continue(), {State.RECEIVING}),
    "send_response": (lambda wire: wire.send_response(200, (), b"", b""), {State.RECEIVING, State.AWAITING_RESPONSE}),
    "start_response": (lambda wire: wire.start_response(200, (), 0, b""), {State.RECEIVING, State.AWAITING_RESPONSE}),
    "send_content": (lambda wire: wire.send_content(b"x"), {State.EARLY_RESPONSE, State.SENDING}),
    "end_response": (lambda wire: wire.end_response(), {State.EARLY_RESPONSE, State.SENDING}),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("name", ACTS)
def test_a_call_in_the_wrong_state_is_refused(name: str, state: State) -> None:
    """A call that the state does not allow raises WireStateError and changes nothing."""
    act, allowed = ACTS[name]
    wire = wire_in(state)
    if state in allowed:
        assert isinstance(act(wire), bytes)
    else:
        with pytest.raises(WireStateError, match=state.name):
            act(wire)
        assert wire.state == state


def test_an_early_response_ends_the_connection() -> None:
    """After a response that is complete before the content, the remaining bytes are never read as a request."""
    wire = wire_in(State.RECEIVING)
    assert b"connection: close\r\n" in wire.send_response(200, (), b"x", b"")
    assert (wire.must_close, wire.is_request_unread) == (True, True)
    wire.receive(b"cdeGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert wire.next_event() is None
