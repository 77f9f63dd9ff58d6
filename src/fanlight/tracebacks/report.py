"""What is shown of an exception: its message first, then where it was raised, then what it came from.

In: an exception, and the folder of the site. Out: a `Report`, bounded in every part: messages of megabytes are cut, and
so are long chains and large groups. Never raises, whatever `str()` of the exception does. The error of a template and
the exception that it was made from are one report: their frames are parts of one way.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from fanlight.errors import FanlightError, InvalidResponse, TemplateError
from fanlight.tracebacks.frames import (
    MAX_LINE,
    Entry,
    Fold,
    Frame,
    columns_in,
    entries_of,
    folded,
    frame_at,
    has_template,
    parse_place,
)
from fanlight.tracebacks.visible import visible

MAX_MESSAGE = 2_000  # characters
MAX_KIND = 200
MAX_NOTES = 10
MAX_OPENED = 4  # frames that are shown of an exception with none of the site's
MAX_REPORTS = 20  # of one exception: its causes, and the members of groups
CAUSE, CONTEXT = "caused by", "raised while handling"
_UNNAMED = ("builtins", "__main__", "fanlight.errors")
_WITH_SUGGESTION = (NameError, AttributeError, ImportError)


class Report(Struct, frozen=True, kw_only=True):
    """One exception, its frames from the newest on, and the exceptions that it came from."""

    error: BaseException
    kind: str  # "ZeroDivisionError", "sqlite3.OperationalError"
    message: str
    notes: tuple[str, ...]
    entries: tuple[Entry, ...]
    members: tuple[Report, ...]  # of an exception group
    more_members: int  # that are left out
    link: str  # CAUSE or CONTEXT, if there is an earlier exception
    earlier: Report | None  # None also if there are too many

    @property
    def title(self) -> str:
        """The kind and the message, as in the last line of Python's tracebacks."""
        return f"{self.kind}: {self.message}" if self.message else self.kind

    @property
    def own_frames(self) -> list[Frame]:
        """The frames of the site, the newest first."""
        return [each for each in self.entries if isinstance(each, Frame)]

    @property
    def chain(self) -> Iterator[Report]:
        """This report, and those that it came from."""
        each: Report | None = self
        while each is not None:
            yield each
            each = each.earlier


def report_of(error: BaseException, folder: Path | str | None = None) -> Report:
    """Return the report of an exception; `folder` is that of the site."""
    return _Reports("" if folder is None else str(folder)).make(error)


class _Reports:
    """Makes the reports of one exception, no more than MAX_REPORTS."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: set[int] = set()

    def make(self, error: BaseException) -> Report:
        self._seen.add(id(error))
        own, traces = error, [error.__traceback__]
        cause = error.__cause__
        if isinstance(error, TemplateError) and cause is not None and has_template(cause.__traceback__):
            self._seen.add(id(cause))
            own, traces = cause, [error.__traceback__, cause.__traceback__]
        entries = entries_of(traces, self._folder)
        if place := self._place_of(error, entries):
            entries = folded((place, *_unfolded(entries)))
        if not isinstance(error, FanlightError):
            entries = _opened(entries)
        members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        shown = [self.make(each) for each in members if self._has_room_for(each)]
        link, earlier = _earlier_than(own)
        return Report(
            error=error,
            kind=_kind_of(error),
            message=_message_of(error),
            notes=_notes_of(error),
            entries=entries,
            members=tuple(shown),
            more_members=len(members) - len(shown),
            link=link,
            earlier=self.make(earlier) if earlier is not None and self._has_room_for(earlier) else None,
        )

    def _has_room_for(self, error: BaseException) -> bool:
        return len(self._seen) < MAX_REPORTS and id(error) not in self._seen

    def _place_of(self, error: BaseException, entries: tuple[Entry, ...]) -> Frame | None:
        """Return the place of an error that is in a source text and not in a frame."""
        if isinstance(error, SyntaxError):
            return _syntax_place(error, self._folder)
        if isinstance(error, InvalidResponse) and self._folder:
            place = parse_place(error.place)
            return None if place is None else frame_at(str(Path(self._folder, place[0])), place[1], self._folder)
        if isinstance(error, TemplateError) and not any(
            isinstance(each, Frame) and each.is_template for each in _unfolded(entries)
        ):
            place = parse_place(error.place)
            if place is not None and self._folder:
                return frame_at(str(Path(self._folder, place[0])), place[1], self._folder, is_template=True)
        return None


def _opened(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return entries among which is a frame in full: where none is the site's, the newest of the others."""
    if not entries or any(isinstance(each, Frame) for each in entries):
        return entries
    frames = _unfolded(entries)
    return (*frames[:MAX_OPENED], *folded(frames[MAX_OPENED:]))


def _unfolded(entries: tuple[Entry, ...]) -> list[Entry]:
    return [inner for each in entries for inner in (each.frames if isinstance(each, Fold) else (each,))]


def _earlier_than(error: BaseException) -> tuple[str, BaseException | None]:
    """Return the exception that another one came from, as Python shows it."""
    if error.__cause__ is not None:
        return CAUSE, error.__cause__
    if error.__context__ is not None and not error.__suppress_context__:
        return CONTEXT, error.__context__
    return "", None


def _syntax_place(error: SyntaxError, folder: str) -> Frame | None:
    # A SyntaxError may be made with anything.
    if not isinstance(error.filename, str) or not isinstance(error.lineno, int):
        return None
    at = frame_at(error.filename, error.lineno, folder)
    if not isinstance(error.text, str):
        return at
    text = error.text.rstrip()
    source = text.lstrip()
    columns = None
    if isinstance(error.offset, int):
        first = error.offset - 1 - (len(text) - len(source))
        is_short = isinstance(error.end_offset, int) and error.end_lineno == error.lineno
        length = error.end_offset - error.offset if is_short and error.end_offset is not None else 1
        columns = columns_in(f"{source} ", first, first + max(length, 1))
    return Frame(
        file=at.file, shown=at.shown, line=at.line, function="", owner="", source=source[:MAX_LINE], columns=columns
    )


# --- texts --------------------------------------------------------------------------------------------


def _kind_of(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in _UNNAMED else f"{kind.__module__}.{kind.__qualname__}"
    return visible(name.replace("\n", " ")[:MAX_KIND])


def _message_of(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return _cut(str(error.msg))
    if isinstance(error, BaseExceptionGroup):
        count = len(error.exceptions)
        return f"{_cut(error.message)} ({count} exception{'s' * (count != 1)})"
    text = _text_of(error)
    if isinstance(error, _WITH_SUGGESTION):
        text += _suggestion_for(error, text)
    return _cut(text)


def _text_of(value: object) -> str:
    try:
        return str(value)
    except BaseException as error:  # noqa: BLE001 - the text of an exception is made by code of the site's
        return f"<its text can't be made: {type(error).__name__}>"


def _suggestion_for(error: BaseException, text: str) -> str:
    """Return what Python adds to the message of such an exception: ". Did you mean: 'name'?"."""
    try:
        made = traceback.TracebackException(type(error), error, error.__traceback__, limit=0, compact=True)
        lines = "".join(made.format_exception_only())
    except BaseException:  # noqa: BLE001 - as above; it looks at the attributes of objects
        return ""
    _, found, rest = lines.partition(text)
    suggestion = rest.partition("\n")[0] if found else ""
    return suggestion if suggestion.startswith((". ", "?", " ")) else ""


def _notes_of(error: BaseException) -> tuple[str, ...]:
    notes: object = getattr(error, "__notes__", None)
    if not isinstance(notes, list | tuple):
        return ()
    return tuple(_cut(_text_of(each)) for each in notes[:MAX_NOTES])


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}... ({len(text):,} characters)"
