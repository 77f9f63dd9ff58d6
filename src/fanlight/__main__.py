"""The command: `fanlight`, or `python -m fanlight`.

In: the words of the command line. Out: what the command does. What most starts are, a plain `run` or `dev`, does
without click, which takes a sixth of a start; all else is read by click.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from fanlight.bootstrap import no_garbage_collection


def main(words: Sequence[str] | None = None) -> None:
    """Run the command of these words, by default those of this process."""
    typed = sys.argv[1:] if words is None else words
    plain = None
    # On Windows click replaces the patterns in what was typed, which elsewhere the shell has done.
    if os.name == "posix" and typed[:1] in (["run"], ["dev"]):
        with no_garbage_collection():
            from fanlight.cli.plain_words import read_plain  # noqa: PLC0415 - help needs no settings

            plain = read_plain(typed[1:])
    if plain is not None:
        serve(typed[0], *plain)
    else:
        from fanlight.cli.commands import main as run_by_click  # noqa: PLC0415 - not for a plain start

        run_by_click(words, obj=serve)


def serve(command: str, site: str, flags: Mapping[str, Any]) -> None:
    """Serve a site by `run` or `dev`, until the shutdown. Exits with a message if that can't be done."""
    with no_garbage_collection():
        if command == "run":
            from fanlight.cli.run import run_site as serve_site  # noqa: PLC0415 - help needs no server
        else:
            from fanlight.cli.dev import develop as serve_site  # noqa: PLC0415 - as above
    serve_site(site, flags)


if __name__ == "__main__":
    main()
