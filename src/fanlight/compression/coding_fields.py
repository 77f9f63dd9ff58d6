"""Header fields and content coding: which fields forbid compression, and which ones follow from it.

In: the fields of a response. Out: whether its content may be encoded; the fields to send. A shared tuple (that
of responses that set none) gives a shared tuple, which the wire has formatted already; a list gives a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from fanlight.compression.negotiation import is_compressible
from fanlight.message.headers import Pair

Fields = Sequence[Pair]

# The content is encoded already, is a part, or has a digest of its bytes (RFC 9530).
_FORBIDDING = frozenset("content-encoding content-range content-digest repr-digest digest content-md5".split())
_KNOWN = 256


def may_be_encoded(fields: Fields, media_types: tuple[str, ...]) -> bool:
    """Return whether the fields allow the content to be encoded."""
    values: dict[str, str] = {}
    for name, value in fields:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return (
        is_compressible(values.get("content-type", ""), media_types)
        and _FORBIDDING.isdisjoint(values)
        and "no-transform" not in values.get("cache-control", "").lower()
    )


def with_vary(fields: Fields) -> Fields:
    """Return the fields with `vary: accept-encoding`, for caches (RFC 9110 section 12.5.5)."""
    # PERF: benchmarks/run.py: a page that sets no fields shares a tuple with all others of its media type
    return _known_with_vary(fields) if isinstance(fields, tuple) else _add_vary(fields)


def encoded_fields(fields: Fields, coding: str) -> Fields:
    """Return the fields of encoded content: `content-encoding`, a weak ETag, no `accept-ranges`."""
    return _known_encoded(fields, coding) if isinstance(fields, tuple) else _encode(fields, coding)


def with_weak_etag(fields: Fields) -> list[Pair]:
    """Return the fields with a weak ETag (RFC 9110 section 8.8.3): the bytes that are sent differ."""
    return [(name, f"W/{value}" if name == "etag" and not value.startswith("W/") else value) for name, value in fields]


def _add_vary(fields: Fields) -> list[Pair]:
    lines = [value for name, value in fields if name == "vary"]
    members = [name for line in lines for each in line.split(",") if (name := each.strip())]
    if not {name.lower() for name in members}.isdisjoint({"accept-encoding", "*"}):
        return list(fields)
    # RFC 9110 section 5.6.1.1: no empty members, even if the app has written some.
    return [*(pair for pair in fields if pair[0] != "vary"), ("vary", ", ".join([*members, "accept-encoding"]))]


def _encode(fields: Fields, coding: str) -> list[Pair]:
    # Content is compressed again for each request, so ranges of two responses would not fit together.
    return [pair for pair in with_weak_etag(fields) if pair[0] != "accept-ranges"] + [("content-encoding", coding)]


_known_with_vary = lru_cache(_KNOWN)(lambda fields: tuple(_add_vary(fields)))
_known_encoded = lru_cache(_KNOWN)(lambda fields, coding: tuple(_encode(fields, coding)))
