"""What the fields of an answer say of compression, and what compression has them say.

In: fields, as a response gives them. Out: whether its content may be touched; the fields of what is sent.
A shared tuple of fields (those of a page that sets none) gives a shared tuple, so that the wire knows it; a list
gives a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from fanlight.compression.negotiation import is_compressible
from fanlight.message.headers import Pair

Fields = Sequence[Pair]

# What says that content is encoded already, is a part, or what its bytes are (RFC 9530).
_TELLING = frozenset("content-encoding content-range content-digest repr-digest digest content-md5".split())
_KNOWN = 256


def may_be_encoded(fields: Fields, media_types: tuple[str, ...]) -> bool:
    """Say whether fields leave the content to be compressed."""
    values: dict[str, str] = {}
    for name, value in fields:
        values[name] = f"{values[name]}, {value}" if name in values else value
    return (
        is_compressible(values.get("content-type", ""), media_types)
        and _TELLING.isdisjoint(values)
        and "no-transform" not in values.get("cache-control", "").lower()
    )


def with_vary(fields: Fields) -> Fields:
    """Return fields that tell caches by what the answer was chosen (RFC 9110 section 12.5.5)."""
    # PERF: benchmarks/run.py: a page that sets no fields shares a tuple with all others of its media type
    return _varying_known(fields) if fields.__class__ is tuple else _varying(fields)


def encoded_fields(fields: Fields, coding: str) -> Fields:
    """Return the fields of compressed content, made of those that vary already."""
    return _coded_known(fields, coding) if fields.__class__ is tuple else _coded(fields, coding)


def with_weak_etag(fields: Fields) -> list[Pair]:
    """Return fields whose tag is weak (RFC 9110 section 8.8.3): the bytes it stands for are others."""
    return [(name, f"W/{value}" if name == "etag" and not value.startswith("W/") else value) for name, value in fields]


def _varying(fields: Fields) -> list[Pair]:
    lines = [value for name, value in fields if name == "vary"]
    members = [name for line in lines for each in line.split(",") if (name := each.strip())]
    if not {name.lower() for name in members}.isdisjoint({"accept-encoding", "*"}):
        return list(fields)
    # RFC 9110 section 5.6.1.1: no empty members, also where the app has written some.
    return [*(pair for pair in fields if pair[0] != "vary"), ("vary", ", ".join([*members, "accept-encoding"]))]


def _coded(fields: Fields, coding: str) -> list[Pair]:
    # Ranges are of the content as it is: parts of what is compressed anew each time would not fit together.
    return [pair for pair in with_weak_etag(fields) if pair[0] != "accept-ranges"] + [("content-encoding", coding)]


@lru_cache(_KNOWN)
def _varying_known(fields: tuple[Pair, ...]) -> tuple[Pair, ...]:
    return tuple(_varying(fields))


@lru_cache(_KNOWN)
def _coded_known(fields: tuple[Pair, ...], coding: str) -> tuple[Pair, ...]:
    return tuple(_coded(fields, coding))
