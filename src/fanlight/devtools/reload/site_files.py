"""Which files are a site's own, and what a change of one means.

In: the folder of a site, and what its app has reported. Out: for a path its `Kind`, or None: the change of a database,
a log, an upload, or a file that an editor keeps beside the one that is being written, means nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from msgspec import Struct

MAX_FOLDERS = 2000  # of a site
# Folders that are never the site's own source.
_FOREIGN = frozenset(
    {
        *("__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "env", "__pypackages__"),
        *("uploads", "upload", "media", "logs", "log", "tmp", "temp", "cache"),
    }
)
_BESIDE = re.compile(
    r"\..*|.*~|#.*#|.*\.(?:sw[a-z]|tmp|temp|bak|orig|rej|part|pyc|pyo)|4913|.*___jb_(?:tmp|old)___|.*\.tmp\.\d+.*"
)
_DATA = re.compile(r".*\.(?:sqlite3?|db3?|log)(?:-wal|-shm|-journal|\.\d+)?", re.IGNORECASE)


class Kind(Enum):
    """What a file is for the site."""

    CODE = "Python file"
    TEMPLATE = "template"
    STYLE = "style sheet"
    STATIC = "other static file"
    SETTINGS = "env file"

    def named(self, count: int) -> str:
        """Return the words for so many of them."""
        return f"{self.value}{'s' * (count != 1)}"


class Places(Struct, frozen=True, kw_only=True):
    """Where the files of a site are, all by absolute paths; the app reports all but the first and the last."""

    root: str
    code: tuple[str, ...] = ()  # folders outside the root, of modules that are the site's own
    templates: tuple[str, ...] = ()
    statics: tuple[str, ...] = ()  # folders, and single files
    env_file: str = ""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The outermost folders, of which not one is in another."""
        found: list[Path] = []
        for each in sorted(
            {Path(self.root), *map(Path, (*self.code, *self.templates, *map(_folder_of, self.statics)))}
        ):
            if not any(each.is_relative_to(other) for other in found):
                found.append(each)
        return tuple(found)

    def kind_of(self, path: Path) -> Kind | None:
        """Return what a file is for the site, None if its change means nothing."""
        name = str(path)
        if name == self.env_file:
            return Kind.SETTINGS
        if is_noise(path.name):
            return None
        if any(name.startswith(f"{folder}{os.sep}") for folder in self.templates):
            return Kind.TEMPLATE
        if any(name == place or name.startswith(f"{place}{os.sep}") for place in self.statics):
            return Kind.STYLE if path.suffix == ".css" else Kind.STATIC
        return Kind.CODE if path.suffix == ".py" else None

    def can_matter(self, path: Path) -> bool:
        """Return whether something at a path can be a file of the site, or a folder with some."""
        return str(path) == self.env_file or not is_noise(path.name)


def _folder_of(place: str) -> str:
    return str(Path(place).parent) if Path(place).is_file() else place


def is_noise(name: str) -> bool:
    """Return whether a file of this name is kept by an editor, or holds data."""
    return bool(_BESIDE.fullmatch(name) or _DATA.fullmatch(name))


def is_own_folder(name: str) -> bool:
    """Return whether a folder of this name can have files of the site: it is not hidden, not a library's, not data."""
    return not name.startswith(".") and name not in _FOREIGN


def folders_below(tops: Iterable[Path]) -> Iterator[tuple[str, os.stat_result, list[os.DirEntry[str]]]]:
    """Yield each folder and those in it, the outer ones first, with the files in it; at most MAX_FOLDERS.

    Links are followed, each folder is entered once, and a virtual environment of any name is left out.
    """
    waiting = [str(each) for each in tops]
    seen: set[tuple[int, int]] = set()
    for folder in waiting:  # grows during the loop
        try:
            status = os.stat(folder)  # noqa: PTH116 - a Path costs more than the call
            identity = status.st_dev, status.st_ino
            if identity in seen:
                continue
            seen.add(identity)
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda each: each.name)
        except OSError:
            continue
        if any(each.name == "pyvenv.cfg" for each in entries):
            continue
        inner = [each for each in entries if _is_folder(each)]
        yield folder, status, [each for each in entries if each not in inner]
        if len(seen) >= MAX_FOLDERS:
            return
        waiting += [each.path for each in inner if is_own_folder(each.name)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
