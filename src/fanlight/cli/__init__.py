"""The command `fanlight`."""

from fanlight.cli.commands import main

__all__ = ["main"]
