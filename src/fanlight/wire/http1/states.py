"""Where a connection stands between its requests and answers: all states, all steps, one table.

                 head        head with     content    answer    answer    whole
                 alone       content       ends       begins    ends      answer
    IDLE         ANSWERING   RECEIVING     -          -         -         -
    RECEIVING    -           -             ANSWERING  EARLY     -         CLOSED
    EARLY        -           -             SENDING    -         CLOSED    -
    ANSWERING    -           -             -          SENDING   -         IDLE
    SENDING      -           -             -          -         IDLE      -
    CLOSED       -           -             -          -         -         -

An answer that is complete before its request has been read leaves bytes that nobody may take for a
request: the connection is CLOSED. Two more steps lead to CLOSED from anywhere: a refusal, and the
end of the last answer (`connection: close`).
"""

from __future__ import annotations

from enum import IntEnum

from fanlight.errors import FanlightError


class State(IntEnum):
    """What a connection is about."""

    IDLE = 0  # nothing, or part of a head, has come
    RECEIVING = 1  # the head is out, its content comes
    EARLY = 2  # the answer has begun while content still comes
    ANSWERING = 3  # the request has been read, no answer has begun
    SENDING = 4  # the answer has begun
    CLOSED = 5


class Step(IntEnum):
    """What can happen."""

    HEAD = 0
    HEAD_WITH_CONTENT = 1
    CONTENT_ENDED = 2
    ANSWER_BEGAN = 3
    ANSWER_ENDED = 4
    ANSWERED = 5
    CLOSE = 6


class OutOfTurn(FanlightError):
    """The server's own mistake: it asked the wire for a step that can't come now."""


_I, _R, _E, _A, _S, _C, _X = 0, 1, 2, 3, 4, 5, -1

# Rows by State, columns by Step. PERF: benchmarks/run.py: plain ints in tuples, as hashing an Enum costs more.
NEXT: tuple[tuple[int, ...], ...] = (
    (_A, _R, _X, _X, _X, _X, _C),
    (_X, _X, _A, _E, _X, _C, _C),
    (_X, _X, _S, _X, _C, _X, _C),
    (_X, _X, _X, _S, _X, _I, _C),
    (_X, _X, _X, _X, _I, _X, _C),
    (_X, _X, _X, _X, _X, _X, _C),
)


def out_of_turn(state: int, step: int) -> OutOfTurn:
    """Return the error for a step that the table does not have."""
    return OutOfTurn(f"{Step(step).name} can't come while the connection is {State(state).name}")
