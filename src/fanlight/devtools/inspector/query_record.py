"""The record of one SQL statement: a span with its text, its parameters, its rows and the line that has sent it.

In: what a driver is given, in the thread and context that it is called in. Out: a `QueryRecord`, or None where no
request is recorded. Parameters are cut, and masked where they look like secrets, or the statement names one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from fanlight.devtools.inspector.current import CURRENT
from fanlight.devtools.inspector.recording_limits import MAX_STATEMENT_CHARACTERS
from fanlight.devtools.inspector.short_values import short_value
from fanlight.devtools.secrets import is_secret_variable, mask_text
from fanlight.server.recording.redact import MASK
from fanlight.tracebacks.owners import owner_of

if TYPE_CHECKING:
    from fanlight.devtools.inspector.exchange_record import Span

MAX_NAME_CHARACTERS = 80  # of a statement, where it is a name
FEW_ROWS = 100  # that are fetched one by one, are counted one by one
MAX_FRAMES = 60  # that are looked at for the site's own line
_word = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class QueryRecord:
    """A statement that is executed."""

    __slots__ = ("_fetch_seconds", "_rows", "_span")

    def __init__(self, span: Span) -> None:
        self._span, self._rows, self._fetch_seconds = span, 0, 0.0

    def end(self, rowcount: int = -1, error: BaseException | None = None) -> None:
        """Note that it has been executed; `rowcount` is how many rows it has changed, -1 if it has not."""
        self._span.end_now(perf_counter(), error)
        if rowcount >= 0:
            self._span.describe({"rows": str(rowcount)})

    def count_rows(self, count: int, seconds: float, *, is_last: bool = True) -> None:
        """Count rows that were fetched, and the time of it: many databases look for rows only then."""
        self._rows += count
        self._fetch_seconds += seconds
        if is_last or self._rows < FEW_ROWS or self._rows % FEW_ROWS == 0:
            self._span.describe({"rows": str(self._rows), "fetched in": f"{1000 * self._fetch_seconds:.2f} ms"})


def begin_query(statement: object, parameters: object = None) -> QueryRecord | None:
    """Return the record of a statement that begins now, None where no request is recorded."""
    recording = CURRENT.get()
    if recording is None:
        return None
    sql = str(statement)
    name = " ".join(sql[: 4 * MAX_NAME_CHARACTERS].split())[:MAX_NAME_CHARACTERS]
    span = recording.begin_span("query", name, _place())
    detail = {"sql": sql[:MAX_STATEMENT_CHARACTERS]}
    if parameters:
        detail["parameters"] = _shown(sql, parameters)
    span.describe(detail)
    return QueryRecord(span)


def _shown(sql: str, parameters: object) -> str:
    if isinstance(parameters, dict):
        named = {key: MASK if is_secret_variable(str(key)) else value for key, value in parameters.items()}
        return mask_text(short_value(named))
    names_secret = any(is_secret_variable(word) for word in _word.findall(sql[:MAX_STATEMENT_CHARACTERS]))
    if names_secret and isinstance(parameters, Sequence) and not isinstance(parameters, str):
        parameters = tuple(MASK if isinstance(each, str | bytes) else each for each in parameters[:20])
    return mask_text(short_value(parameters))


def _place() -> str:
    """Return the line of the site that has sent a statement: the innermost that is no library's."""
    frame = sys._getframe(2)  # noqa: SLF001 - the documented way to see the callers
    for _ in range(MAX_FRAMES):
        if owner_of(frame.f_code.co_filename, "") == "":
            return f"{Path(frame.f_code.co_filename)}:{frame.f_lineno}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""
