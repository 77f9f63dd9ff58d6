"""Messages and exceptions on the terminal of a development server.

In: records of the logger `fanlight`. Out: text, coloured on a terminal, in the columns of the lines of requests. An
exception begins with its kind, its message and the hint; the site's frames follow from the newest on, each run of
others is one line, and the request comes last. No character of a message can control the terminal.

    20:55:20  ZeroDivisionError: division by zero
                prices.py:11 in average
                    return sum(prices) / len(prices)
                           ^^^^^^^^^^^^^^^^^^^^^^^^^
                1 frame of fanlight
              GET /total (total) failed: GET /total, id f7062bfd9728f9d670d77e73
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style

from fanlight.server.recording.error_log import one_entry
from fanlight.server.recording.redact import redact
from fanlight.settings.options import STREAMS, Options
from fanlight.tracebacks.hints import hint_for
from fanlight.tracebacks.lines import Line, lines_of
from fanlight.tracebacks.report import Report, report_of
from fanlight.tracebacks.visible import visible

INDENT = " " * 10  # behind the time
_LEVELS = {"WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red"}
_STYLES = {
    "kind": "bold red",
    "message": "bold",
    "note": "bold",
    "hint": "yellow",
    "place": "cyan",
    "function": "",
    "source": "",
    "mark": "bold",
    "caret": "red",
    "fold": "dim",
    "link": "dim",
}
Hint = Callable[[Report], str]


def message_format_for(options: Options, hint: Hint = hint_for) -> logging.Formatter | None:
    """Return what formats messages for the terminal; None if they go to a file, or in full."""
    if (options.log_file and options.log_file not in STREAMS) or options.traceback == "full":
        return None
    stream = sys.stdout if STREAMS.get(options.log_file) == 1 else sys.stderr
    return MessageLines(Console(file=stream), Path.cwd(), hint)


class MessageLines(logging.Formatter):
    """Formats records for one terminal."""

    def __init__(self, console: Console, folder: Path, hint: Hint = hint_for) -> None:
        super().__init__()
        self._console, self._folder, self._hint = console, folder, hint

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        clock = self._painted(time.strftime("%H:%M:%S", time.localtime(record.created)), "dim")
        text = one_entry(record.getMessage()).replace("\n    ", f"\n{INDENT}").replace(f"{self._folder}{os.sep}", "")
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            style = _LEVELS.get(record.levelname, "")
            level = f"{self._painted(record.levelname, style)}  " if style else ""
            return f"{clock}  {level}{text}"
        report = report_of(error, self._folder)
        lines = [self._line(line) for line in lines_of(report, self._hint(report).replace("`", ""))]
        return f"\n{INDENT}".join([f"{clock}  {lines[0]}", *lines[1:], self._painted(text, "dim")])

    def _line(self, line: Line) -> str:
        return "".join(self._painted(redact(visible(text)), _STYLES.get(role, "")) for role, text in line)

    def _painted(self, text: str, style: str) -> str:
        console: Any = self._console
        if not style or console.color_system is None or console.no_color or not text.strip():
            return text
        made: str = Style.parse(style).render(text, color_system=console._color_system)  # noqa: SLF001 - not public
        return made
