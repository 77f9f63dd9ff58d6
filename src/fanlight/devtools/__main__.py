"""`python -m fanlight.devtools`: a worker of `fanlight dev`, started by its parent process.

In: the channel, by the environment. Out: an exit code. It is no command of its own, so that nothing is parsed again.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from fanlight.devtools.reload.dev_worker import run_dev_worker
from fanlight.server.shutdown import flush_output
from fanlight.server.workers.channel import Channel
from fanlight.site.app import App
from fanlight.site.loading import load


def load_site(site: str) -> tuple[App, dict[str, Any]]:
    """Return the app of a site, and its facts."""
    app = load(site)
    return app, app.facts


def main() -> int:
    """Serve until stopped; return the exit code."""
    channel = Channel.inherited(os.environ)
    if channel is None:
        sys.exit("fanlight.devtools: this is a part of `fanlight dev`; run that")
    code = run_dev_worker(load_site, channel)
    flush_output()
    return code


if __name__ == "__main__":
    sys.exit(main())
