"""The line of a request on the terminal of a development server.

In: the entries of the access log, and the notes about requests that failed. Out: one line for each request, in columns,
coloured on a terminal: time, status, method, duration, size, path, and for an error the reason, which stands below the
path if it has no room beside it. Requests to the tools have none. Nothing that a client has sent can break a line or
control the terminal, and secrets in a query are left out.

A terminal gets at most MAX_LINES in one round of the log, and the number of the others; a file or a pipe gets all.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from functools import lru_cache

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

from fanlight.devtools.dev_context import is_for_tools
from fanlight.devtools.inspector.rfc_sections import rfc_section
from fanlight.devtools.teaching.request_notes import NOTES
from fanlight.message.request_id import id_of
from fanlight.server.recording.formats import Entry
from fanlight.server.recording.redact import escape, redact_start
from fanlight.settings.options import STREAMS, Options

MAX_LINES = 200  # on a terminal, in a tenth of a second
MAX_METHOD, MAX_PATH, MAX_REASON = 10, 1000, 1000
MIN_PATH = 12  # columns that are left to a path on a narrow terminal
FAST_SECONDS, SLOW_SECONDS = 0.1, 0.5
INDENT = 10  # of a reason that stands on a line of its own

_STATUS_STYLES = {1: "dim", 2: "green", 3: "cyan", 4: "bold yellow", 5: "bold red"}
Paint = Callable[[str], str]


def lines_for(options: Options) -> RequestLines | None:
    """Return what formats the access log for the terminal, or for the file of the options.

    None if another format than that for people is wanted.
    """
    if options.access_format != "text":
        return None
    is_stream = not options.access_file or options.access_file in STREAMS
    is_error_stream = STREAMS.get(options.access_file) == 2
    return RequestLines(Console(file=(sys.stderr if is_error_stream else sys.stdout) if is_stream else io.StringIO()))


class RequestLines:
    """Formats entries for one terminal, or for a file."""

    def __init__(self, console: Console, take_note: Callable[[str], str] = NOTES.take) -> None:
        self._take_note, self._console = take_note, console
        self._is_terminal = console.is_terminal and not console.is_dumb_terminal
        self._columns = console.width
        self._written = self._unwritten = 0
        self._paint = {name: _painter(console, name) for name in ("", "dim", "yellow", "red", *_STATUS_STYLES.values())}

    def line(self, entry: Entry, offset: float) -> str:
        """Return the line of an entry, with its end; "" if there is none. `offset` is that of the clocks."""
        ended, seconds, method, target, _, _, _, route, status, size, line, refusal = entry
        reason = self._take_note(id_of(line))
        if is_for_tools(target.partition("?")[0]):
            return ""
        if self._is_terminal:
            self._written += 1
            if self._written > MAX_LINES:
                self._unwritten += 1
                return ""
        if refusal:
            section = rfc_section(status, refusal)
            reason = f"refused: {refusal}" + (f" ({section})" if section and "RFC" not in refusal else "")
        columns = [
            (_clock(int(ended + offset)), "dim"),
            (str(status), _STATUS_STYLES.get(status // 100, "")),
            (escape(method, MAX_METHOD).ljust(7) if method else "-      ", ""),
            ((_duration(seconds) if seconds else "").rjust(8), _speed(seconds)),
            ((_size(size) if size else "").rjust(8), "dim"),
        ]
        begin = sum(len(text) + 2 for text, _ in columns)
        path = escape(redact_start(target, MAX_PATH), MAX_PATH) if target else "-"
        return self._joined(columns, begin, path, _printable(reason), is_quiet="(Static(" in route and status < 400)

    def end_round(self) -> str:
        """Return how many lines were left out since the last call, as a line; "" if none was."""
        left, self._written, self._unwritten = self._unwritten, 0, 0
        if self._is_terminal:
            self._columns = self._console.width  # the window may have another size by now
        return self._paint["dim"](f"... and {left:,} more requests") + "\n" if left else ""

    def _joined(self, columns: list[tuple[str, str]], begin: int, path: str, reason: str, *, is_quiet: bool) -> str:
        paint = self._paint
        room = max(MIN_PATH, self._columns - begin - 1)
        if self._is_terminal and len(path) > room:
            path = f"{path[: room - 3]}..."
        if is_quiet:
            return paint["dim"]("  ".join([*(text for text, _ in columns), path])) + "\n"
        line = "  ".join([*(paint[style](text) for text, style in columns), path])
        if not reason:
            return f"{line}\n"
        if not self._is_terminal or len(path) + cell_len(reason) + 2 <= room:
            return f"{line}  {paint['yellow'](reason)}\n"
        return f"{line}\n{' ' * INDENT}{paint['yellow'](reason)}\n"


def _painter(console: Console, style: str) -> Paint:
    """Return a function that colours a text; what it puts around the text is made once."""
    if not style or console.color_system is None or console.no_color:
        return str
    before, after = Style.parse(style).render("\0", color_system=console._color_system).split("\0")  # noqa: SLF001
    return lambda text: f"{before}{text}{after}"


def _printable(text: str) -> str:
    if len(text) > MAX_REASON:
        text = f"{text[:MAX_REASON]}..."
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _speed(seconds: float) -> str:
    return "dim" if seconds < FAST_SECONDS else "yellow" if seconds < SLOW_SECONDS else "red"


def _duration(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


_clock = lru_cache(1)(lambda second: time.strftime("%H:%M:%S", time.localtime(second)))
