"""Content that flows through a connection piece by piece: what the hub calls on its reader and on its writer.

In: nothing. Out: the two interfaces; what implements them is in the room `exchange`.
"""

from __future__ import annotations

from typing import Protocol

PAUSE_SECONDS = 1.0  # a half-closed client that gets nothing for so long is taken to have disconnected


class BodyReader(Protocol):
    """The content of a request that its view reads as a stream."""

    is_client_gone: bool

    def read_more(self) -> None:
        """Receive more of it for the view that waits; called by the hub when there may be something."""

    def on_poll_event(self, events: int) -> None:
        """Handle a poll event while the view runs: its client sends more, or has left."""

    def fail(self, error: Exception) -> None:
        """Raise an error in the view, where it waits."""

    def close(self) -> None:
        """End it with its request: the response is out, or the client has disconnected."""


class Streaming(Protocol):
    """A writer that streams the response of a connection. These methods are for the hub thread."""

    source: object  # what the pieces come from, for `fanlight status`
    size: int  # bytes sent, or waiting to be
    began: float

    def on_poll_event(self, events: int) -> None:
        """Handle a poll event: the client may have disconnected."""

    def on_disconnect(self, *, is_certain: bool) -> None:
        """End the stream. Where the client may only have closed its sending side, see first whether it pauses."""

    def check(self, now: float) -> None:
        """Find out whether a silent client is still there; called every few seconds."""

    def drain(self) -> None:
        """End a stream that has no natural end: the server stops."""
