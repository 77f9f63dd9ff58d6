"""What compresses files, by coding: gzip always, br and zstd where their libraries are installed.

In: bytes. Out: fewer. At its best it is for copies that are made once and kept; quick is for while somebody waits.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
from collections.abc import Callable

Compress = Callable[[bytes], bytes]

LEAST_BYTES = 1024  # smaller ones fit into a packet anyway
WORTH = 0.95  # of the size: what saves less is not used


def compressors(*, is_quick: bool = False) -> dict[str, Compress]:
    """Return each coding's function."""
    gzip_level, br_quality, zstd_level = (6, 5, 9) if is_quick else (9, 11, 19)
    found: dict[str, Compress] = {"gzip": lambda data: gzip.compress(data, gzip_level, mtime=0)}
    with contextlib.suppress(ImportError):
        brotli = importlib.import_module("brotli")
        found["br"] = lambda data: bytes(brotli.compress(data, quality=br_quality))
    for name in ("compression.zstd", "backports.zstd"):
        with contextlib.suppress(ImportError):
            zstd = importlib.import_module(name)
            found["zstd"] = lambda data, zstd=zstd: bytes(zstd.compress(data, level=zstd_level))  # type: ignore[misc]  # one of two
            break
    return found
