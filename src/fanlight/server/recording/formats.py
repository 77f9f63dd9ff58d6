"""The three shapes of a line of the access log: text for people, Combined for tools, JSON for machines.

In: an entry, as the witness has kept it, and how far the two clocks are apart. Out: one line, with
nothing in it that a client could have forged and no secret, and never longer than a pipe takes in one
piece. What a line costs is bounded, however long the texts are that a client has sent. Knows nothing of files.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from fanlight.message.request import Head
from fanlight.message.request_id import id_of
from fanlight.server.recording.redact import escape, redact_start

Format = Literal["text", "combined", "json"]

# What some formats have of a head beside its first line: minor version, host, referer, agent.
More = tuple[int, str, str, str]
# When it ended (on the performance counter), the seconds it took, method and target ("" where there was no request
# line), `More`, client, scheme, the call's name, status, bytes sent, the field line of its id, why it was refused, and
# about how many bytes of memory all that holds.
# PERF: benchmarks/run.py: a plain tuple, made once a request; all else is left to the log's own thread.
Entry = tuple[float, float, str, str, More | None, str | None, str, str, int, int, bytes, str, int]
Formatter = Callable[[Entry, float], str]

MOST_TARGET, MOST_REFERER, MOST_AGENT, MOST_ROUTE, MOST_REASON, MOST_HOST = 1600, 600, 300, 200, 300, 200
MOST_METHOD = 40
MOST_CLIENT = 60
NOTHING_MORE: More = (1, "", "", "")

# PERF: benchmarks/run.py: most targets have nothing to mask, and nothing to escape or to cut: one look says so.
_is_bare = re.compile(r"[ !#-\[\]-~]*").fullmatch
_is_plain = re.compile(r"[A-Z]{1,20} [!#-<>?A-\[\]-~]{1,1000}").fullmatch


def formatter(name: Format) -> Formatter:
    """Return the function that makes a line of an entry; `offset` is wall clock less performance counter."""
    if name == "combined":
        return _Combined().line
    return _Json().line if name == "json" else _Text().line


def more_of(head: Head) -> More:
    """Return what the formats beside "text" have of a head."""
    values = head.values
    return head.minor, head.authority, values.get("referer", ""), values.get("user-agent", "")


class _Text:
    """2026-02-01 12:00:00  127.0.0.1        GET /blog  200  512 B  0.3 ms  5f0c2a9d1e77b3c84a10f2d6."""

    def __init__(self) -> None:
        self._second, self._stamp = -1, ""

    def line(self, entry: Entry, offset: float) -> str:
        ended, seconds, method, target, _, client, _, _, status, size, id_line, reason, _ = entry
        if (second := int(ended + offset)) != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        name = f"  {id_of(id_line)}" if id_line else ""
        begin = f"{self._stamp}  {_name_of(client):<15}  {_request(method, target)}"
        if reason:
            return f"{begin}  refused {status}  {_reason(reason)}{name}\n"
        return f"{begin}  {status}  {size} B  {seconds * 1000:.1f} ms{name}\n"


class _Combined:
    """The Combined format of Apache; its %b counts all that was sent, the head too."""

    def __init__(self) -> None:
        self._second, self._stamp = -1, ""

    def line(self, entry: Entry, offset: float) -> str:
        ended, _, method, target, more, client, _, _, status, size, _, _, _ = entry
        if (second := int(ended + offset)) != self._second:
            self._second, self._stamp = second, time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(second))
        minor, _, referer, agent = more or NOTHING_MORE
        asked = f"{_request(method, target)} HTTP/1.{minor}" if method else "-"
        referer = escape(redact_start(referer, MOST_REFERER), MOST_REFERER) or "-"
        agent = escape(agent, MOST_AGENT) or "-"
        return f'{_name_of(client)} - - [{self._stamp}] "{asked}" {status} {size} "{referer}" "{agent}"\n'


class _Json:
    """One object, in ASCII, with everything that is known."""

    def __init__(self) -> None:
        self._second, self._stamp = -1, ""

    def line(self, entry: Entry, offset: float) -> str:
        ended, seconds, method, target, more, client, scheme, route, status, size, id_line, reason, _ = entry
        moment = ended + offset
        if (second := int(moment)) != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        found: dict[str, object] = {
            "time": f"{self._stamp}.{int((moment - second) * 1000):03d}Z",
            "id": id_of(id_line),
            "client": None if client is None else _name_of(client),
            "method": escape(method, MOST_METHOD) or None,
            "target": _cut(redact_start(target, MOST_TARGET), MOST_TARGET) or None,
            "status": status,
            "bytes": size,
            "ms": round(seconds * 1000, 3),
            "route": _cut(route, MOST_ROUTE),
        }
        if more is not None:
            _, host, referer, agent = more
            found["host"] = _cut(host, MOST_HOST)
            found["referer"] = _cut(redact_start(referer, MOST_REFERER), MOST_REFERER)
            found["agent"] = _cut(agent, MOST_AGENT)
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


def _request(method: str, target: str) -> str:
    if not method:
        return "-"
    asked = f"{method} {target}"
    if _is_plain(asked):
        return asked
    return f"{escape(method, MOST_METHOD)} {escape(redact_start(target, MOST_TARGET), MOST_TARGET)}".rstrip()


def _name_of(client: str | None) -> str:
    # It is an address, unless a proxy that is trusted to name clients wrote something else.
    return escape(client, MOST_CLIENT) if client else "-"


def _reason(reason: str) -> str:
    return escape(reason, MOST_REASON).replace("\\x22", "'")


def _cut(text: str, most: int) -> str:
    """Return text that takes no more than `most` bytes as JSON."""
    if len(text) <= most and _is_bare(text):
        return text
    if len(text) > most:
        text = text[: most - 3] + "..."
    while (size := len(json.dumps(text)) - 2) > most:
        text = text[: min(len(text) * most // size, len(text) * 9 // 10) - 3] + "..."
    return text
