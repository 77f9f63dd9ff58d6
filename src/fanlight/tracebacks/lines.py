"""A report as lines of text, each made of parts with a role, for the log and for the terminal.

In: a report. Out: lines; joined they are plain text, and a terminal may give each role a colour. The message stands
first, and the newest frame below it: what has happened, and where, are read without looking for the end.

    ZeroDivisionError: division by zero
      shop/prices.py:12 in average
          return total / count
                 ~~~~~~^~~~~~~
      main.py:40 in show
          price = average(prices)
      9 frames of fanlight
    caused by KeyError: 'count'
      ...

SECURITY: tests/tracebacks/test_lines.py; no character of a message can hide another one, or begin a line unindented.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from fanlight.tracebacks.frames import Entry, Fold, Frame
from fanlight.tracebacks.hints import hint_for
from fanlight.tracebacks.report import Report, report_of
from fanlight.tracebacks.visible import visible

Part = tuple[
    str, str
]  # its role (kind, message, note, hint, place, function, source, mark, caret, fold, link), its text
Line = list[Part]


def folded_text(error: BaseException, folder: Path | str | None = None) -> str:
    """Return an exception as plain text: its message, a hint, the site's frames, and a line for each run of others."""
    report = report_of(error, folder)
    return text_of(report, hint_for(report).replace("`", ""))


def text_of(report: Report, hint: str = "") -> str:
    """Return a report as plain text."""
    return "\n".join("".join(text for _, text in line) for line in lines_of(report, hint))


def lines_of(report: Report, hint: str = "") -> Iterator[Line]:
    """Yield the lines of a report, those of the exceptions that it came from included."""
    link = ""
    for each in report.chain:
        yield from _lines_of_one(each, link, hint)
        link, hint = each.link, ""


def _lines_of_one(report: Report, link: str, hint: str) -> Iterator[Line]:
    first, *more = visible(report.message).split("\n")
    start: Line = [("link", f"{link} ")] if link else []
    yield [*start, ("kind", report.kind), *([("", ": "), ("message", first)] if report.message else [])]
    yield from ([("message", f"  {line}")] for line in more)
    for note in report.notes:
        yield from ([("note", f"  {line}")] for line in visible(note).split("\n"))
    yield from ([("hint", f"  {line}")] for line in visible(hint).split("\n") if line)
    within, entries = inner_fold(report.entries)
    for entry in entries:
        yield from _lines_of_entry(entry)
        if within is not None:
            newest, function = within.frames[0].place, within.frames[0].function
            yield [("fold", visible(f"      raised below it, in {within}: {newest} in {function}"))]
            within = None
    for number, member in enumerate(report.members, 1):
        total = len(report.members) + report.more_members
        for index, line in enumerate(lines_of(member)):
            yield [("link", f"  {number} of {total}: ") if index == 0 else ("", "    "), *line]
    if report.more_members:
        yield [("fold", f"  {report.more_members} more exceptions")]


def inner_fold(entries: Sequence[Entry]) -> tuple[Fold | None, Sequence[Entry]]:
    """Return the frames below the newest one of the site's apart: that one can be changed, so it comes first."""
    if len(entries) > 1 and isinstance(entries[0], Fold) and isinstance(entries[1], Frame):
        return entries[0], entries[1:]
    return None, entries


def _lines_of_entry(entry: Entry) -> Iterator[Line]:
    if not isinstance(entry, Frame):
        yield [("fold", f"  {entry}")]
        return
    line: Line = [("", "  "), ("place", visible(entry.place))]
    if entry.function:
        line += [("", " in "), ("function", visible(entry.function))]
    yield line
    if not entry.source:
        return
    indentation = " " * 6
    if entry.columns is None:
        yield [("source", indentation + visible(entry.source))]
        return
    begin, end = entry.columns
    before, marked, after = entry.source[:begin], entry.source[begin:end], entry.source[end:]
    yield [("source", indentation + visible(before)), ("mark", visible(marked)), ("source", visible(after).rstrip())]
    yield [("caret", f"{indentation}{_blank(visible(before))}{'^' * max(1, _width(visible(marked)))}")]


def _blank(text: str) -> str:
    """Return blanks that are as wide as a text."""
    return "".join("\t" if char == "\t" else " " * _width(char) for char in text)


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
