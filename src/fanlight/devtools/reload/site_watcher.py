"""Watch the files of a site, in a thread of its own.

In: the places of a site. Out: a call with each change of a file's content. The system's events (`watchfiles`) say only
that it is time to look: what has changed is found by comparing all files with what they were, so that it does not
matter how an editor writes (in place, or another file that takes the name), nor that a file is reached by a link. Where
no events come (some network and virtual file systems have none), it looks once a second by itself.

A file that is suddenly empty or gone is looked at once more a moment later: many editors empty a file, or remove it,
before they write it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import watchfiles
from msgspec import Struct

from fanlight.devtools.reload.site_files import Kind, Places, folders_below

STEP_MILLISECONDS = 15  # events that come within so long are one change
MAX_STEPS_MILLISECONDS = 100
LOOK_SECONDS = 1.0  # without an event
LOOK_SHARE = 50  # looking takes at most this fraction of the time
AGAIN_SECONDS = 0.1
MAX_HASHED_BYTES = 4 * 1024 * 1024  # of a larger file only the time and the size are compared
STABLE_SECONDS = 2.0

log = logging.getLogger("fanlight.server")


class Seen(Struct, frozen=True):
    """A file as it was seen."""

    stamp: tuple[int, int, int]
    digest: bytes
    size: int


class Change(Struct, frozen=True, kw_only=True):
    """A file with another content than before, or a new one, or one that is gone."""

    path: Path
    kind: Kind
    is_there: bool
    was_there: bool


Folders = list[tuple[str, int, int]]  # path, device and inode: a link may come to mean another folder


class SiteWatcher:
    """Watches one site."""

    def __init__(self, places: Places, on_change: Callable[[list[Change]], object]) -> None:
        self._places, self._on_change = places, on_change
        self._is_stopped = threading.Event()
        self._has_no_events = False
        self._is_woken = threading.Event()  # ends the wait for events
        self._lock = threading.Lock()
        self._known: dict[str, Seen] = {}
        self._behind_links: set[str] = set()  # folders in which the files are that links name
        self._look_seconds = LOOK_SECONDS

    def begin(self) -> None:
        """Take the files as they are now, and watch them from now on."""
        with self._lock:
            self._known, _ = self._scan({})
        threading.Thread(target=self._run, name="fanlight-watch", daemon=True).start()

    def counts(self) -> dict[Kind, int]:
        """Return how many files of each kind are watched."""
        with self._lock:
            kinds = [self._places.kind_of(Path(each)) for each in self._known]
        return {kind: kinds.count(kind) for kind in Kind if kind in kinds}

    def move(self, places: Places) -> None:
        """Watch other places from now on, with the files that are there."""
        if places == self._places:
            return
        with self._lock:
            self._places = places
            found, _ = self._scan(self._known)
            self._known = found | {path: seen for path, seen in self._known.items() if path in found}
        self._is_woken.set()

    def stop(self) -> None:
        """Have the thread end."""
        self._is_stopped.set()
        self._is_woken.set()

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            self._is_woken.clear()
            folders = self._look()
            for _ in self._moments(folders):
                if self._is_stopped.is_set() or self._look() != folders:
                    break

    def _moments(self, folders: Folders) -> Iterator[None]:
        """Yield whenever it is time to look, until other places are watched."""
        if self._has_no_events or not folders:
            self._is_woken.wait(self._look_seconds)
            yield
            return
        try:
            for changes in watchfiles.watch(
                *sorted({path for path, _, _ in folders} | self._behind_links),
                watch_filter=None,
                step=STEP_MILLISECONDS,
                debounce=MAX_STEPS_MILLISECONDS,
                rust_timeout=int(self._look_seconds * 1000),
                yield_on_timeout=True,
                recursive=False,
                raise_interrupt=False,
                stop_event=self._is_woken,
                ignore_permission_denied=True,
            ):
                if not changes or any(self._places.can_matter(Path(path)) for _, path in changes):
                    yield
        except FileNotFoundError:  # a folder has gone in this moment
            self._is_woken.wait(AGAIN_SECONDS)
        except OSError as error:
            self._has_no_events = True
            log.warning("changes of files are looked for once a second, as the system sends no events: %s", error)

    def _look(self) -> Folders:
        """Look for changes, and report them; return the folders."""
        began = time.monotonic()
        with self._lock:
            known = self._known
            now, folders = self._scan(known)
            self._look_seconds = max(LOOK_SECONDS, (time.monotonic() - began) * LOOK_SHARE)
            if any(_is_suspicious(known[path], now.get(path)) for path in known):
                self._is_woken.wait(AGAIN_SECONDS)
                now, folders = self._scan(known)
            changed = [path for path in known.keys() | now.keys() if _digest(known.get(path)) != _digest(now.get(path))]
            self._known = now
            changes = [
                Change(path=Path(path), kind=kind, is_there=path in now, was_there=path in known)
                for path in sorted(changed)
                if (kind := self._places.kind_of(Path(path))) is not None
            ]
        if changes and not self._is_stopped.is_set():
            self._on_change(changes)
        return folders

    def _scan(self, known: dict[str, Seen]) -> tuple[dict[str, Seen], Folders]:
        """Return all files of the site, and the folders; what has its old stamp is not read again."""
        places = self._places
        found: dict[str, Seen] = {}
        folders: Folders = []
        links = set()
        for folder, status, entries in folders_below(places.folders):
            folders.append((folder, status.st_dev, status.st_ino))
            for each in entries:
                if places.kind_of(Path(each.path)) is not None and (seen := _seen(each.path, known.get(each.path))):
                    found[each.path] = seen
                    if each.is_symlink():
                        links.add(str(Path(each.path).resolve().parent))
        if places.env_file and (seen := _seen(places.env_file, known.get(places.env_file))):
            found[places.env_file] = seen
        self._behind_links = links
        return found, folders


def _seen(path: str, before: Seen | None) -> Seen | None:
    """Return a file as it is now, None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        if before is not None and before.stamp == stamp and not _may_have_changed(status):
            return before
        if status.st_size > MAX_HASHED_BYTES:
            return Seen(stamp, repr(stamp).encode(), status.st_size)
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            content = file.read(MAX_HASHED_BYTES)
    except OSError:
        return None
    return Seen(stamp, hashlib.sha256(content, usedforsecurity=False).digest(), len(content))


def _may_have_changed(status: os.stat_result) -> bool:
    """Return whether a file may have changed without a new stamp: it was written just now."""
    return time.time() - status.st_mtime < STABLE_SECONDS


def _digest(seen: Seen | None) -> bytes:
    return b"" if seen is None else seen.digest


def _is_suspicious(before: Seen, now: Seen | None) -> bool:
    """Return whether a file is gone, or empty, and was not: an editor may be about to write it."""
    return now is None or (now.size == 0 and before.size > 0)
