"""The frames of a traceback, the newest first: the site's own in full, each run of others folded.

In: a traceback, and the folder of the site. Out: `Frame`, `Fold` and `Gap` in the order in which they are read. The
repeated frames of a recursion are shown once, middleware and dependencies that an error of the site has only passed are
left out. A frame of a template is that of the template's own file and line, as
Jinja has written it into the traceback. Source is read from files as they are now; what can't be read is "".
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from inspect import CO_ASYNC_GENERATOR, CO_GENERATOR
from itertools import islice
from opcode import opmap
from types import CodeType, FrameType, TracebackType

from msgspec import Struct

from fanlight.lazy_pattern import lazy_pattern
from fanlight.tracebacks.owners import owner_of, shown_path

MAX_ENTRIES = 40  # shown of one traceback; the middle of a longer one is left out
MAX_PERIOD = 8  # functions that call each other in turn
MAX_LINE = 300  # characters of a line of source
MAX_NAMES = 4  # libraries that the line of a fold names
_SUSPENDED = frozenset({opmap["YIELD_VALUE"], opmap["RESUME"]})  # where a generator waits, by the version of Python


class Frame(Struct, frozen=True, kw_only=True):
    """One frame: where, and the part of the line that was executed."""

    file: str
    shown: str  # the path, relative to the site's folder: "main.py"
    line: int
    function: str  # "" for the place of a syntax error
    owner: str  # "" for the site's own
    source: str  # the line without its indentation, "" if there is none
    columns: tuple[int, int] | None  # of the part of `source` that failed, None if that is all of it
    is_template: bool = False
    frame: FrameType | None = None  # for its variables

    @property
    def place(self) -> str:
        """The place, as in other messages: "main.py:12"."""
        return f"{self.shown}:{self.line}"


class Fold(Struct, frozen=True):
    """A run of frames that are not the site's."""

    frames: tuple[Frame, ...]
    repeated: int = 0  # frames that are repetitions of these

    def __str__(self) -> str:
        names = list(dict.fromkeys(each.owner for each in self.frames))
        listed = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
        count = len(self.frames) + self.repeated
        return f"{count} frame{'s' * (count != 1)} of {listed}"


class Gap(Struct, frozen=True):
    """Frames that are left out: with a period, as many frames as that, the ones before, have been repeated."""

    count: int
    period: int = 0

    def __str__(self) -> str:
        if not self.period:
            return f"{self.count} more frames"
        which = "the frame above is" if self.period == 1 else f"the {self.period} frames above are"
        return f"{which} repeated {self.count // self.period} more times"


Entry = Frame | Fold | Gap
_Call = tuple[FrameType, int, int]  # a frame, its line, and the index of its instruction


def entries_of(tracebacks: Sequence[TracebackType | None], folder: str = "") -> tuple[Entry, ...]:
    """Return the entries of a traceback, or of several of which each continues the one before, the newest first."""
    calls: list[_Call] = []
    for first in tracebacks:
        trace = first
        while trace is not None:
            calls.append((trace.tb_frame, trace.tb_lineno, trace.tb_lasti))
            trace = trace.tb_next
    calls = _without_passed(calls[::-1], folder)
    for file in {call[0].f_code.co_filename for call in calls}:
        linecache.checkcache(file)
    return folded([each if isinstance(each, Gap) else _frame(each, folder) for each in _shortened(calls)])


def is_at_yield(code: CodeType, index: int) -> bool:
    """Return whether an error has only passed a frame: it was thrown in at the `yield` of what encloses others."""
    is_generator = code.co_flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)
    return bool(is_generator) and code.co_code[index] in _SUSPENDED


def _without_passed(calls: list[_Call], folder: str) -> list[_Call]:
    """Return calls without the middleware and dependencies that an error of the site has passed, the newest first."""
    found, is_from_site = [], False
    for frame, line, index in calls:
        is_passed = is_at_yield(frame.f_code, index)
        if not is_passed or not is_from_site:
            found.append((frame, line, index))
        is_from_site = is_from_site or not (is_passed or owner_of(frame.f_code.co_filename, folder))
    return found


def folded(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries with each run of frames that are not the site's as one Fold."""
    found: list[Entry] = []
    for each in entries:
        last = found[-1] if found else None
        if isinstance(each, Frame) and each.owner:
            if isinstance(last, Fold):
                found[-1] = Fold((*last.frames, each), last.repeated)
            else:
                found.append(Fold((each,)))
        elif isinstance(each, Gap) and isinstance(last, Fold) and 0 < each.period <= len(last.frames):
            found[-1] = Fold(last.frames, last.repeated + each.count)
        else:
            found.append(each)
    return tuple(found)


def has_template(trace: TracebackType | None) -> bool:
    """Return whether a frame of a traceback is that of a template."""
    while trace is not None:
        if _is_template(trace.tb_frame):
            return True
        trace = trace.tb_next
    return False


def frame_at(file: str, line: int, folder: str = "", *, is_template: bool = False) -> Frame:
    """Return the frame of a place that no code has run at."""
    linecache.checkcache(file)
    source, _ = _source_of(file, line)
    return Frame(
        file=file,
        shown=shown_path(file, folder),
        line=line,
        function="",
        owner=owner_of(file, folder),
        source=source,
        columns=None,
        is_template=is_template,
    )


def columns_in(source: str, begin: int, end: int) -> tuple[int, int] | None:
    """Return the part of a line from one column to another, None if it is all of the line, or nothing."""
    begin, end = max(0, begin), min(len(source), max(end, begin + 1))
    return (begin, end) if begin < end and (begin, end) != (0, len(source.rstrip())) else None


# --- one frame ----------------------------------------------------------------------------------------


def _frame(call: _Call, folder: str) -> Frame:
    frame, line, index = call
    code, is_template = frame.f_code, _is_template(frame)
    file = code.co_filename
    template = frame.f_globals.get("__jinja_template__")
    if template is not None:  # Jinja has not rewritten this traceback
        file, line = str(getattr(template, "filename", file)), int(template.get_corresponding_lineno(line))
    owner = owner_of(file, folder)
    if file.startswith("<") and isinstance(own := frame.f_globals.get("__file__"), str):
        owner = owner_of(own, folder)  # generated code, like `__init__` of a dataclass, or `exec`
    source, indentation = _source_of(file, line)
    is_generated = is_template or template is not None
    return Frame(
        file=file,
        shown=shown_path(file, folder),
        line=line,
        function=code.co_name if is_generated else code.co_qualname.replace("<locals>.", ""),
        owner=owner,
        source=source,
        columns=None if is_generated else _columns(frame, line, index, source, indentation),
        is_template=is_generated,
        frame=frame,
    )


def _is_template(frame: FrameType) -> bool:
    return "__jinja_exception__" in frame.f_globals or "__jinja_template__" in frame.f_globals


def _source_of(file: str, line: int) -> tuple[str, int]:
    """Return a line without its indentation, and how much that was."""
    text = linecache.getline(file, line).rstrip()
    source = text.lstrip()
    return source[:MAX_LINE], len(text) - len(source)


def _columns(frame: FrameType, line: int, index: int, source: str, indentation: int) -> tuple[int, int] | None:
    """Return the part of a line that an instruction belongs to (PEP 657)."""
    begin_line, end_line, begin, end = next(islice(frame.f_code.co_positions(), index // 2, None), (None,) * 4)
    if begin_line != line or begin is None or end is None or not source:
        return None
    text = linecache.getline(frame.f_code.co_filename, line).encode(errors="replace")  # columns are counted in bytes
    first = len(text[:begin].decode(errors="replace")) - indentation
    last = len(text[:end].decode(errors="replace")) - indentation if end_line == line else len(source)
    columns = columns_in(source, first, last)
    # All of a `raise` is nothing that needs to be pointed at.
    return None if columns is not None and source.startswith("raise", columns[0]) else columns


# --- many frames --------------------------------------------------------------------------------------


def _shortened(calls: list[_Call]) -> list[_Call | Gap]:
    """Return the frames without repetitions, and without the middle of what is still too long."""
    found = _without_repetitions(calls)
    if len(found) <= MAX_ENTRIES:
        return found
    half = MAX_ENTRIES // 2
    return [*found[:half], Gap(len(found) - 2 * half), *found[-half:]]


def _without_repetitions(calls: list[_Call]) -> list[_Call | Gap]:
    keys = [(frame.f_code, line) for frame, line, _ in calls]
    found: list[_Call | Gap] = []
    at = 0
    while at < len(calls):
        period, times = _repetition(keys, at)
        found += calls[at : at + period]
        if times > 1:
            found.append(Gap(period * (times - 1), period))
        at += period * times
    return found


def _repetition(keys: Sequence[object], at: int) -> tuple[int, int]:
    """Return the length of what repeats from an index on, and how often it occurs: 1, 1 if less than three times."""
    for period in range(1, MAX_PERIOD + 1):
        times = 1
        while keys[at : at + period] == keys[at + period * times : at + period * (times + 1)]:
            times += 1
        if times > 2:
            return period, times
    return 1, 1


_place = lazy_pattern(r"(.+):(\d{1,9})")


def parse_place(place: str) -> tuple[str, int] | None:
    """Return the file and the line of a place like "templates/home.html:12"."""
    found = _place.fullmatch(place)
    return (found[1], int(found[2])) if found is not None else None
