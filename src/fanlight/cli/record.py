"""`fanlight record FILE`: keep the exchanges of a running development server in a file, until Ctrl+C.

In: a file that does not exist yet. Out: a line in it, and on the terminal, for each exchange that is complete. Raises
ServerError if no development server runs, InvalidRecording if the file exists.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from fanlight.devtools.inspector.exchange_record import Exchange
from fanlight.devtools.inspector.exchange_store import Store
from fanlight.devtools.inspector.replay.differences import Rules
from fanlight.devtools.inspector.replay.raw_request import CannotReplay
from fanlight.devtools.inspector.replay.recording_file import append, record, write_head
from fanlight.devtools.running_servers import DevServer

POLL_SECONDS = 0.2
_BATCH = 1000


class ExchangeRecorder:
    """Copies complete exchanges from a development server to a file."""

    def __init__(
        self, server: DevServer, file: Path, rules: Sequence[str], *, has_secrets: bool, has_earlier: bool
    ) -> None:
        """Begin the file; with `has_earlier` those that the server keeps already come first. Raises FanlightError."""
        Rules.read(rules)
        self._store = Store(Path(server.exchanges))
        self._file, self._has_secrets = file, has_secrets
        self._seq = 0
        if not has_earlier:
            self._seq = max((each.seq for each in self._store.summaries(limit=1)), default=0)
        write_head(file, rules, has_secrets=has_secrets)
        self.count = 0

    def run(self, show: Callable[[str], object]) -> None:
        """Record until SIGINT or SIGTERM; `show` is called with a line for each exchange."""
        is_stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: is_stopped.set())
        while not is_stopped.is_set():
            if not self.record_new(show):
                is_stopped.wait(POLL_SECONDS)
        self.record_new(show)

    def record_new(self, show: Callable[[str], object]) -> int:
        """Record what has come since the last call; return how many rows were seen."""
        rows = self._store.summaries(self._seq, _BATCH)
        for row in rows:
            self._seq = max(self._seq, row.seq)
            if row.outcome == "open":
                continue
            exchange = self._store.get(row.id)
            if exchange is not None:
                show(self._record(exchange))
        return len(rows)

    def _record(self, exchange: Exchange) -> str:
        line = f"{exchange.id}  {exchange.method or '?':7} {exchange.target or '(no request)'}  {exchange.status or ''}"
        try:
            recorded = record(exchange, has_secrets=self._has_secrets)
        except CannotReplay as error:
            return f"{line}  not recorded: {error}"
        append(self._file, recorded)
        self.count += 1
        left_out = f"  without its {' and '.join(recorded.left_out)}" if recorded.left_out else ""
        return f"{line}{left_out}"
