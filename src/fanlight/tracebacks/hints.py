"""What to write instead: a hint for the mistakes that beginners make most often.

In: the report of an exception. Out: one or two sentences, "" where there is nothing certain to say, or the message says
it already. What is code stands between backticks. Looks at names, at the line of source and at the folders of the site,
and runs no code of it: of an exception of a class of the site's own only the message is looked at.
"""

from __future__ import annotations

import builtins
import os
import re
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from fanlight.closest_name import closest_name
from fanlight.tracebacks.frames import Frame
from fanlight.tracebacks.report import Report

MAX_LISTED = 500  # files of a folder in which a similar name is looked for
MAX_NAME = 100

# What a name that was not imported most likely is, where it is not a module of Python.
_WELL_KNOWN = {
    "Path": "pathlib", "datetime": "datetime", "date": "datetime", "timedelta": "datetime", "UTC": "datetime",
    "dataclass": "dataclasses", "Annotated": "typing", "Any": "typing", "Literal": "typing", "Optional": "typing",
    "partial": "functools", "lru_cache": "functools", "cache": "functools", "defaultdict": "collections",
    "Counter": "collections", "sleep": "time", "randint": "random", "choice": "random", "Enum": "enum",
    "Decimal": "decimal", "UUID": "uuid", "uuid4": "uuid", "quote": "urllib.parse", "urlencode": "urllib.parse",
}  # fmt: skip
_SHORT_FOR = {"np": "import numpy as np", "pd": "import pandas as pd"}

# The beginning of the message of a SyntaxError, and what to write.
_SYNTAX = (
    ("expected ':'", "Write a colon at the end of the line."),
    ("unterminated string", "Close the text with the quotation mark it began with, on the same line."),
    ("unterminated triple-quoted", "Close the text with three quotation marks."),
    ("unterminated f-string", "Close the text with the quotation mark it began with, on the same line."),
    (
        "expected an indented block",
        "Indent the lines below it by four spaces; `pass` is a block without lines.",
    ),
    ("unexpected indent", "Begin the line where the one above begins, or end that one with a colon."),
    ("unindent does not match", "Begin the line exactly where another line of its block, or of one around it, begins."),
    ("inconsistent use of tabs", "Use four spaces for each level, and no tabs: most editors can convert them."),
    ("unmatched", "Remove the bracket, or write the one that opens it."),
    ("'return' outside function", "Indent the line by four spaces, so that it belongs to the function."),
    ("'await' outside async function", "Write `async def` for the function that has the await."),
    ("invalid non-printable character", "Type the line again: the character was copied from elsewhere."),
    ("invalid character", 'Type the character again: `"` and `-` have look-alikes in texts from elsewhere.'),
    ("cannot assign to", "Write `==` to compare, or a name to the left of `=`."),
)

# A part of the message of any exception, and what to write.
_MESSAGES: tuple[tuple[type[BaseException], str, str], ...] = (
    (TypeError, "can only concatenate str", 'Write an f-string, f"{a}{b}", or `str(...)` around what is no text.'),
    (
        TypeError,
        "unsupported operand type(s) for +: 'int' and 'str'",
        "Write `int(...)` around the text.",
    ),
    (TypeError, "'coroutine' object", "Write `await` before the call of the async function, in an `async def`."),
    (TypeError, "can't be used in 'await' expression", "Remove the `await`: what is called is not async."),
    (TypeError, "'NoneType' object", "Something is None here: a function without `return`, or nothing was found."),
    (AttributeError, "'NoneType' object", "Something is None here: a function without `return`, or nothing was found."),
    (AttributeError, "'coroutine' object", "Write `await` before the call of the async function, in an `async def`."),
    (
        Exception,
        "SQLite objects created in a thread can only be used in that same thread",
        "Open the connection for each request, in a dependency, or with `check_same_thread=False`.",
    ),
    (
        Exception,
        "no such table",
        "Create the table in the lifespan: `create table if not exists`.",
    ),
    (RuntimeError, "asyncio.run() cannot be called", "Write `await` instead of `asyncio.run`, in an `async def` view."),
    (UnicodeDecodeError, "codec can't decode", 'Open the file with its encoding, like `open(..., encoding="utf-8")`.'),
    (
        UnboundLocalError,
        "local variable",
        "The function assigns the name, so it is its own: give it another name.",
    ),
)


def hint_for(report: Report) -> str:
    """Return what to write instead of what has raised an exception."""
    error = report.error
    if type(error).__module__ == "builtins":
        for kind, make in _BY_KIND:
            if isinstance(error, kind) and (hint := make(error, next(iter(report.own_frames), None))):
                return hint
    return next((hint for kind, part, hint in _MESSAGES if isinstance(error, kind) and part in report.message), "")


def _for_syntax(error: SyntaxError, newest: Frame | None) -> str:
    del newest
    message = str(error.msg)
    if message.endswith("was never closed"):
        bracket = {"(": ")", "[": "]", "{": "}"}.get(message[1:2], "bracket")
        return f"Write the `{bracket}` that closes it."
    return next((hint for start, hint in _SYNTAX if message.startswith(start)), "")


def _for_name(error: NameError, newest: Frame | None) -> str:
    name = error.name
    if not isinstance(name, str) or isinstance(error, UnboundLocalError):
        return ""
    file = "the file" if newest is None else newest.shown
    if statement := _import_of(name):
        return f"Write `{statement}` at the top of {file}."
    frame = None if newest is None else newest.frame
    known = set(dir(builtins)) if frame is None else {*dir(builtins), *frame.f_globals, *frame.f_locals}
    close = closest_name(name[:MAX_NAME], {*known, *_our_names()})
    if not close or close in known:
        return ""  # or Python has named it in the message
    return f"Did you mean `{close}`? Write `from fanlight import {close}` at the top of {file}."


def _import_of(name: str) -> str:
    """Return the statement that imports a name, "" if it is not known."""
    if name in _our_names():
        return f"from fanlight import {name}"
    if name in _WELL_KNOWN:
        return f"from {_WELL_KNOWN[name]} import {name}"
    return _SHORT_FOR.get(name, f"import {name}" if name in sys.stdlib_module_names else "")


def _our_names() -> Sequence[str]:
    return getattr(sys.modules.get("fanlight"), "__all__", ())


def _for_module(error: ModuleNotFoundError, newest: Frame | None) -> str:
    del newest
    if not isinstance(error.name, str) or not error.name:
        return ""
    top, folder = error.name.partition(".")[0], Path(sys.path[0] or ".")
    files = [each.stem for each in _listed(folder) if each.suffix in (".py", "")]
    if close := closest_name(top[:MAX_NAME], {*files, *sys.stdlib_module_names, "fanlight"} - {top}):
        return f"Did you mean `{close}`?"
    return f"Install it, `pip install {top}`, or if it is a file of this site, put {top}.py into {folder}."


def _for_import(error: ImportError, newest: Frame | None) -> str:
    del newest
    name = error.name if isinstance(error.name, str) else ""
    found = re.search(r"cannot import name '([^']{1,100})'", error.msg)
    module = sys.modules.get(name)
    if found is None or module is None:
        return ""
    if "partially initialized" in error.msg:
        return f"{name} imports this file before it has the name: move what both need into a third file."
    names = getattr(module, "__all__", None) or list(vars(module))
    close = closest_name(found[1], [each for each in names if isinstance(each, str)])
    return f"Did you mean `{close}`?" if close else ""


def _for_file(error: FileNotFoundError, newest: Frame | None) -> str:
    if not isinstance(error.filename, str):
        return ""
    path = Path(error.filename)
    if newest is not None and not path.is_absolute() and os.path.exists(Path(newest.file).parent / path):  # noqa: PTH110 - it raises nothing
        name = path.as_posix()
        written = f'`Path(__file__).with_name("{name}")`' if "/" not in name else f'`Path(__file__).parent / "{name}"`'
        return f"The file is beside {newest.shown}: write {written}, with `from pathlib import Path`."
    folder, start = path.parent, "" if path.is_absolute() else f"; a relative path begins in {Path.cwd()}"
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        return f"There is no folder {folder}{start}."
    if close := closest_name(path.name[:MAX_NAME], [each.name for each in _listed(folder)]):
        return f'Did you mean "{(folder / close).as_posix()}"?'
    return f"There is no {path.name} in {folder.resolve()}{start}."


def _for_key(error: KeyError, newest: Frame | None) -> str:
    key = error.args[0] if error.args else None
    found = re.search(r"\b(\w*request)\.(form|query|cookies|headers)\[", "" if newest is None else newest.source)
    if found is None or not isinstance(key, str):
        return ""
    owner = f"{found[1]}.{found[2]}"
    if found[2] not in ("form", "query") or not key.isidentifier():
        return f'It was not sent. Write `{owner}.get("{key}")`.'
    return (
        f'It was not sent. Write `{owner}.get("{key}")`, or take it as a parameter of the view, `{key}: str`:'
        " a request without it gets a 422."
    )


def _listed(folder: Path) -> list[Path]:
    """Return the files of a folder, no more than MAX_LISTED."""
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in islice(entries, MAX_LISTED)]
    except OSError:
        return []


_BY_KIND: tuple[tuple[type[BaseException], Callable[..., str]], ...] = (
    (SyntaxError, _for_syntax),
    (NameError, _for_name),
    (ModuleNotFoundError, _for_module),
    (ImportError, _for_import),
    (FileNotFoundError, _for_file),
    (KeyError, _for_key),
)
