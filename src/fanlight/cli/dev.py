"""`fanlight dev`: serve a site for development.

In: the argument of the command, and options. Out: a return when it is stopped. Refuses settings that make no sense for
one person's machine.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fanlight.cli.failing import fail
from fanlight.cli.given_options import options_of
from fanlight.errors import AddressUnavailable, FanlightError, InvalidSetting
from fanlight.settings.options import Options

if TYPE_CHECKING:
    from fanlight.devtools.reload.site_files import Places

ENV_FILE = ".env"  # in the folder of the site
_NEEDED = ("watchfiles", "rich")
_OWN_HOSTS = ("localhost", "*.localhost", "127.0.0.1", "[::1]")  # where the developer opens the site and the tools
_LOOPBACK = ("localhost:", "127.", "[::1]:")


def develop(site: str, flags: Mapping[str, Any]) -> None:
    """Serve until Ctrl+C, by the flags of the command; an error ends the process."""
    try:
        _serve(site, flags)
    except FanlightError as error:
        fail(error, "; server not started")


def _serve(site: str, flags: Mapping[str, Any]) -> None:
    """Serve until Ctrl+C. Raises InvalidSetting, AddressUnavailable or LoadError."""
    missing = [each for each in _NEEDED if find_spec(each) is None]
    if missing:
        raise InvalidSetting(f"`fanlight dev` needs {' and '.join(missing)}: pip install 'fanlight[dev]'")
    from fanlight.devtools.reload.site_files import Places
    from fanlight.site.finding import find

    target = find(site)
    beside = target.root / ENV_FILE
    options = options_of(flags, env_file=str(beside) if beside.exists() else "")
    _check(options)
    if options.hosts:
        options = replace(options, hosts=(*options.hosts, *_OWN_HOSTS))
    templates, static = target.file.parent / "templates", target.file.parent / "static"
    places = Places(
        root=str(target.root),
        templates=(str(templates),),
        statics=(str(static),),
        env_file=options.env_file or str(beside),
    )
    code = _supervise(site, places, options) if os.name == "posix" else _restart(places, options)
    if code:
        sys.exit(code)


def _supervise(site: str, places: Places, options: Options) -> int:
    from fanlight.devtools.reload.dev_banner import banner
    from fanlight.devtools.reload.dev_supervisor import SIGNALS, DevSupervisor
    from fanlight.devtools.reload.keys import Keys
    from fanlight.server.shutdown import ShutdownController

    shutdown = ShutdownController(options.limits)
    # What was ignored stays so: under nohup the terminal may be closed.
    shutdown.install([each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN])

    def announce(url: str) -> None:
        with contextlib.suppress(OSError):  # a closed pipe is no reason not to serve
            print(banner(url, has_keys=Keys().is_there), flush=True)

    try:
        return DevSupervisor(site, places, options, shutdown, announce).run()
    except AddressUnavailable as error:
        raise AddressUnavailable(str(error).replace(": --port", ": fanlight dev --port")) from None


def _restart(places: Places, options: Options) -> int:
    from fanlight.devtools.reload.plain_restart import serve_and_restart

    words = sys.argv[sys.argv.index("dev") + 1 :]
    return serve_and_restart([*words, "--env-file", options.env_file] if options.env_file else words, places)


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
