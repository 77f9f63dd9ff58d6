"""`fanlight dev` where sockets can't be passed between processes (Windows): the server is restarted at each change.

In: the command that serves the site, and its places. Out: an exit code when it is stopped. Between two servers the port
is closed for a moment. There are no tools here: no refresh, no overlay, no inspector.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
from collections.abc import Sequence

from fanlight.devtools.reload.site_files import Places
from fanlight.devtools.reload.site_watcher import Change, SiteWatcher

STOP_SECONDS = 5.0
LOOK_SECONDS = 0.5


def serve_and_restart(arguments: Sequence[str], places: Places) -> int:
    """Run `fanlight run` with some arguments, again after each change, until Ctrl+C; return the exit code."""
    changes: queue.SimpleQueue[list[Change]] = queue.SimpleQueue()  # an empty list: stop
    # A KeyboardInterrupt could come while a server is being started, which would not be stopped then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: changes.put([]))
    watcher = SiteWatcher(places, changes.put)
    watcher.begin()
    command = [sys.executable, "-m", "fanlight", "run", *arguments]
    server = subprocess.Popen(command)  # noqa: S603 - it is this program
    try:
        while (changed := _next(changes)) != []:
            if changed is not None:
                sys.stdout.write(f"{', '.join(each.path.name for each in changed)} changed: restarting\n")
                sys.stdout.flush()
                _stop(server)
                server = subprocess.Popen(command)  # noqa: S603 - as above
    finally:
        watcher.stop()
        _stop(server)
    return 0


def _next(changes: queue.SimpleQueue[list[Change]]) -> list[Change] | None:
    """Return the next changes, None if there are none yet: a wait without an end would hold up Ctrl+C on Windows."""
    try:
        return changes.get(timeout=LOOK_SECONDS)
    except queue.Empty:
        return None


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
