"""The command line: dev, run, routes, openapi, shell, check, new, secret, status.

In: arguments. Out: a running server, or lines on stdout, and an exit code: 0, or 1 with the error and what to do about
it on stderr. Each command imports what it needs, so that `--help` and `--version` do not load the server.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli.failing import fail
from fanlight.cli.flags import SettingsCommand
from fanlight.closest_name import closest_name
from fanlight.errors import FanlightError
from fanlight.version import VERSION

if TYPE_CHECKING:
    from fanlight.settings.options import Options
    from fanlight.site.app import App

Serve = Callable[[str, str, Mapping[str, Any]], None]  # a command, a site and flags; the object of click's context


class _Commands(click.Group):
    """A group of commands that suggests the closest one for a mistyped name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command for a name, or fail with a suggestion."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = closest_name(args[0], self.list_commands(ctx))
            meant = f"fanlight {close}" if close else f"fanlight dev {args[0]}" if args[0].endswith(".py") else ""
            ctx.fail(f"there is no command {args[0]!r}{f'; did you mean `{meant}`?' if meant else ''}")
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _: click.Parameter, is_given: bool) -> None:  # noqa: FBT001 - as click calls it
    """Show the versions of Fanlight and Python, what reads the heads of requests, and why nothing faster does."""
    if is_given:
        from fanlight.wire.http1.head_reader import READER, UNUSED_REASON

        print(f"fanlight {VERSION}, Python {sys.version.split()[0]}, heads are read by {READER}")
        if UNUSED_REASON:
            print(UNUSED_REASON)
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help=_print_version.__doc__
)
def main() -> None:
    """Fanlight: a small web framework with its own HTTP server."""


_SITE = click.argument("site", default="main.py")
_ENV_FILE = click.option(
    "--env-file",
    envvar="FANLIGHT_ENV_FILE",
    default="",
    metavar="FILE",
    help="Add the lines of FILE to the environment.",
)


@main.command(cls=SettingsCommand)
@_SITE
@click.pass_obj
def dev(serve: Serve, /, site: str, **flags: Any) -> None:
    """Serve SITE for development on this machine: changes are loaded at once, errors are explained."""
    serve("dev", site, flags)


@main.command(cls=SettingsCommand)
@_SITE
@click.pass_obj
def run(serve: Serve, /, site: str, **flags: Any) -> None:
    """Serve SITE: a file (default: main.py), a folder or a module; main:name selects an app by name."""
    serve("run", site, flags)


@main.command()
@_SITE
@click.option("--explain", metavar="'[METHOD ]PATH'", help="Show which route matches, and why the others do not.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
@_ENV_FILE
def routes(site: str, explain: str | None, *, as_json: bool, env_file: str) -> None:
    """List the routes of SITE."""
    from fanlight.cli.routes import explain_match, format_routes
    from fanlight.cli.routes_json import routes_json

    if as_json and explain is not None:
        raise click.UsageError("--explain is for people; give it without --json")
    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):  # what the site prints is no JSON
        app = _loaded(site, env_file)
    if as_json:
        click.echo(routes_json(app, site))
        return
    lines = format_routes(app.table) if explain is None else explain_match(app, explain)
    click.echo("\n".join(lines))


@main.command()
@_SITE
@click.option("--strict", is_flag=True, help="Exit with code 1 if anything is left open.")
@_ENV_FILE
def openapi(site: str, *, strict: bool, env_file: str) -> None:
    """Print the description of SITE in OpenAPI, for a build; on stderr, what it leaves open."""
    with contextlib.redirect_stdout(sys.stderr):  # what the site prints is no JSON
        document = _loaded(site, env_file).describe()
    click.echo(document.encode(indent=2))
    for title, notes in (("left open", document.gaps), ("left out", document.left_out)):
        if notes:
            click.echo(f"\n{title}:\n" + "\n".join(map(str, notes)), err=True)
    if strict and document.gaps:
        sys.exit(1)


@main.command(cls=SettingsCommand)
@_SITE
@click.option(
    "--deploy", is_flag=True, help="Also check the settings for production; takes the flags of `fanlight run`."
)
def check(site: str, *, deploy: bool, **flags: Any) -> None:
    """Check SITE for every error that can be found without serving it."""
    from fanlight.cli.given_options import options_of, origins_of
    from fanlight.settings.env_file import apply_env_file
    from fanlight.site.finding import typed_folder

    if not deploy and any(value not in {None, ()} for name, value in flags.items() if name != "env_file"):
        raise click.UsageError("settings are checked with --deploy only; add it")
    try:
        options = options_of(flags) if deploy else None
        origins = {} if options is None else origins_of(flags, env_file=options.env_file)
        apply_env_file(flags["env_file"] or (options.env_file if options is not None else ""), os.environ)
        folder = typed_folder(site)
    except FanlightError as error:
        fail(error)
    app = _loaded(site)
    count, templates = len(app.table.routes), len(app.pages.names())
    click.echo(f"{site}: no errors ({count} route{'s' * (count != 1)}, {templates} template{'s' * (templates != 1)})")
    if options is not None:
        _check_for_production(app, options, origins, folder)


def _check_for_production(app: App, options: Options, origins: Mapping[str, str], folder: Path) -> None:
    """Print what the settings mean on this machine. Exits with code 1 for an error."""
    from fanlight.cli.deploy_check.checks import run_checks
    from fanlight.cli.deploy_check.deploy_findings import format_findings
    from fanlight.cli.deploy_check.machine import Machine
    from fanlight.cli.deploy_check.services_state import ServicesState, bus_problem
    from fanlight.cli.deploy_check.site_checks import SiteFacts
    from fanlight.cli.deploy_check.weak_options import weak_options
    from fanlight.site.weakened import weakened

    weak = (*weakened(app, options.limits.content_bytes), *weak_options(options, origins))
    services = ServicesState.read(options, os.environ, folder) if app.needs_services else None
    facts = SiteFacts(weaknesses=weak, services=services, bus_problem=bus_problem(options), has_hosts=app.has_hosts)
    findings = run_checks(options, Machine.read(options), facts)
    click.echo(f"\n{format_findings(findings)}")
    if any(each.level == "error" for each in findings):
        sys.exit(1)


@main.command()
@_SITE
@_ENV_FILE
def shell(site: str, *, env_file: str) -> None:
    """Open a Python shell with SITE at hand, or run the program in standard input."""
    from fanlight.cli.shell import env_file_beside, run_shell

    try:
        app = _loaded(site, env_file or env_file_beside(site))
        sys.exit(run_shell(app, site))
    except FanlightError as error:
        fail(error)


@main.command()
@click.argument("name")
def new(name: str) -> None:
    """Create a new site in the folder NAME."""
    from fanlight.cli.new import create_site

    try:
        created = create_site(Path(name))
    except FanlightError as error:
        fail(error)
    click.echo(f"created {name}:")
    click.echo("\n".join(f"  {each}" for each in created))
    click.echo(f"\nnext:\n  cd {name}\n  fanlight dev\n")


@main.command()
def secret() -> None:
    """Print a new secret, for FANLIGHT_SECRET."""
    from fanlight.signing.site_secrets import make_secret

    click.echo(make_secret())


@main.command()
@click.argument("which", required=False, metavar="[PID or SOCKET]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per server.")
def status(which: str | None, *, as_json: bool) -> None:
    """Show what running servers do: all of yours, or the one with this process id or control socket."""
    import json

    from fanlight.cli.status import format_status, statuses

    try:
        found = statuses(which)
    except FanlightError as error:
        fail(error)
    click.echo("\n".join(json.dumps(each) for each in found) if as_json else "\n\n".join(map(format_status, found)))


_MAY_DIFFER = click.option(
    "--may-differ",
    metavar="RULE",
    multiple=True,
    help="What may differ: field:NAME, json:/items/*/id, text:REGEX or content. Repeatable.",
)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", help="The development server, if several run: http://localhost:8000.")
@click.option("--with-secrets", is_flag=True, help="Keep cookies and Authorization; the file is then for you alone.")
@click.option("--earlier", is_flag=True, help="Also keep the exchanges that the server has already.")
@_MAY_DIFFER
def record(file: Path, *, url: str | None, with_secrets: bool, earlier: bool, may_differ: tuple[str, ...]) -> None:
    """Keep the exchanges of the running development server in FILE, until Ctrl+C."""
    from fanlight.cli.record import ExchangeRecorder
    from fanlight.devtools.running_servers import find_by_url, find_one

    try:
        server = find_one() if url is None else find_by_url(url)
        recorder = ExchangeRecorder(server, file, may_differ, has_secrets=with_secrets, has_earlier=earlier)
        click.echo(f"recording {server.url} to {file}; Ctrl+C stops it")
        recorder.run(click.echo)
    except FanlightError as error:
        fail(error)
    click.echo(f"{recorder.count} exchanges in {file}; send them again: fanlight replay {file}")


@main.command()
@click.argument("what", metavar="ID|FILE")
@click.option("--url", help="The server to send requests to; default: the development server that runs, else SITE.")
@click.option("--site", default="main.py", help="The site to start if no development server runs.  [main.py]")
@click.option("--yes", is_flag=True, help="Send requests that may write (POST, PUT ...) without asking.")
@_MAY_DIFFER
def replay(what: str, *, url: str | None, site: str, yes: bool, may_differ: tuple[str, ...]) -> None:
    """Send an exchange, or all of a recorded FILE, again, and show what differs; exit code 1 if anything does."""
    from fanlight.cli.replay import is_id, recording_of_id, send_all, target_url, writing_requests
    from fanlight.devtools.inspector.replay.differences import Rules
    from fanlight.devtools.inspector.replay.recording_file import read

    try:
        if is_id(what):
            recording, server = recording_of_id(what, url)
            url = server.url
        else:
            recording = read(Path(what))
        rules = Rules.read([*recording.rules, *may_differ])
        _confirm_writing(writing_requests(recording.exchanges), is_confirmed=yes)
        with target_url(url, partial(_started, site)) as (to, name):
            click.echo(f"sending {len(recording.exchanges)} request{'s' * (len(recording.exchanges) != 1)} to {name}")
            same, differ, skipped = send_all(recording.exchanges, to, rules, click.echo)
    except FanlightError as error:
        fail(error)
    click.echo(f"{same} the same, {differ} different, {skipped} not compared")
    if differ:
        sys.exit(1)


@contextmanager
def _started(site: str) -> Iterator[str]:
    """Serve a site on a port of its own, and yield its URL."""
    from fanlight.testing.running import LiveServer

    with LiveServer(_loaded(site)) as server:
        yield server.url


def _confirm_writing(requests: list[str], *, is_confirmed: bool) -> None:
    """Ask before requests that may write are sent. Exits if that is refused, or standard input is no terminal."""
    if not requests or is_confirmed:
        return
    listed = ", ".join(requests[:5]) + (f" and {len(requests) - 5} more" if len(requests) > 5 else "")
    if not sys.stdin.isatty():
        raise click.UsageError(f"{len(requests)} of the requests may write ({listed}); add --yes to send them")
    click.confirm(f"{len(requests)} of the requests may write ({listed}). Send them?", abort=True)


def _loaded(site: str, env_file: str = "") -> App:
    from fanlight.settings.env_file import apply_env_file
    from fanlight.site.loading import load

    try:
        apply_env_file(env_file, os.environ)
        return load(site)
    except FanlightError as error:
        fail(error)
