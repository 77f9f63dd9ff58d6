"""What one client may cost us, and how long we wait for whatever we wait for.

In: numbers from a person. Out: one frozen object, checked once. Refuses numbers that make no
sense, and says which would. Knows nothing of how the numbers are enforced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fanlight.settings.field import Unit, declare, validate


def _limit(default: int, unit: Unit, help_text: str, *, least: int = 0) -> int:
    """Declare one limit with the words that documentation and `--help` show."""
    return cast("int", declare(default, unit, help_text, group="Limits", least=least))


def _wait(default: float, help_text: str, *, least: float = 0.001) -> float:
    """Declare one deadline, in seconds."""
    return cast("float", declare(default, "seconds", help_text, group="Limits", least=least))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every size and every wait the server allows; whatever is over one of them is refused by name."""

    request_line_bytes: int = _limit(8192, "bytes", "the request line: method, target and version", least=32)
    head_bytes: int = _limit(16384, "bytes", "all field lines of one request", least=64)
    field_count: int = _limit(100, "count", "field lines in one request", least=1)
    content_bytes: int = _limit(16 * 1024 * 1024, "bytes", "the content of one request", least=0)
    spool_bytes: int = _limit(
        64 * 1024, "bytes", "of the content of one request in memory; more than that waits in a temporary file", least=0
    )
    chunk_extension_bytes: int = _limit(256, "bytes", "the extensions of one chunk", least=0)
    trailer_bytes: int = _limit(4096, "bytes", "the trailers behind chunked content", least=0)
    handshake_seconds: float = _wait(10, "for a TLS handshake, or a proxy's first line")
    head_seconds: float = _wait(10, "from the first byte of a request to the end of its head")
    idle_seconds: float = _wait(75, "between two requests on one connection; longer than a proxy keeps one (60)")
    content_seconds: float = _wait(20, "for content to arrive, plus what its size earns at least_rate")
    write_seconds: float = _wait(20, "in which a client must take something of a response, or is cut off")
    least_rate: int = _limit(
        1024, "bytes/second", "slower than this, content and answers run into their deadline", least=1
    )
    unsent_bytes: int = _limit(
        256 * 1024 * 1024, "bytes", "answers that clients have yet to take; over it the slowest are cut off", least=1
    )
    linger_seconds: float = _wait(
        2, "to let a refused client read why before the connection is closed; up to ten times that while it sends"
    )
    linger_bytes: int = _limit(
        256 * 1024 * 1024, "bytes", "what a refused client may still send in that time before it is cut off"
    )
    unready_seconds: float = _wait(
        0, "at shutdown, how long /readyz says 503 before we stop to accept, so that a balancer can notice", least=0
    )
    drain_seconds: float = _wait(30, "at shutdown, for what runs to finish")
    arriving_seconds: float = _wait(
        3, "at shutdown, for a request or a TLS handshake that has begun to come; within drain_seconds", least=0
    )
    connections: int = _limit(10_000, "count", "connections open at once; more wait in the system's queue", least=1)
    connections_per_address: int = _limit(
        1000, "count", "of them from one address, but for trusted proxies and unix sockets; 0 is no cap"
    )
    threads: int = _limit(64, "count", "threads for views that block", least=1)
    waiting_calls: int = _limit(1024, "count", "calls that wait for a thread; more are answered 503", least=1)
    start_seconds: float = _wait(60, "for a worker to load the site; one that takes longer is ended")
    heartbeat_seconds: float = _wait(30, "without a sign of life from a worker; then it is dumped and replaced")
    worker_requests: int = _limit(0, "count", "requests after which a worker is replaced; 0 is never")
    worker_bytes: int = _limit(0, "bytes", "memory over which a worker is replaced; 0 is never")

    def __post_init__(self) -> None:
        """Refuse a number below the least that works."""
        validate(self)
