"""A Python shell with a site at hand: `fanlight shell`.

In: an app. Out: an interactive session (IPython where it is installed), or, if standard input is no terminal, the
program in it is run; then an exit code. The lifespan runs from the first line to the last: `client` has started it, in
the thread of its server.
"""

from __future__ import annotations

import code
import contextlib
import importlib
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from fanlight.app.endpoints import is_view
from fanlight.cli.dev import ENV_FILE
from fanlight.cli.routes import format_routes
from fanlight.errors import AppError
from fanlight.message.request import Request
from fanlight.routing.route import Route
from fanlight.site.app import App
from fanlight.site.finding import find
from fanlight.testing.client import Client
from fanlight.tracebacks.lines import folded_text

HISTORY_LINES = 1000
_BANNER = """\
Fanlight shell of {site}, with Python {version}; Ctrl+D ends it

  app        the site: {count} route{s}
  routes()   lists them
  client     sends requests to it: client.get("/").text, client.post("/", form={{"name": "Ada"}})
  url_for    the path of a view: url_for({example})
  state      what the lifespan has opened
  Request    the class of requests
"""


def env_file_beside(site: str) -> str:
    """Return the path of the .env in the folder of a site, as `fanlight dev` reads it, "" if there is none."""
    file = find(site).root / ENV_FILE
    return str(file) if file.exists() else ""


def run_shell(app: App, site: str) -> int:
    """Run a session, or the program in standard input; return the exit code. Raises AppError if the lifespan fails."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end)
    with _started(app) as client:
        names = _names(app, client)
        if not sys.stdin.isatty():
            return _run_program(sys.stdin.read(), names)
        banner = _banner(app, site)
        if importlib.util.find_spec("IPython") is not None:
            _run_ipython(banner, names)
        else:
            _run_console(banner, names)
    return 0


def _end(number: int, _: object) -> NoReturn:
    """End the session, and its lifespan, at a signal; a second one ends the process at once."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


@contextlib.contextmanager
def _started(app: App) -> Iterator[Client]:
    """Return a client, which has started the lifespan, and closes it in the end. Raises AppError if either fails."""
    try:
        client = Client(app)
    except Exception as error:  # noqa: BLE001 - whatever the lifespan raises
        raise AppError(f"the lifespan failed; shell not started:\n\n{folded_text(error, app.folder)}") from None
    try:
        yield client
    finally:
        try:
            client.close()
        except Exception as error:  # noqa: BLE001 - whatever the lifespan raises
            raise AppError(f"the lifespan failed at its end:\n\n{folded_text(error, app.folder)}") from None


def _names(app: App, client: Client) -> dict[str, Any]:
    """Return what is at hand in the shell."""

    def routes() -> None:
        """List the routes of the site."""
        print("\n".join(format_routes(app.table)))

    return {
        "__name__": "__console__",
        "__doc__": None,
        "app": app,
        "routes": routes,
        "client": client,
        "url_for": app.url_for,
        "state": app.state,
        "Request": Request,
    }


def _banner(app: App, site: str) -> str:
    count, version = len(app.table.routes), sys.version.partition(" ")[0]
    example = next((_example(each) for each in app.table.routes if is_view(each.view) and each.name), "view")
    return _BANNER.format(site=site, version=version, count=count, s="s" * (count != 1), example=example)


def _example(route: Route) -> str:
    """Return the arguments of a call of `url_for`: `"blog:post", slug=...`."""
    name = ":".join(filter(None, (route.inherited.table, route.name.rpartition(".")[2])))
    return ", ".join([f'"{name}"', *(f"{each}=..." for each in route.parameters)])


def _run_program(source: str, names: dict[str, Any]) -> int:
    """Run Python code; an exception is printed with the frames of the code, and makes the exit code 1."""
    try:
        exec(compile(source, "<stdin>", "exec"), names)  # noqa: S102 - that is what the command is for
    except Exception as error:  # noqa: BLE001 - any exception of the program
        trace = error.__traceback__
        traceback.print_exception(type(error), error, trace.tb_next if trace is not None else None)
        return 1
    return 0


def _run_ipython(banner: str, names: dict[str, Any]) -> None:
    config: Any = importlib.import_module("traitlets.config").Config
    configuration = config({"TerminalInteractiveShell": {"banner1": f"{banner}\n"}})
    importlib.import_module("IPython").start_ipython(argv=[], user_ns=names, config=configuration)


def _run_console(banner: str, names: dict[str, Any]) -> None:
    with _line_editing(names):
        code.interact(banner, local=names, exitmsg="")


@contextlib.contextmanager
def _line_editing(names: dict[str, Any]) -> Iterator[None]:
    """Complete names by Tab, and keep the history of lines in a file, where Python has readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        yield
        return
    history = _history_file()
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    try:
        yield
    finally:
        readline.set_history_length(HISTORY_LINES)
        with contextlib.suppress(OSError):
            history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            readline.write_history_file(history)


def _history_file() -> Path:
    """Return the file of the history, below XDG_STATE_HOME."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "fanlight" / "shell_history"
