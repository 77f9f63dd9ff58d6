"""The three shapes of a line of the access log: text for people, Combined for tools, JSON for machines.

In: an entry, as the witness has kept it, and how far the two clocks are apart. Out: one line, with
nothing in it that a client could have forged and no secret, and never longer than a pipe takes in one
piece. Knows nothing of files.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from fanlight.message import Head, id_of
from fanlight.server.watch.masking import escaped, masked

Format = Literal["text", "combined", "json"]

# When it ended (on the performance counter), the seconds it took, the head (None where none was understood), client,
# scheme, the call's name, status, bytes sent, the field line of its id, and why it was refused.
# PERF: benchmarks/run.py: a plain tuple, made once a request; all else is left to the log's own thread.
Entry = tuple[float, float, Head | None, str | None, str, str, int, int, bytes, str]
Formatter = Callable[[Entry, float], str]

MOST_TARGET, MOST_REFERER, MOST_AGENT, MOST_ROUTE, MOST_REASON, MOST_HOST = 1600, 600, 300, 200, 300, 200
MOST_METHOD = 40

# PERF: benchmarks/run.py: most targets have nothing to mask, and nothing to escape or to cut: one look says so.
_is_plain = re.compile(r"[A-Z]{1,20} [!#-<>?A-\[\]-~]{1,1000}").fullmatch


def formatter(name: Format) -> Formatter:
    """Return the function that makes a line of an entry; `offset` is wall clock less performance counter."""
    if name == "combined":
        return _Combined().line
    return _Json().line if name == "json" else _Text().line


class _Text:
    """2026-02-01 12:00:00  127.0.0.1        GET /blog  200  512 B  0.3 ms  4f1c-2a."""

    def __init__(self) -> None:
        self._second, self._stamp = -1, ""

    def line(self, entry: Entry, offset: float) -> str:
        ended, seconds, head, client, _, _, status, size, id_line, reason = entry
        if (second := int(ended + offset)) != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        name = f"  {id_of(id_line)}" if id_line else ""
        if reason:
            asked = "" if head is None else f"{_request(head)}  "
            return f"{self._stamp}  {client or '-':<15}  {asked}refused {status}  {_reason(reason)}{name}\n"
        asked = "-" if head is None else _request(head)
        return f"{self._stamp}  {client or '-':<15}  {asked}  {status}  {size} B  {seconds * 1000:.1f} ms{name}\n"


class _Combined:
    """The Combined format of Apache; its %b counts all that was sent, the head too."""

    def __init__(self) -> None:
        self._second, self._stamp = -1, ""

    def line(self, entry: Entry, offset: float) -> str:
        ended, _, head, client, _, _, status, size, _, _ = entry
        if (second := int(ended + offset)) != self._second:
            self._second, self._stamp = second, time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(second))
        if head is None:
            return f'{client or "-"} - - [{self._stamp}] "-" {status} {size} "-" "-"\n'
        values = head.values
        referer = escaped(masked(values.get("referer", "")), MOST_REFERER) or "-"
        agent = escaped(values.get("user-agent", ""), MOST_AGENT) or "-"
        asked = f"{_request(head)} HTTP/1.{head.minor}"
        return f'{client or "-"} - - [{self._stamp}] "{asked}" {status} {size} "{referer}" "{agent}"\n'


class _Json:
    """One object, in ASCII, with everything that is known."""

    def __init__(self) -> None:
        self._second, self._stamp = -1, ""

    def line(self, entry: Entry, offset: float) -> str:
        ended, seconds, head, client, scheme, route, status, size, id_line, reason = entry
        moment = ended + offset
        if (second := int(moment)) != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        found: dict[str, object] = {
            "time": f"{self._stamp}.{int((moment - second) * 1000):03d}Z",
            "id": id_of(id_line),
            "client": client,
            "method": None if head is None else escaped(head.method, MOST_METHOD),
            "target": None if head is None else _cut(masked(head.target), MOST_TARGET),
            "status": status,
            "bytes": size,
            "ms": round(seconds * 1000, 3),
            "route": _cut(route, MOST_ROUTE),
        }
        if head is not None:
            values = head.values
            found["host"] = _cut(head.authority, MOST_HOST)
            found["referer"] = _cut(masked(values.get("referer", "")), MOST_REFERER)
            found["agent"] = _cut(values.get("user-agent", ""), MOST_AGENT)
        found["scheme"] = scheme
        if reason:
            found["refused"] = _cut(reason, MOST_REASON)
        return as_json(found)


def as_json(found: dict[str, object]) -> str:
    """Return an object on one line, in ASCII: control characters, C1 ones too, are escaped."""
    try:
        text = msgspec.json.encode(found).decode()
    except UnicodeEncodeError:  # half a surrogate pair, which the other one can write
        text = ""
    if not text.isascii() or "\x7f" in text or not text:  # msgspec is fast, but leaves these as they are
        text = json.dumps(found, separators=(",", ":")).replace("\x7f", "\\u007f")
    return text + "\n"


def _request(head: Head) -> str:
    asked = f"{head.method} {head.target}"
    if _is_plain(asked):
        return asked
    return f"{escaped(head.method, MOST_METHOD)} {escaped(masked(head.target), MOST_TARGET)}"


def _reason(reason: str) -> str:
    return escaped(reason, MOST_REASON).replace("\\x22", "'")


def _cut(text: str, most: int) -> str:
    """Return text that takes no more than `most` bytes as JSON."""
    if len(text) <= most and text.isascii() and text.isprintable():
        return text
    while len(json.dumps(text)) > most + 2:
        text = text[: (len(text) * 9) // 10 - 3] + "..."
    return text
