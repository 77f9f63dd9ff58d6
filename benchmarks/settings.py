"""How long and how often the benchmarks measure.

In: the command line. Out: one frozen object.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from peers import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person chose."""

    rounds: int = 5
    seconds: float = 3  # of one measurement
    warm_up: float = 1  # seconds
    idle_seconds: float = 10  # of watching a server that has nothing to do
    connections: int = 10_000  # that idle
    tries: int = 1  # of one measurement, while other programs keep the machine busy
    only: tuple[str, ...] = ()  # words; a server is measured when its name holds one of them
    is_quick: bool = False
    is_short: bool = False  # quick, or with a budget: what has no rounds is done less often
    big: bool = False  # an upload of 5 GB too
    before: str = ""  # a revision of ours, to compare with
    until: float | None = None  # when the time for this part is over, by the monotonic clock; one round there is always

    def turns(self, most: int | None = None) -> Iterator[int]:
        """Yield the number of each round: until there were enough, or there is no time for another."""
        longest = 0.0
        for number in range(min(self.rounds, most or self.rounds)):
            began = time.monotonic()
            if number and self.until is not None and began + longest > self.until:
                return
            yield number
            longest = max(longest, time.monotonic() - began)

    def chosen(self, peers: Iterable[Peer]) -> list[Peer]:
        """Return the servers that are to be measured."""
        return [each for each in peers if not self.only or any(word.lower() in each.name.lower() for word in self.only)]

    def file(self, name: str) -> str:
        """Return the name of a result file: what is quick or partial never replaces a whole result."""
        return f"quick-{name}" if self.is_quick or self.only else name

    def say(self, text: str) -> None:
        """Tell a waiting person what is being done."""
        print(f"  {text}", file=sys.stderr, flush=True)
