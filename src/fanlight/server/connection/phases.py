"""What a connection waits for, and what it may wait for next.

In: nothing. Out: the phases and the table of allowed transitions. `Connection.enter` is the only writer of a
connection's phase and refuses what is not in this table, which a test compares with the drawing and walks pair by pair:

    from             to
    HANDSHAKE        HEAD LINGERING CLOSED
    IDLE             IDLE HEAD CONTENT RUNNING STREAMING WRITING LINGERING CLOSED
    HEAD             IDLE CONTENT RUNNING STREAMING WRITING LINGERING CLOSED
    CONTENT          IDLE SPOOLING RUNNING WRITING LINGERING CLOSED
    SPOOLING         CONTENT CLOSED
    RUNNING          IDLE STREAMING_BODY STREAMING WRITING LINGERING CLOSED
    STREAMING_BODY   RUNNING CLOSED
    STREAMING        IDLE STREAM_PAUSED WRITING LINGERING CLOSED
    STREAM_PAUSED    STREAMING CLOSED
    WRITING          IDLE LINGERING CLOSED
    LINGERING        CLOSED
    CLOSED

The owner of the connection depends on the phase, and nothing else may touch it:

    HANDSHAKE, IDLE, HEAD, CONTENT    the thread that holds the hub, which reads
    WRITING, STREAM_PAUSED            the hub, which writes; a paused stream goes on when the client has taken all
    LINGERING                         the hub, which reads and discards
    STREAMING_BODY                    the hub, which reads for a view that waits for more of the content
    RUNNING, SPOOLING, STREAMING      a thread of the pool or a task, which gives it back through `Ownership.post`,
                                      or by entering IDLE, if nothing is left to be done
                                      (while a stream runs, the hub listens for its client's disconnect)
    CLOSED                            no one

A call that runs inline runs in IDLE or HEAD: the hub's thread is inside it, and touches no connection meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Phase(IntEnum):
    """What a connection waits for; the numbers have no meaning."""

    IDLE = 0  # the next request, after a response
    HEAD = 1  # the first request, or the rest of a head
    CONTENT = 2  # the rest of the content
    WRITING = 3  # the client has to take the rest of its response
    LINGERING = 4  # a refused client has to read why, and to close
    RUNNING = 5  # a view, in a thread or a task
    HANDSHAKE = 6  # what comes before the first request: a PROXY header, a TLS handshake
    STREAMING_BODY = 7  # more of the content, for a view that reads it as a stream
    SPOOLING = 8  # a thread that writes content to the disk
    STREAMING = 9  # the next piece of a streamed response
    STREAM_PAUSED = 10  # the client has to take what was streamed so far
    CLOSED = 11


# PERF: benchmarks/stages.py: a name of the module is found faster than a member of an Enum.
(
    IDLE,
    HEAD,
    CONTENT,
    WRITING,
    LINGERING,
    RUNNING,
    HANDSHAKE,
    STREAMING_BODY,
    SPOOLING,
    STREAMING,
    STREAM_PAUSED,
    CLOSED,
) = Phase

# The most frequent one first: `in` compares from the left.
READING_REQUESTS = (IDLE, HEAD, CONTENT)  # the hub reads requests
WAITING_FOR_CLIENT = (WRITING, STREAM_PAUSED)  # the client has to take something

NEXT: Mapping[Phase, tuple[Phase, ...]] = {
    HANDSHAKE: (HEAD, LINGERING, CLOSED),
    IDLE: (IDLE, RUNNING, CONTENT, WRITING, HEAD, STREAMING, LINGERING, CLOSED),
    HEAD: (IDLE, RUNNING, CONTENT, WRITING, STREAMING, LINGERING, CLOSED),
    CONTENT: (IDLE, SPOOLING, RUNNING, WRITING, LINGERING, CLOSED),
    SPOOLING: (CONTENT, CLOSED),
    RUNNING: (IDLE, WRITING, STREAMING, STREAMING_BODY, LINGERING, CLOSED),
    STREAMING_BODY: (RUNNING, CLOSED),
    STREAMING: (STREAM_PAUSED, IDLE, WRITING, LINGERING, CLOSED),
    STREAM_PAUSED: (STREAMING, CLOSED),
    WRITING: (IDLE, LINGERING, CLOSED),
    LINGERING: (CLOSED,),
    CLOSED: (),
}


class InvalidTransition(RuntimeError):
    """A fault of the server's own: a connection was to enter a phase that can't follow the one that it is in."""

    def __init__(self, before: Phase, after: Phase) -> None:
        super().__init__(f"a connection can't go from {before.name} to {after.name}")
