"""The three formats of the access log: text for people, Combined for existing tools, JSON for machines.

In: entries, as the request observer made them, and the offset between the two clocks. Out: their lines, in which a
client can forge nothing, without secrets, and none longer than a pipe takes in one piece. The cost of a line is
bounded, however long the values a client has sent. Knows nothing of files.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import floor
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from fanlight.message.request import Head
from fanlight.message.request_id import ID
from fanlight.server.recording.redact import escape, may_have_secret, redact_start
from fanlight.wire.http1.head_reader import read_plain_head

if TYPE_CHECKING:
    from fanlight.server.recording.compiled_lines import Part

Format = Literal["text", "combined", "json"]

# What some formats use of a head: minor version, host (JSON alone), referer, user agent.
HeadFields = tuple[int, str, str, str]
# When it ended (on the performance counter), the seconds it took, method and target ("" if there was no request line),
# `HeadFields` (None if the head was invalid, or the format has no use for them), client, scheme, the call's name,
# status, bytes sent, the field line with its id, and why it was refused.
# PERF: benchmarks/logs.py: a plain tuple, made once per request. It does not hold the head: the memory of 64 heads that
# are kept is memory that the next requests find cold.
Entry = tuple[float, float, str, str, HeadFields | None, str | None, str, str, int, int, bytes, str]
Formatter = Callable[[Sequence[Entry], float], str]

MAX_TARGET, MAX_REFERER, MAX_AGENT, MAX_ROUTE, MAX_REASON, MAX_HOST = 1600, 600, 300, 200, 300, 200
MAX_METHOD = 40
MAX_CLIENT = 60
MAX_KEPT = 256  # texts of each kind; together they take less memory than the lines that wait may take

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_NEVER = -math.inf
_BARE_BYTES = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))
_target_of, _method_of = itemgetter(3), itemgetter(2)  # of an entry
_is_bare = re.compile(r"[ !#-\[\]-~]*").fullmatch
# PERF: benchmarks/logs.py: looking up such a number takes half as long as formatting it.
_TENTHS = tuple(f"{number / 10:.1f} ms" for number in range(1000))
_THREE_DIGITS = tuple(f"{number:03d}" for number in range(1000))


def formatter(name: Format) -> Formatter:
    """Return the function that makes lines of entries; its `offset` is the wall clock minus the performance counter."""
    in_python = {"text": _text_lines, "combined": _combined_lines, "json": _json_lines}[name]
    if read_plain_head is None:
        return in_python
    from fanlight.server.recording import compiled_lines  # noqa: PLC0415 - it needs the package

    parts_of = {"text": _text_parts, "combined": _combined_parts, "json": _json_parts}[name]
    return compiled_lines.formatter(parts_of, in_python, _has_no_secret)


def head_fields(name: Format) -> Callable[[Head], HeadFields] | None:
    """Return the function that returns what a format uses of a head, None for one that has no use for it."""
    return {"text": None, "combined": _combined_fields, "json": _json_fields}[name]


def _combined_fields(head: Head) -> HeadFields:
    return head.minor, "", head.find("referer") or "", head.find("user-agent") or ""


def _json_fields(head: Head) -> HeadFields:
    return head.minor, head.authority, head.find("referer") or "", head.find("user-agent") or ""


class _Kept(dict[Any, str]):
    """Texts as they stand in lines, each made once: most clients, routes and agents come again."""

    def __init__(self, make: Callable[[Any], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: object) -> str:
        if len(self) >= MAX_KEPT:
            self.clear()
        self[key] = made = self._make(key)
        return made


# --- text, and Combined -------------------------------------------------------------------------------

# PERF: benchmarks/logs.py: each of these functions is one loop with few calls, because it makes a line for every
# request; what concerns all entries is looked at once.


def _text_lines(entries: Sequence[Entry], offset: float) -> str:
    """Return lines: 2026-02-01 12:00:00  127.0.0.1        GET /blog  200  512 B  0.3 ms  5f0c2a9d1e77b3c84a10f2d6."""
    lines: list[str] = []
    began, begins, is_plain = _NEVER, _Kept(str), _check_for(entries)
    for ended, seconds, method, target, _, client, _, _, status, size, line, reason in entries:
        if not 0.0 <= ended - began < 1.0:
            second = int(ended + offset)
            began, begins = second - offset, _text_begins(second)
        request = f"{method} {target}" if is_plain is None or is_plain(method, target) else _request(method, target)
        if reason:
            shown = escape(reason, MAX_REASON).replace("\\x22", "'")
            lines.append(f"{begins[client]}{request}  refused {status}  {shown}  {line[ID].decode()}\n")
        else:
            tenths = floor(seconds * 10_000 + 0.5)
            spent = _TENTHS[tenths] if tenths < 1000 else f"{seconds * 1000:.1f} ms"
            rest = f"{size} B  {spent}  {line[ID].decode()}\n"
            lines += begins[client], request, _text_statuses[status], rest
    return "".join(lines)


def _text_parts(second: int) -> Sequence[Part]:
    return (
        ("t", 5, _text_begins(second)), ("s", 2, None), " ", ("s", 3, None), ("t", 8, _text_statuses), ("d", 9, None),
        " B  ", ("1", 1, None), " ms  ", ("i", 10, None), "\n",
    )  # fmt: skip


def _combined_lines(entries: Sequence[Entry], offset: float) -> str:
    """Return lines in Apache's Combined format; the size counts everything that was sent, the head too."""
    lines: list[str] = []
    began, begins, is_plain = _NEVER, _Kept(str), _check_for(entries)
    for ended, _, method, target, fields, client, _, _, status, size, _, _ in entries:
        if not 0.0 <= ended - began < 1.0:
            second = int(ended + offset)
            began, begins = second - offset, _combined_begins(second)
        request = f"{method} {target}" if is_plain is None or is_plain(method, target) else _request(method, target)
        if fields is not None:
            minor, _, referer, agent = fields
            rest = f' HTTP/1.{minor}" {status} {size} '
            lines += begins[client], request, rest, _combined_referers[referer], _combined_agents[agent]
        else:
            version = " HTTP/1.1" if method else ""
            lines.append(f'{begins[client]}{request}{version}" {status} {size} "-" "-"\n')
    return "".join(lines)


def _combined_parts(second: int) -> Sequence[Part]:
    return (
        ("t", 5, _combined_begins(second)), ("s", 2, None), " ", ("s", 3, None), " HTTP/1.", ("d", 32, None), '" ',
        ("d", 8, None), " ", ("d", 9, None), " ", ("t", 34, _combined_referers), ("t", 35, _combined_agents),
    )  # fmt: skip


@lru_cache(1)
def _text_begins(second: int) -> _Kept:
    """Return how the lines of a second begin, by client."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
    return _Kept(lambda client: f"{stamp}  {_name_of(client):<15}  ")


@lru_cache(1)
def _combined_begins(second: int) -> _Kept:
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(second))
    return _Kept(lambda client: f'{_name_of(client)} - - [{stamp}] "')


_text_statuses = _Kept(lambda status: f"  {status}  ")
_combined_referers = _Kept(lambda value: f'"{escape(redact_start(value, MAX_REFERER), MAX_REFERER) or "-"}" ')
_combined_agents = _Kept(lambda value: f'"{escape(value, MAX_AGENT) or "-"}"\n')


def _check_for(entries: Sequence[Entry]) -> Callable[[str, str], bool] | None:
    """Return a check whether a request line needs no redaction, escaping or cutting; None if none of them needs any."""
    targets = list(map(_target_of, entries))
    text = "".join(targets)
    is_bare = (
        _METHODS.issuperset(list(map(_method_of, entries)))
        and all(targets)
        and (len(text) <= MAX_TARGET or max(map(len, targets)) <= MAX_TARGET)
        and _is_bare_text(text)
    )
    if not is_bare:
        return _is_plain
    return _has_no_secret if "=" in text or "@" in text else None


def _is_plain(method: str, target: str) -> bool:
    return (
        method in _METHODS
        and 0 < len(target) <= MAX_TARGET
        and _is_bare_text(target)
        and _has_no_secret(method, target)
    )


def _is_bare_text(text: str) -> bool:
    return text.isascii() and not text.encode().translate(None, _BARE_BYTES)


def _has_no_secret(_: str, target: str) -> bool:
    return not (("=" in target or "@" in target) and may_have_secret(target))


def _request(method: str, target: str) -> str:
    if not method:
        return "-"
    return f"{escape(method, MAX_METHOD)} {escape(redact_start(target, MAX_TARGET), MAX_TARGET)}".rstrip()


def _name_of(client: str | None) -> str:
    return escape(client, MAX_CLIENT) if client else "-"


# --- JSON ---------------------------------------------------------------------------------------------


def _json_lines(entries: Sequence[Entry], offset: float) -> str:
    """Return a JSON object for each entry, in ASCII, with all of its values."""
    lines: list[str] = []
    began, stamp, is_plain = _NEVER, "", _check_for(entries)
    for ended, seconds, method, target, fields, client, scheme, route, status, size, line, reason in entries:
        if not 0.0 <= ended - began < 1.0:
            second = int(ended + offset)
            began, stamp = second - offset, _json_time(second)
        is_bare = is_plain is None or is_plain(method, target)
        request = f'"{method}","target":"{target}"' if is_bare else _json_request(method, target)
        seen = ""
        if fields is not None:
            _, host, referer, agent = fields
            seen = f"{_json_hosts[host]}{_json_referers[referer]}{_json_agents[agent]}"
        more = f',"refused":{_json_text(reason, MAX_REASON)}' if reason else ""
        lines.append(
            f'{stamp}{_THREE_DIGITS[int((ended - began) * 1000)]}Z","id":"{line[ID].decode()}",{_json_clients[client]}'
            f'{request},"status":{status},"bytes":{size},"ms":{seconds * 1000:.3f}{_json_routes[route]}{seen}'
            f',"scheme":"{scheme}"{more}}}\n'
        )
    return "".join(lines)


def _json_parts(second: int) -> Sequence[Part]:
    return (
        _json_time(second), ("f", 0, None), 'Z","id":"', ("i", 10, None), '",', ("t", 5, _json_clients),
        '"', ("s", 2, None), '","target":"', ("s", 3, None), '","status":', ("d", 8, None), ',"bytes":', ("d", 9, None),
        ',"ms":', ("3", 1, None), ("t", 7, _json_routes), ("t", 33, _json_hosts), ("t", 34, _json_referers),
        ("t", 35, _json_agents), ',"scheme":"', ("s", 6, None), '"}\n',
    )  # fmt: skip


def json_line(found: dict[str, object]) -> str:
    """Return a JSON object on one line, in ASCII; control characters, C1 ones too, are escaped."""
    return json.dumps(found, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"


@lru_cache(1)
def _json_time(second: int) -> str:
    """Return how the objects of a second begin: up to its fraction."""
    return f'{{"time":"{time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))}.'


def _json_request(method: str, target: str) -> str:
    shown = _json_text(redact_start(target, MAX_TARGET), MAX_TARGET) if target else "null"
    return f'{_json_text(escape(method, MAX_METHOD), MAX_METHOD) if method else "null"},"target":{shown}'


def _json_text(text: str, most: int) -> str:
    """Return text as JSON, in ASCII, cut to at most `most` bytes within its quotes."""
    if len(text) <= most and _is_bare(text):
        return f'"{text}"'
    if len(text) > most:
        text = text[: most - 3] + "..."
    while (size := len(shown := json.dumps(text).replace("\x7f", "\\u007f")) - 2) > most:
        text = text[: min(len(text) * most // size, len(text) * 9 // 10) - 3] + "..."
    return shown


_json_clients = _Kept(lambda client: f'"client":{"null" if client is None else json.dumps(_name_of(client))},"method":')
_json_routes = _Kept(lambda route: f',"route":{_json_text(route, MAX_ROUTE)}')
_json_hosts = _Kept(lambda host: f',"host":{_json_text(host, MAX_HOST)}')
_json_referers = _Kept(lambda referer: f',"referer":{_json_text(redact_start(referer, MAX_REFERER), MAX_REFERER)}')
_json_agents = _Kept(lambda agent: f',"agent":{_json_text(agent, MAX_AGENT)}')
