"""Run the command: `python -m fanlight`."""

from fanlight.cli.commands import main

main()
