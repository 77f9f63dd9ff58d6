"""What can be typed: run, routes, check, new, status.

In: words. Out: a site that serves, or lines on the terminal, and an exit code: 0, or 1 with what is
wrong and what to do about it on stderr.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from fanlight.cli.deploy_check.checks import format_findings, run_checks
from fanlight.cli.deploy_check.machine import Machine
from fanlight.cli.flags import SettingsCommand, options_of
from fanlight.cli.new import make_site
from fanlight.cli.routes import explained, listed
from fanlight.cli.secrecy import names_beside
from fanlight.cli.status import report, statuses
from fanlight.errors import FanlightError, SetupError
from fanlight.server.start import serve
from fanlight.server.workers.init_process import serve_in_child
from fanlight.site.app import App
from fanlight.site.banner import announcement
from fanlight.site.loading import load


class _Suggesting(click.Group):
    """A group of commands that knows what a mistyped one was meant to be."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which comes close."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            meant = f"fanlight {close[0]}" if close else f"fanlight run {args[0]}" if args[0].endswith(".py") else ""
            ctx.fail(f"there is no command {args[0]!r}{f'; did you mean `{meant}`?' if meant else ''}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Suggesting, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fanlight", message="fanlight %(version)s")
def main() -> None:
    """Fanlight: a small web framework that carries its own HTTP server."""


_SITE = click.argument("site", default="main.py")


@main.command(cls=SettingsCommand)
@_SITE
def run(site: str, **flags: Any) -> None:
    """Serve SITE: a file (main.py if none is given), a folder or a module; main:name is what has that name in it."""
    try:
        serve_in_child()
        options = options_of(flags)
        serve(lambda: _described(load(site)), options, announcement(options))  # a parent of workers never loads it
    except FanlightError as error:
        _fail(error)


@main.command()
@_SITE
@click.option("--explain", metavar="'[METHOD ]PATH'", help="Say what matches, and why the others don't.")
def routes(site: str, explain: str | None) -> None:
    """List the routes of SITE."""
    app = _loaded(site)
    lines = listed(app.table) if explain is None else explained(app, explain)
    click.echo("\n".join(lines))


@main.command(cls=SettingsCommand)
@_SITE
@click.option("--deploy", is_flag=True, help="Also how it would be served: takes every flag of `fanlight run`.")
def check(site: str, *, deploy: bool, **flags: Any) -> None:
    """Check everything that can be checked before a port opens."""
    if not deploy and any(value not in {None, ()} for value in flags.values()):
        raise click.UsageError("how it would be served is looked at with --deploy only; add it")
    try:
        options = options_of(flags) if deploy else None
    except FanlightError as error:
        _fail(error)
    app = _loaded(site)
    count = len(app.table.routes)
    click.echo(f"{site}: all is well ({count} route{'s' * (count != 1)}, {len(app.pages.names())} templates)")
    if options is not None:
        findings = run_checks(options, Machine.read(options, os.environ), names_beside(app.file))
        click.echo(f"\n{format_findings(findings)}")
        if any(each.level == "problem" for each in findings):
            sys.exit(1)


@main.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a new site in the folder NAME."""
    try:
        made = make_site(Path(name))
    except FanlightError as error:
        _fail(error)
    click.echo(f"made {name}:")
    click.echo("\n".join(f"  {each}" for each in made))
    click.echo(f"\nnow:\n  cd {name}\n  fanlight run\n")


@main.command()
@click.argument("which", required=False, metavar="[PID or SOCKET]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each server, one a line.")
def status(which: str | None, *, as_json: bool) -> None:
    """Ask running servers what they do: all of yours, or the one with this process id or control socket."""
    try:
        found = statuses(which)
    except FanlightError as error:
        _fail(error)
    click.echo("\n".join(json.dumps(each) for each in found) if as_json else "\n\n".join(map(report, found)))


def _described(app: App) -> tuple[App, dict[str, Any]]:
    return app, app.facts


def _loaded(site: str) -> App:
    try:
        return load(site)
    except FanlightError as error:
        _fail(error)


def _fail(error: FanlightError) -> NoReturn:
    if isinstance(error, SetupError):
        count = len(error.mistakes)
        click.echo(f"{count} mistake{'s' * (count != 1)}, so nothing was started:\n", err=True)
        click.echo("\n\n".join(str(mistake) for mistake in error.mistakes), err=True)
    else:
        click.echo(f"fanlight: {error}", err=True)
    sys.exit(1)
