"""`fanlight dev`: serve a site for development.

In: the argument of the command, and options. Out: a return when it is stopped. Refuses settings that make no sense for
one person's machine.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec

from fanlight.errors import InvalidSetting
from fanlight.settings.options import Options

_NEEDED = ("watchfiles", "rich")
_LOOPBACK = ("localhost:", "127.", "[::1]:")


def develop(site: str, options: Options) -> None:
    """Serve until Ctrl+C. Raises InvalidSetting, AddressUnavailable or LoadError."""
    missing = [each for each in _NEEDED if find_spec(each) is None]
    if missing:
        raise InvalidSetting(f"`fanlight dev` needs {' and '.join(missing)}: pip install 'fanlight[dev]'")
    _check(options)
    from fanlight.devtools.reload.dev_supervisor import SIGNALS, DevSupervisor
    from fanlight.server.shutdown import ShutdownController
    from fanlight.site.banner import print_banner
    from fanlight.site.finding import find

    target = find(site)
    shutdown = ShutdownController(options.limits)
    shutdown.install(SIGNALS)
    code = DevSupervisor(site, target.root, options, partial(print_banner, options), shutdown).run()
    if code:
        sys.exit(code)


def _check(options: Options) -> None:
    for bind in options.bind:
        if not bind.startswith(_LOOPBACK):
            raise InvalidSetting(
                f"`fanlight dev` shows source code and requests, so it listens on this machine only, and not on {bind};"
                " leave out --host and --bind, or use `fanlight run`"
            )
    for name in ("workers", "user", "admin", "pid_file", "redirect_from", "trusted_proxies", "proxy_protocol"):
        if getattr(options, name):
            raise InvalidSetting(f"--{name.replace('_', '-')} is for `fanlight run`; `fanlight dev` has one worker")
