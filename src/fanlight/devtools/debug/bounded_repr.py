"""The values of variables as text: bounded in length, depth and time, and without secrets.

In: names and values of any kind. Out: a text for each, always. A `repr` that raises, returns megabytes or does not
return costs a line that says so: it runs in a thread, which is left behind when its time is over. What is in a plain
container is masked by its key, anything else by what its repr looks like.
"""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from fanlight.devtools.secrets import is_secret_variable, mask_text
from fanlight.server.recording.redact import MASK
from fanlight.tracebacks.visible import visible

MAX_TEXT = 1_000  # characters of one value
MAX_ITEM_TEXT = 200  # of a string within a container
MAX_ITEMS = 30  # of a container
MAX_DEPTH = 4
MAX_BITS = 10_000  # of a number: Python refuses to write longer ones
VALUE_SECONDS = 0.25  # for the repr of one value
LOOP_SECONDS = 2.0  # after which a thread that was left behind is ended
MAX_LEFT = 3  # threads that are left behind for one page
_LATE = f"(its repr takes longer than {VALUE_SECONDS:g} s)"
_NOT_TRIED = "(not shown: the repr of other values took too long)"
_PLAIN = (bool, float, complex, type(None), type(...))
_ATOMS = frozenset({*_PLAIN, int, str, bytes, bytearray, date, datetime, time, timedelta, Decimal, UUID})
_DICTS: dict[type, tuple[str, str]] = {
    dict: ("{", "}"),
    OrderedDict: ("OrderedDict({", "})"),
    defaultdict: ("defaultdict({", "})"),
}
_BRACKETS: dict[type, tuple[str, str]] = _DICTS | {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}


class _TooLateError(BaseException):
    """Raised in a thread that is left behind, to end a repr that loops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable as it is shown."""

    name: str
    kind: str  # "list, 3 items"
    text: str


def shown_variables(variables: Sequence[tuple[str, object]]) -> list[Variable]:
    """Return variables as they are shown, in the same order."""
    slow = iter(texts_in_time([_maker(value) for name, value in variables if not _is_quick(name, value)]))
    return [
        Variable(
            name=visible(name[:100]),
            kind=visible(kind_of(value)),
            text=(MASK if _is_masked(name, value) else shown(value)) if _is_quick(name, value) else next(slow),
        )
        for name, value in variables
    ]


def _is_masked(name: str, value: object) -> bool:
    return is_secret_variable(name) and value not in _NOTHING


def _is_quick(name: str, value: object) -> bool:
    """Return whether a value can be shown without a thread: no code of the site's is called."""
    return _is_masked(name, value) or type(value) in _ATOMS


def _maker(value: object) -> Callable[[], str]:
    return lambda: shown(value)


class _Nothing:
    """What hides nothing, although its name is that of a secret: None, "" and the like. Compares nothing by `==`."""

    def __contains__(self, value: object) -> bool:
        return value is None or value is True or value is False or (type(value) in (str, bytes) and not value)


_NOTHING = _Nothing()


def shown(value: object) -> str:
    """Return a value as text of at most MAX_TEXT characters, without secrets; calls the repr of the site's objects."""
    text = mask_text("".join(_pieces(value, 0)))
    return visible(text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}...")


def kind_of(value: object) -> str:
    """Return the type of a value, with its size if it is one of Python's own."""
    kind = type(value)
    name = str(kind.__qualname__)[:100]
    if kind in (str, bytes, bytearray):
        size = len(value)  # type: ignore[arg-type]  # it has one
        return f"{name}, {size:,} {'character' if kind is str else 'byte'}{'s' * (size != 1)}"
    if kind in _BRACKETS:
        size = len(value)  # type: ignore[arg-type]  # as above
        return f"{name}, {size:,} item{'s' * (size != 1)}"
    return name


def _pieces(value: Any, depth: int) -> Iterator[str]:
    kind = type(value)
    if kind in _PLAIN:
        yield repr(value)
    elif kind is int:
        yield repr(value) if value.bit_length() <= MAX_BITS else f"<int of {value.bit_length():,} bits>"
    elif kind in (str, bytes, bytearray):
        room = MAX_ITEM_TEXT if depth else MAX_TEXT
        yield repr(value[:room]) + ("..." if len(value) > room else "")
    elif kind in _BRACKETS:
        if depth >= MAX_DEPTH and value:
            yield "...".join(_BRACKETS[kind])
        elif kind in _DICTS:
            yield from _items_of_dict(value, depth)
        else:
            yield from _items(value, depth, *_BRACKETS[kind])
    else:
        yield _own_repr(value)[: MAX_ITEM_TEXT if depth > 1 else MAX_TEXT + 1]


def _items_of_dict(value: dict[Any, Any], depth: int) -> Iterator[str]:
    begin, end = _DICTS[type(value)]
    yield begin
    for number, (key, each) in enumerate(_snapshot(value.items())):
        yield ", " if number else ""
        if number == MAX_ITEMS:
            yield f"... {len(value) - MAX_ITEMS:,} more"
            break
        yield from _pieces(key, depth + 1)
        yield ": "
        if type(key) is str and is_secret_variable(key) and each not in _NOTHING:
            yield repr(MASK)
        else:
            yield from _pieces(each, depth + 1)
    yield end


def _items(value: Any, depth: int, begin: str, end: str) -> Iterator[str]:
    if not value and type(value) in (set, frozenset):
        yield f"{type(value).__name__}()"
        return
    yield begin
    for number, each in enumerate(_snapshot(value)):
        yield ", " if number else ""
        if number == MAX_ITEMS:
            yield f"... {len(value) - MAX_ITEMS:,} more"
            break
        yield from _pieces(each, depth + 1)
    yield "," if type(value) is tuple and len(value) == 1 else ""
    yield end


def _snapshot(items: Any) -> list[Any]:
    """Return the first items of a container, which another thread may be changing."""
    for _ in range(3):
        try:
            return [each for each, _ in zip(items, range(MAX_ITEMS + 1), strict=False)]
        except RuntimeError:
            continue
    return []


def _own_repr(value: object) -> str:
    try:
        return repr(value)
    except _TooLateError:
        raise
    except BaseException as error:  # noqa: BLE001 - the repr is code of the site's
        return f"(its repr raises {type(error).__name__})"


# --- in a thread, within a time ----------------------------------------------------------------------


def texts_in_time(makers: Sequence[Callable[[], str]]) -> list[str]:
    """Return what each function makes; a text that says so for one that takes longer than VALUE_SECONDS."""
    texts: list[str] = []
    for _ in range(MAX_LEFT):
        rest = makers[len(texts) :]
        if not rest:
            break
        made: SimpleQueue[str] = SimpleQueue()
        context = copy_context()
        thread = threading.Thread(
            target=context.run, args=(_make_all, rest, made), daemon=True, name="fanlight-debug-page"
        )
        thread.start()
        try:
            texts.extend(made.get(timeout=VALUE_SECONDS) for _ in rest)
        except Empty:
            texts.append(_LATE)
            _end_later(thread)
    return [*texts, *[_NOT_TRIED] * (len(makers) - len(texts))]


def _make_all(makers: Sequence[Callable[[], str]], made: SimpleQueue[str]) -> None:
    try:
        for make in makers:
            made.put(make())
    except _TooLateError:
        return


def _end_later(thread: threading.Thread) -> None:
    """End a thread whose result is not used any more, if it still runs after LOOP_SECONDS."""
    # Not at once: one that waits for a lock would be ended while it takes the lock, and might never release it.
    threading.Thread(target=_interrupt, args=(thread,), daemon=True, name="fanlight-debug-page-end").start()


def _interrupt(thread: threading.Thread) -> None:
    """Wait for a thread, then raise an exception in it."""
    thread.join(LOOP_SECONDS)
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_TooLateError))
