"""A folder of files, or one file, as a value of URLS: `"/static": Static("static")`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

CACHE_BYTES = 32 * 1024 * 1024
_SIDE_FILES = "compress the files in your build (brotli -k app.css): app.css.br, .zst or .gz beside app.css is served"


@dataclass(frozen=True, slots=True)
class Static:
    """A folder of files to serve, or a single file.

    `"/static": Static("static")`; `"/robots.txt": Static("static/robots.txt")`. A relative path is relative to the file
    that makes the app. `uploads`: visitors have sent the files in the folder, so they are served in a way in which they
    can do no harm. `cache_bytes`: the files take at most so much memory, in each process.
    """

    folder: str | Path
    uploads: bool = False
    cache_bytes: int = CACHE_BYTES

    def __new__(cls, *_: object, **options: object) -> Self:
        """Refuse `compress` with a hint at side files; anything else unknown is refused by `__init__`."""
        if "compress" in options:
            raise TypeError(f"Static() takes no 'compress'; {_SIDE_FILES}")
        return object.__new__(cls)

    def __repr__(self) -> str:
        return f"Static({str(self.folder)!r}{', uploads=True' if self.uploads else ''})"
