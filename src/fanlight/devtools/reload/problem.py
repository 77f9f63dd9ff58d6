"""Why new code does not serve: in a form that is sent from a worker to the parent, and to pages.

In: an exception of a site that is loaded or started. Out: a `Problem`: for each fault its place, the lines around it,
and what to do. The source is read now, as the file may have changed again before someone looks.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, Literal, Self

from msgspec import Struct, convert, to_builtins

from fanlight.errors import FanlightError, SetupError
from fanlight.settings.env_file import EnvFileError
from fanlight.site.finding import LoadError
from fanlight.tracebacks.frames import parse_place
from fanlight.tracebacks.hints import hint_for
from fanlight.tracebacks.lines import folded_text
from fanlight.tracebacks.report import report_of

LINES_BEFORE, LINES_AFTER = 3, 2
MAX_LINE = 240  # characters of a line of source
MAX_FAULTS = 20
MAX_TEXT = 20_000


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    message: str
    file: str = ""  # relative to the site's folder, if it is in it
    line: int = 0
    excerpt: tuple[str, ...] = ()  # lines of the file
    first_line: int = 0  # the number of the first of these
    hint: str = ""

    @property
    def place(self) -> str:
        """The file and the line, as in other messages: "main.py:12"."""
        return f"{self.file}:{self.line}" if self.line else self.file


class Problem(Struct, frozen=True, kw_only=True):
    """Why the code of one generation does not serve."""

    title: str  # one line
    faults: tuple[Fault, ...]
    text: str = ""  # all of it, as the terminal shows it
    kind: Literal["error", "waiting"] = "error"  # waiting: it may serve yet

    @classmethod
    def of(cls, error: BaseException, folder: Path) -> Self:
        """Return the problem that an exception of a site in a folder means."""
        if isinstance(error, SetupError):
            count = len(error.mistakes)
            faults = [
                fault_at(next(iter(each.places), ""), each.message, folder, hint=each.hint)
                for each in error.mistakes[:MAX_FAULTS]
            ]
            text = "\n\n".join(map(str, error.mistakes))
            return cls(title=f"{count} error{'s' * (count != 1)} in the site", faults=tuple(faults), text=text)
        if isinstance(error, EnvFileError):
            # Without an excerpt: there are secrets in it.
            fault = Fault(message=error.reason, file=Path(error.file).name, line=error.line)
            return cls(title="The env file can't be read", faults=(fault,))
        if isinstance(error, LoadError) and error.error is not None:
            return cls._of_exception(error.error, folder, str(error))
        if isinstance(error, FanlightError):
            first, _, rest = str(error).partition("\n")
            message, _, hint = first.partition("; ")
            fault = Fault(message=message, hint=f"{hint}\n{rest}".strip())
            return cls(title=message, faults=(fault,))
        return cls._of_exception(error, folder, folded_text(error, folder))

    @classmethod
    def _of_exception(cls, error: BaseException, folder: Path, text: str) -> Self:
        report = report_of(error, folder)
        own = next((each.own_frames[0] for each in report.chain if each.own_frames), None)
        title = report.title.partition("\n")[0][:MAX_LINE]
        hint = hint_for(report).replace("`", "")
        fault = fault_at(own.place if own is not None else "", title, folder, hint=hint)
        return cls(title=title, faults=(fault,), text=text[:MAX_TEXT])

    @classmethod
    def received(cls, facts: Any) -> Self:
        """Return the problem that another process has sent."""
        return convert(facts, cls)

    @property
    def printed(self) -> str:
        """The problem as the terminal shows it."""
        if self.text:
            return self.text if self.title in self.text else f"{self.title}\n{self.text}"
        lines = [
            "  ".join(filter(None, (each.place, "" if each.message == self.title else each.message, each.hint)))
            for each in self.faults
        ]
        return "\n".join((self.title, *filter(None, lines)))

    def facts(self) -> dict[str, Any]:
        """Return it as it is sent to another process, or to a page."""
        made: dict[str, Any] = to_builtins(self)
        return made


def fault_at(place: str, message: str, folder: Path, *, hint: str = "") -> Fault:
    """Return the fault at a place, written as "main.py:7"."""
    name, line = parse_place(place) or (place, 0)
    first, excerpt = _excerpt(folder / name, line) if line else (0, ())
    return Fault(message=message, file=name, line=line, excerpt=excerpt, first_line=first, hint=hint)


def _excerpt(path: Path, line: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of the first line, and the lines around one, as far as they can be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0, ()
    first, last = max(1, line - LINES_BEFORE), line + LINES_AFTER
    while first < line and not lines[first - 1].strip():
        first += 1
    while last > line and not "".join(lines[last - 1 : last]).strip():
        last -= 1
    return first, tuple(each[:MAX_LINE] for each in lines[first - 1 : last])


def waiting_problem(place: str, folder: Path, *, is_loaded: bool) -> Problem:
    """Return the problem of a site that takes long to load, or to start, and where it is."""
    what = "start: its lifespan has not come to its `yield`" if is_loaded else "load"
    message = "This line runs just now." if place else "No line of the site runs just now; it may wait for something."
    title = f"The site takes long to {what}"
    return Problem(title=title, faults=(fault_at(place, message, folder),), kind="waiting")


def exit_problem(code: int, when: str) -> Problem:
    """Return the problem of a worker process that has ended by itself."""
    how = f"was killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"exited with code {code}"
    fault = Fault(message="What it has printed last may say why.")
    return Problem(title=f"The worker process {how} {when}", faults=(fault,))
