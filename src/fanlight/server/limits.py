"""What one client may cost us, and how a server is told what to do.

In: numbers from a person. Out: two frozen objects, checked once. Refuses numbers that make no
sense, and says which would. Knows nothing of how the numbers are enforced.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from fanlight.errors import InvalidSetting
from fanlight.wire.http1 import WireLimits

Unit = Literal["bytes", "seconds", "count", "bytes/second"]


def _limit(default: int, unit: Unit, help_text: str, *, least: int = 0) -> int:
    """Declare one limit with the words that documentation and `--help` show."""
    return field(default=default, metadata={"unit": unit, "help": help_text, "least": least})


def _wait(default: float, help_text: str) -> float:
    """Declare one deadline, in seconds."""
    return field(default=default, metadata={"unit": "seconds", "help": help_text, "least": 0.001})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every size and every wait the server allows; whatever is over one of them is refused by name."""

    request_line_bytes: int = _limit(8192, "bytes", "the request line: method, target and version", least=32)
    head_bytes: int = _limit(16384, "bytes", "all field lines of one request", least=64)
    field_count: int = _limit(100, "count", "field lines in one request", least=1)
    content_bytes: int = _limit(16 * 1024 * 1024, "bytes", "the content of one request", least=0)
    chunk_extension_bytes: int = _limit(256, "bytes", "the extensions of one chunk", least=0)
    trailer_bytes: int = _limit(4096, "bytes", "the trailers behind chunked content", least=0)
    head_seconds: float = _wait(10, "from the first byte of a request to the end of its head")
    idle_seconds: float = _wait(60, "between two requests on one connection")
    content_seconds: float = _wait(20, "for content to arrive, plus what its size earns at least_rate")
    write_seconds: float = _wait(20, "for a client to take an answer, plus what its size earns at least_rate")
    least_rate: int = _limit(
        1024, "bytes/second", "slower than this, content and answers run into their deadline", least=1
    )
    linger_seconds: float = _wait(2, "to let a refused client read why before the connection is closed")
    drain_seconds: float = _wait(30, "at shutdown, for what runs to finish")
    connections: int = _limit(10_000, "count", "connections open at once; more wait in the system's queue", least=1)
    threads: int = _limit(64, "count", "threads for views that block", least=1)
    waiting_calls: int = _limit(1024, "count", "calls that wait for a thread; more are answered 503", least=1)

    def __post_init__(self) -> None:
        """Refuse a number below the least that works."""
        for each in fields(self):
            value, least = getattr(self, each.name), each.metadata["least"]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidSetting(f"Limits.{each.name} is {value!r}; it takes a number of {each.metadata['unit']}")
            if value < least:
                raise InvalidSetting(f"Limits.{each.name} is {value}; the least that works is {least}")

    def wire(self) -> WireLimits:
        """Return the part of the limits that the wire enforces by itself."""
        return WireLimits(**{each.name: getattr(self, each.name) for each in fields(WireLimits)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a server runs."""

    bind: tuple[str, ...] = ("localhost:8000",)  # "host:port", "[::1]:8000", ":8000" (everywhere), "unix:/path"
    limits: Limits = field(default_factory=Limits)
    access_log: bool = True
    uvloop: bool = False
