"""`Limits`: the sizes, counts and timeouts that bound what one client, or all of them, can cost the server.

In: numbers. Out: one frozen object, validated once. Refuses, as InvalidSetting, a number outside its range.
How a limit is enforced is written where it is enforced; limits that no one tunes are constants there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from fanlight.settings.field import declare, validate


def _size(default: int, help_text: str, *, least: int = 0) -> int:
    return cast("int", declare(default, "bytes", help_text, group="Limits", least=least))


def _count(default: int, help_text: str, *, least: int = 0) -> int:
    return cast("int", declare(default, "count", help_text, group="Limits", least=least))


def _timeout(default: float, help_text: str, *, least: float = 0.001) -> float:
    return cast("float", declare(default, "seconds", help_text, group="Limits", least=least))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes, counts and timeouts of the server; the message that refuses a request names the limit it exceeds."""

    head_bytes: int = _size(16384, "header fields of one request; the request line may take half as much", least=64)
    content_bytes: int = _size(16 * 1024 * 1024, "request body", least=0)
    unsent_bytes: int = _size(256 * 1024 * 1024, "response data waiting for slow clients, per process", least=1)
    head_seconds: float = _timeout(10, "from the first byte of a request to the end of its header fields")
    content_seconds: float = _timeout(20, "for the request body, plus one second for each KiB received")
    write_seconds: float = _timeout(20, "without progress before a client that does not read its response is closed")
    idle_seconds: float = _timeout(75, "between two requests on a keep-alive connection")
    unready_seconds: float = _timeout(
        0, "at shutdown, how long /readyz responds 503 before the server stops accepting connections", least=0
    )
    drain_seconds: float = _timeout(30, "at shutdown, how long active requests may take to finish")
    connections: int = _count(10_000, "open connections per process; more wait in the system's queue", least=1)
    connections_per_address: int = _count(
        1000, "open connections from one address, except trusted proxies and unix sockets; 0 is no limit"
    )
    message_bytes: int = _size(1024 * 1024, "one WebSocket message, also when it is decompressed", least=1)
    messages_per_second: int = _count(
        0, "messages, fragments and pings of one WebSocket client; one that sends more is slowed down; 0 is no limit"
    )
    ping_seconds: float = _timeout(
        20, "between two pings to a silent WebSocket client, which must respond within as much"
    )
    threads: int = _count(64, "threads for views that block", least=1)
    start_seconds: float = _timeout(60, "how long a worker may take to load the site before it is killed")
    heartbeat_seconds: float = _timeout(
        30, "restart a worker that has not responded for this long; its stack traces are logged first"
    )
    worker_requests: int = _count(0, "replace a worker after this many requests; 0 is never")
    worker_bytes: int = _size(0, "replace a worker that uses more memory than this; 0 is never")

    def __post_init__(self) -> None:
        validate(self)
