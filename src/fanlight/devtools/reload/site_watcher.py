"""Watch the files of a site, in a thread.

In: the folder of the site. Out: a call with the files that have changed, when they have other content than before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import watchfiles

STEP_MILLISECONDS = 20
IGNORED = frozenset({".git", ".hg", ".venv", "venv", "site-packages", "__pycache__", "node_modules"})


class SiteWatcher:
    """Watches one folder."""

    def __init__(self, folder: Path, on_change: Callable[[list[Path]], object]) -> None:
        self._folder, self._on_change = folder, on_change
        self._must_stop = threading.Event()
        self._known: dict[Path, bytes] = {each: _digest(each) for each in self._files()}

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._run, name="fanlight-watch", daemon=True).start()

    def stop(self) -> None:
        """Have the thread end soon."""
        self._must_stop.set()

    def _run(self) -> None:
        for changes in watchfiles.watch(
            self._folder, watch_filter=None, step=STEP_MILLISECONDS, stop_event=self._must_stop, raise_interrupt=False
        ):
            changed = [path for path in {Path(each) for _, each in changes} if self._is_watched(path)]
            if changed := [each for each in changed if self._has_changed(each)]:
                self._on_change(sorted(changed))

    def _has_changed(self, path: Path) -> bool:
        before, now = self._known.get(path, b""), _digest(path)
        self._known[path] = now
        return now != before

    def _files(self) -> list[Path]:
        return [each for each in self._folder.rglob("*.py") if self._is_watched(each)]

    def _is_watched(self, path: Path) -> bool:
        return path.suffix == ".py" and not IGNORED.intersection(path.relative_to(self._folder).parts)


def _digest(path: Path) -> bytes:
    """Return a digest of a file's content, b"" if there is none."""
    try:
        return hashlib.sha256(path.read_bytes(), usedforsecurity=False).digest()
    except OSError:
        return b""
