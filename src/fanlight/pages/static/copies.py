"""Make compressed copies of a folder's files: `app.css.gz` beside `app.css`.

In: a folder. Out: a side file for each file that becomes smaller by it, for each coding that this Python has. A
copy is there whole or not at all, and has its file's time, so one knows which of the two is newer. Never a
reason not to serve: a folder that can't be written gets one line in the log. Runs in a thread of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

from fanlight.compression.negotiation import is_compressible
from fanlight.message.media_types import media_type_by_name
from fanlight.pages.static.compressors import LEAST_BYTES, WORTH, Compress, compressors
from fanlight.pages.static.file_names import segments_of
from fanlight.pages.static.folder import Absent, StaticFolder
from fanlight.pages.static.side_files import ENDINGS

log = logging.getLogger("fanlight.static")

MOST_BYTES = 16 * 1024 * 1024  # read whole, so there is an end
_STOP_SECONDS = 5  # a big file may take longer; its copy is made at the next start then


class CompressedCopies:
    """The copies of one folder, or of one file in it, from `start` to `stop`."""

    def __init__(self, folder: StaticFolder, only: str = "") -> None:
        """Prepare; nothing is written yet."""
        self._folder, self._only = folder, only
        self._has_to_end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread that ends by itself."""
        self._has_to_end.clear()
        self._thread = threading.Thread(target=self.make, name="fanlight-copies", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End behind the file at work."""
        self._has_to_end.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def make(self) -> None:
        """Make what is missing or too old. Another worker that is at it already is left to it."""
        try:
            with _alone_in(self._folder.root) as is_alone:
                if is_alone:
                    self._make_all()
        except OSError as error:
            log.warning(
                "no compressed copies of the files in %r: %s; the files are served as they are",
                self._folder.root,
                error.strerror,
            )

    def _make_all(self) -> None:
        for names in [[self._only]] if self._only else self._all_names():
            if names[-1].endswith(tuple(ENDINGS.values())) or not is_compressible(media_type_by_name(names[-1])):
                continue
            for coding, compress in compressors().items():
                if self._has_to_end.is_set():
                    return
                with contextlib.suppress(Absent):
                    self._make(names, ENDINGS[coding], compress)

    def _all_names(self) -> Iterator[list[str]]:
        root = Path(self._folder.root)
        for path in sorted(root.rglob("*")):
            # No links: what they lead to gets its copies where it is.
            if not path.is_symlink() and path.is_file():
                names = segments_of(path.relative_to(root).as_posix())
                if names is not None:
                    yield names

    def _make(self, names: list[str], ending: str, compress: Compress) -> None:
        opened = self._folder.open(names)
        with os.fdopen(opened.descriptor, "rb") as file:
            status = opened.status
            target = f"{opened.path}{ending}"
            if not LEAST_BYTES <= status.st_size <= MOST_BYTES or not _is_older(target, status):
                return
            data = compress(file.read())
            if len(data) < status.st_size * WORTH:
                _write(target, data, status)


def _is_older(target: str, status: os.stat_result) -> bool:
    """Say whether a copy has to be made: there is none, or its file has changed since."""
    try:
        return os.lstat(target).st_mtime_ns < status.st_mtime_ns
    except FileNotFoundError:
        return True


def _write(target: str, data: bytes, status: os.stat_result) -> None:
    """Write a copy under a hidden name, with the rights and the time of its file, and give it its own then."""
    folder, name = os.path.split(target)
    beside = Path(folder) / f".{name[:100]}.{secrets.token_hex(4)}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
        beside.chmod(status.st_mode & 0o777)
        os.utime(beside, ns=(status.st_mtime_ns, status.st_mtime_ns))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _alone_in(root: str) -> Iterator[bool]:
    """Give True to one process at a time, where the system can tell. Raises OSError for a folder that is gone."""
    try:
        fcntl = importlib.import_module("fcntl")
    except ImportError:
        yield True
        return
    descriptor = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        except OSError:  # a file system without locks: to make them twice does no harm
            yield True
        else:
            yield True
    finally:
        os.close(descriptor)
