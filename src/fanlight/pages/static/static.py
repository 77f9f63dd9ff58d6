"""What stands in URLS for a folder of files: `"/static": Static("static")`.

In: a folder, seen from the file that makes the app; or one file. Out: a value that says so, and does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Static:
    """A folder whose files are served as they are, or a single file.

    `"/static": Static("static")`; `"/robots.txt": Static("static/robots.txt")`. `compress=True` has compressed
    copies made beside the files when the site starts, for clients that take them.
    """

    folder: str | Path
    compress: bool = False

    def __repr__(self) -> str:
        return f"Static({str(self.folder)!r}{', compress=True' if self.compress else ''})"
