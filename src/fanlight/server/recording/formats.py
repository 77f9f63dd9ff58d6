"""The three formats of the access log: text for people, Combined for existing tools, JSON for machines.

In: an entry, as the request observer made it, and the offset between the two clocks. Out: one line, in which a client
can forge nothing, without secrets, and never longer than a pipe takes in one piece. The cost of a line is bounded,
however long the values a client has sent. Knows nothing of files.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import msgspec

from fanlight.message.request import Head
from fanlight.message.request_id import id_of
from fanlight.server.recording.redact import escape, redact_start

Format = Literal["text", "combined", "json"]

# What some formats use of a head: minor version, host, referer, user agent.
HeadFields = tuple[int, str, str, str]
# When it ended (on the performance counter), the seconds it took, method and target ("" if there was no request line),
# `HeadFields`, client, scheme, the call's name, status, bytes sent, the header line of its id, why it was refused, and
# roughly how many bytes of memory the entry takes.
# PERF: benchmarks/run.py: a plain tuple, made once per request; everything else is left to the log's thread.
Entry = tuple[float, float, str, str, HeadFields | None, str | None, str, str, int, int, bytes, str, int]
Formatter = Callable[[Entry, float], str]

MAX_TARGET, MAX_REFERER, MAX_AGENT, MAX_ROUTE, MAX_REASON, MAX_HOST = 1600, 600, 300, 200, 300, 200
MAX_METHOD = 40
MAX_CLIENT = 60
NO_FIELDS: HeadFields = (1, "", "", "")

# PERF: benchmarks/run.py: most targets need no redaction, escaping or cutting, which one match shows.
_is_bare = re.compile(r"[ !#-\[\]-~]*").fullmatch
_is_plain = re.compile(r"[A-Z]{1,20} [!#-<>?A-\[\]-~]{1,1000}").fullmatch


def formatter(name: Format) -> Formatter:
    """Return the function that formats an entry; its `offset` is the wall clock minus the performance counter."""
    return {"text": _text_line, "combined": _combined_line, "json": _json_line}[name]


def head_fields(head: Head) -> HeadFields:
    """Return what the formats other than "text" use of a head."""
    values = head.values
    return head.minor, head.authority, values.get("referer", ""), values.get("user-agent", "")


def _text_line(entry: Entry, offset: float) -> str:
    """2026-02-01 12:00:00  127.0.0.1        GET /blog  200  512 B  0.3 ms  5f0c2a9d1e77b3c84a10f2d6."""
    ended, seconds, method, target, _, client, _, _, status, size, id_line, reason, _ = entry
    name = f"  {id_of(id_line)}" if id_line else ""
    begin = f"{_text_time(int(ended + offset))}  {_name_of(client):<15}  {_request(method, target)}"
    if reason:
        reason = escape(reason, MAX_REASON).replace("\\x22", "'")
        return f"{begin}  refused {status}  {reason}{name}\n"
    return f"{begin}  {status}  {size} B  {seconds * 1000:.1f} ms{name}\n"


def _combined_line(entry: Entry, offset: float) -> str:
    """Apache's Combined format; its size counts everything that was sent, the head too."""
    ended, _, method, target, more, client, _, _, status, size, _, _, _ = entry
    minor, _, referer, agent = more or NO_FIELDS
    stamp = _combined_time(int(ended + offset))
    request = f"{_request(method, target)} HTTP/1.{minor}" if method else "-"
    referer = escape(redact_start(referer, MAX_REFERER), MAX_REFERER) or "-"
    agent = escape(agent, MAX_AGENT) or "-"
    return f'{_name_of(client)} - - [{stamp}] "{request}" {status} {size} "{referer}" "{agent}"\n'


def _json_line(entry: Entry, offset: float) -> str:
    """One JSON object, in ASCII, with all values of the entry."""
    ended, seconds, method, target, more, client, scheme, route, status, size, id_line, reason, _ = entry
    moment = ended + offset
    second = int(moment)
    found: dict[str, object] = {
        "time": f"{_json_time(second)}.{int((moment - second) * 1000):03d}Z",
        "id": id_of(id_line),
        "client": None if client is None else _name_of(client),
        "method": escape(method, MAX_METHOD) or None,
        "target": _cut(redact_start(target, MAX_TARGET), MAX_TARGET) or None,
        "status": status,
        "bytes": size,
        "ms": round(seconds * 1000, 3),
        "route": _cut(route, MAX_ROUTE),
    }
    if more is not None:
        _, host, referer, agent = more
        found["host"] = _cut(host, MAX_HOST)
        found["referer"] = _cut(redact_start(referer, MAX_REFERER), MAX_REFERER)
        found["agent"] = _cut(agent, MAX_AGENT)
    found["scheme"] = scheme
    if reason:
        found["refused"] = _cut(reason, MAX_REASON)
    return as_json(found)


# Each is made once per second.
_text_time = lru_cache(1)(lambda second: time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)))
_combined_time = lru_cache(1)(lambda second: time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(second)))
_json_time = lru_cache(1)(lambda second: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))


def as_json(found: dict[str, object]) -> str:
    """Return a JSON object on one line, in ASCII; control characters, C1 ones too, are escaped."""
    try:
        text = msgspec.json.encode(found).decode()
    except UnicodeEncodeError:  # a lone surrogate, which `json` can write
        text = ""
    if not text.isascii() or "\x7f" in text or not text:  # msgspec is fast, but does not escape these
        text = json.dumps(found, separators=(",", ":")).replace("\x7f", "\\u007f")
    return text + "\n"


def _request(method: str, target: str) -> str:
    if not method:
        return "-"
    request = f"{method} {target}"
    if _is_plain(request):
        return request
    return f"{escape(method, MAX_METHOD)} {escape(redact_start(target, MAX_TARGET), MAX_TARGET)}".rstrip()


def _name_of(client: str | None) -> str:
    # An address, unless a trusted proxy wrote something else.
    return escape(client, MAX_CLIENT) if client else "-"


def _cut(text: str, most: int) -> str:
    """Return text cut to at most `most` bytes as JSON."""
    if len(text) <= most and _is_bare(text):
        return text
    if len(text) > most:
        text = text[: most - 3] + "..."
    while (size := len(json.dumps(text)) - 2) > most:
        text = text[: min(len(text) * most // size, len(text) * 9 // 10) - 3] + "..."
    return text
