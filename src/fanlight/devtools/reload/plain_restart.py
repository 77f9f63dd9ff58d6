"""`fanlight dev` where sockets can't be passed between processes (Windows): the server is restarted at each change.

In: the command that serves the site, and its places. Out: an exit code when it is stopped. Between two servers the port
is closed for a moment. There are no tools here: no refresh, no overlay, no inspector.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
from collections.abc import Sequence

from fanlight.devtools.reload.site_files import Places
from fanlight.devtools.reload.site_watcher import Change, SiteWatcher

STOP_SECONDS = 5.0
LOOK_SECONDS = 0.5


def serve_and_restart(arguments: Sequence[str], places: Places) -> int:
    """Run `fanlight run` with some arguments, anew after each change, until Ctrl+C; return the exit code."""
    changes: queue.SimpleQueue[list[Change]] = queue.SimpleQueue()
    watcher = SiteWatcher(places, changes.put)
    watcher.begin()
    command = [sys.executable, "-m", "fanlight", "run", *arguments]
    server = subprocess.Popen(command)  # noqa: S603 - it is this program
    try:
        while True:
            with contextlib.suppress(queue.Empty):
                changed = changes.get(timeout=LOOK_SECONDS)
                sys.stdout.write(f"{', '.join(each.path.name for each in changed)} changed: restarting\n")
                sys.stdout.flush()
                _stop(server)
                server = subprocess.Popen(command)  # noqa: S603 - as above
    except KeyboardInterrupt:
        return 0
    finally:
        watcher.stop()
        _stop(server)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
