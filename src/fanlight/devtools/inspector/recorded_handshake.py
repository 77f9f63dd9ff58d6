"""Handshakes that fail, recorded: a TLS handshake, or a header of the PROXY protocol.

In: the policy of a connection that begins with a handshake. Out: a policy that does the same, and reports the failure
with the first bytes that the client has sent; a connection that ends without any byte is none. After the handshake the
connection has its own policy again.
"""

from __future__ import annotations

import contextlib
import socket
from time import perf_counter
from typing import TYPE_CHECKING

from fanlight.devtools.inspector.recording import FAILED, TIMED_OUT, ConnectionFacts
from fanlight.errors import BadMessage
from fanlight.server.connection.phases import CLOSED

if TYPE_CHECKING:
    from fanlight.devtools.inspector.recorded_connection import Recorder
    from fanlight.server.connection.connection import Connection, ConnectionPolicy

MAX_PEEKED_BYTES = 4096


class RecordedHandshake:
    """The policy of a connection until its handshake is complete."""

    def __init__(self, policy: ConnectionPolicy, recorder: Recorder, facts: ConnectionFacts) -> None:
        self._policy, self._recorder, self._facts = policy, recorder, facts
        self.passes_hints, self.trusts = policy.passes_hints, policy.trusts
        self.apply_to_request = policy.apply_to_request
        self._began, self._seen = 0.0, b""
        self.is_over = False

    def handshake(self, connection: Connection) -> int:
        """Continue the handshake; return the events to wait for, 0 when it is complete. Raises what it raises."""
        if not self._seen:
            self._began = perf_counter()
            with contextlib.suppress(OSError):
                self._seen = connection.sock.recv(MAX_PEEKED_BYTES, socket.MSG_PEEK)
        try:
            wanted = self._policy.handshake(connection)
        except (OSError, BadMessage) as error:
            self._report(connection, FAILED, f"the handshake failed: {error}")
            raise
        if connection.policy is not self and connection.policy is not None:
            self._policy = connection.policy  # chosen by the PROXY header
        connection.set_policy(self if wanted else self._policy)
        self.is_over = not wanted
        return wanted

    def check(self, connection: Connection) -> None:
        """Report a connection that was closed before its handshake was complete; called now and then."""
        if not self.is_over and connection.phase is CLOSED:
            self._report(connection, TIMED_OUT, "the connection was closed before its handshake was complete")

    def _report(self, connection: Connection, outcome: str, note: str) -> None:
        if self.is_over:
            return
        self.is_over = True
        if not self._seen:
            return
        self._facts.learn(connection.client or "", "")
        recording = self._recorder.begin(self._began, self._facts)
        recording.take_received([(self._began, self._seen)])
        recording.annotate(note)
        self._recorder.finish(recording, outcome)
