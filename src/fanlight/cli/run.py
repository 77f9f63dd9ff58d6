"""`fanlight run`: serve a site.

In: the argument of the command, and its flags. Out: a return when the server is stopped, or an exit with the error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from fanlight.bootstrap import no_garbage_collection
from fanlight.cli.failing import fail
from fanlight.cli.given_options import options_of
from fanlight.cli.uncaught import print_folded
from fanlight.errors import FanlightError
from fanlight.server.start import serve
from fanlight.server.workers.init_process import serve_in_child
from fanlight.settings.env_file import apply_env_file
from fanlight.site.banner import print_banner

if TYPE_CHECKING:
    from fanlight.site.app import App


def run_site(site: str, flags: Mapping[str, Any]) -> None:
    """Serve a site until the shutdown."""

    def make() -> tuple[App, dict[str, Any]]:
        with no_garbage_collection():  # here: a supervisor never loads a site
            from fanlight.site.finding import typed_folder
            from fanlight.site.loading import load
            from fanlight.site.preparation import prepare

        apply_env_file(options.env_file, os.environ)  # in each worker, so that a reload finds what has changed in it
        folder = typed_folder(site)
        app = load(site, traceback=options.traceback)
        prepare(app, options, os.environ, typed_folder=folder)
        return app, {**app.facts, "site": site}

    try:
        serve_in_child()
        options = options_of(flags)
        if options.traceback == "site":
            sys.excepthook = print_folded
        serve(make, options, partial(print_banner, options))
    except FanlightError as error:
        fail(error, "; server not started")
