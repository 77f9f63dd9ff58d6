"""What compresses files, by coding: gzip always, br and zstd where their libraries are installed.

In: bytes. Out: fewer. At its best it is for copies that are made once and kept; quick is for while somebody waits.
"""

from __future__ import annotations

from collections.abc import Callable

from fanlight.compression.codecs import CODECS

Compress = Callable[[bytes], bytes]

LEAST_BYTES = 1024  # smaller ones fit into a packet anyway
WORTH = 0.95  # of the size: what saves less is not used
_QUICK = {"gzip": 6, "br": 5, "zstd": 9}
_BEST = {"gzip": 9, "br": 11, "zstd": 19}


def compressors(*, is_quick: bool = False) -> dict[str, Compress]:
    """Return each coding's function."""
    levels = _QUICK if is_quick else _BEST
    return {coding: _at(coding, levels[coding]) for coding in CODECS}


def _at(coding: str, level: int) -> Compress:
    encode = CODECS[coding].encode
    return lambda content: encode(content, level, b"")
