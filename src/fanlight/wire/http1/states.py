"""The state machine of one HTTP/1 connection: all states, all transitions, one table.

                        head               head with   content             response        response  response
                        alone              content     ends                begins          ends      sent whole
    IDLE                AWAITING_RESPONSE  RECEIVING   -                   -               -         -
    RECEIVING           -                  -           AWAITING_RESPONSE   EARLY_RESPONSE  -         CLOSED
    EARLY_RESPONSE      -                  -           SENDING             -               CLOSED    -
    AWAITING_RESPONSE   -                  -           -                   SENDING         -         IDLE
    SENDING             -                  -           -                   -               IDLE      -
    CLOSED              -                  -           -                   -               -         -

A response that is complete before its request has been read leaves unread bytes behind, and they must never be
parsed as a request: the connection is CLOSED. Two more transitions lead to CLOSED from every state: a protocol error,
and the end of the last response (`connection: close`).
"""

from __future__ import annotations

from enum import IntEnum

from fanlight.errors import FanlightError


class ConnectionState(IntEnum):
    """A state of the connection."""

    IDLE = 0  # nothing, or a part of a head, has been received
    RECEIVING = 1  # the head has been returned; its content is being received
    EARLY_RESPONSE = 2  # the response has begun while content is still being received
    AWAITING_RESPONSE = 3  # the whole request has been read; the response has not begun
    SENDING = 4  # the response has begun
    CLOSED = 5


class Transition(IntEnum):
    """A cause for a change of state."""

    HEAD = 0
    HEAD_WITH_CONTENT = 1
    CONTENT_ENDED = 2
    RESPONSE_BEGAN = 3
    RESPONSE_ENDED = 4
    RESPONSE_SENT = 5
    CLOSE = 6


class WireStateError(FanlightError):
    """A method of the wire was called in a state that does not allow it: a bug in the server."""

    def __init__(self, state: int, transition: int) -> None:
        cause, current = Transition(transition).name, ConnectionState(state).name
        super().__init__(f"{cause} is not possible while the connection is {current}")


_I, _R, _E, _A, _S, _C, _X = 0, 1, 2, 3, 4, 5, -1

# Rows by State, columns by Transition. PERF: benchmarks/run.py: plain ints in tuples, as hashing an Enum costs more.
NEXT: tuple[tuple[int, ...], ...] = (
    (_A, _R, _X, _X, _X, _X, _C),
    (_X, _X, _A, _E, _X, _C, _C),
    (_X, _X, _S, _X, _C, _X, _C),
    (_X, _X, _X, _S, _X, _I, _C),
    (_X, _X, _X, _X, _I, _X, _C),
    (_X, _X, _X, _X, _X, _X, _C),
)
